"""The desk answers from what was seen last, whatever the lead does."""

from __future__ import annotations

from burstd.core.model import Plan
from burstd.core.reasons import Code, Reason
from burstd.engine.control import Question
from burstd.engine.desk import Desk
from burstd.testing.builders import NOW, a_burst, a_policy, a_pool, a_snapshot, some_hosts

KNOWN = a_snapshot(hosts=(), bursts=(a_burst(),))


def asked(desk: Desk, *, lead_answers: bool):
    question = Question("status")
    desk.questions = lambda: [question]
    desk.answer(lambda _: KNOWN, a_policy(), NOW, lead_answers=lead_answers)
    return question.said.get_nowait()


def test_it_answers_before_the_lead_was_seen() -> None:
    """Bursts are known from the ledger; hosts and jobs are not."""
    found = asked(Desk(), lead_answers=False)
    (burst,) = found["bursts"]
    assert (found["lead_answers"], burst["name"], burst["hosts_online"]) == (False, "burst-0-g1", None)
    assert found["waiting"] == ()


def test_it_answers_while_the_lead_does_not() -> None:
    """Hosts and reasons are those of the last tick that saw the lead."""
    desk = Desk()
    hosts = some_hosts([a_pool()], online=(4, 5))
    desk.keep(a_snapshot(hosts=hosts), Plan(reasons=((1, Reason(Code.HELD)),)))
    found = asked(desk, lead_answers=False)
    (burst,), (wait,) = found["bursts"], found["waiting"]
    assert (found["lead_answers"], burst["hosts_online"], wait["code"]) == (False, 2, "held")


def test_nothing_is_looked_up_unless_somebody_asks() -> None:
    """A tick without a question costs nothing more."""
    known = []
    Desk().answer(known.append, a_policy(), NOW, lead_answers=True)
    assert known == []
