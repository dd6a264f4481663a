"""The desk answers from what was seen last, whatever the lead does."""

from __future__ import annotations

from burstd.core.model import Plan
from burstd.core.reasons import Code, Reason
from burstd.engine.desk import Desk
from burstd.engine.questions import Question
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_burst, a_policy, a_pool, a_snapshot, some_hosts

KNOWN = a_snapshot(hosts=(), bursts=(a_burst(),))


def asked(desk: Desk):
    question = Question("status")
    desk.questions = lambda: [question]
    desk.answer(lambda _: KNOWN, a_policy(), NOW)
    return question.said.get_nowait()


def away() -> Desk:
    """Return a desk that was told that the lead does not answer."""
    desk = Desk()
    desk.met(lead_answers=False)
    return desk


def test_it_answers_before_the_lead_was_seen() -> None:
    """Bursts are known from the ledger; hosts and jobs are not."""
    found = asked(away())
    (burst,) = found["bursts"]
    assert (found["lead_answers"], burst["name"], burst["hosts_online"]) == (False, "burst-0-g1", None)
    assert found["waiting"] == ()


def test_it_answers_while_the_lead_does_not() -> None:
    """Hosts and reasons are those of the last tick that saw the lead."""
    desk = away()
    hosts = some_hosts([a_pool()], online=(4, 5))
    plan = Plan(reasons=((1, Reason(Code.HELD)),))
    desk.ticked(Tick(a_snapshot(hosts=hosts), plan, a_policy(), NOW, 0.01))
    found = asked(desk)
    (burst,), (wait,) = found["bursts"], found["waiting"]
    assert (found["lead_answers"], burst["hosts_online"], wait["code"]) == (False, 2, "held")


def test_nothing_is_looked_up_unless_somebody_asks() -> None:
    """A tick without a question costs nothing more."""
    known = []
    Desk().answer(known.append, a_policy(), NOW)
    assert known == []
