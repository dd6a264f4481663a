"""What is told of a job, whatever it does."""

from __future__ import annotations

import pytest

from burstd.core.constraint import parse
from burstd.core.discretion import whole_sentence
from burstd.core.history import Change, History, Left
from burstd.core.model import ByHand, Cooldown, Hold, JobState, Wish
from burstd.core.planner import plan
from burstd.core.reasons import Code, Reason
from burstd.core.why import STATES, Told, explain
from burstd.testing.builders import NOW, a_job, a_policy, a_pool, a_snapshot, some_hosts

SECOND = a_pool("burst-1", first_rank=8)
POOLS = (a_pool(), SECOND)
HISTORY = History((Change(NOW - 9, Reason(Code.PAUSED)), Change(NOW - 5, Reason(Code.POOL_BUSY, "burst-0"))))


def told(job, told_=None, policy=None, **seen):
    snapshot = a_snapshot(jobs=(job,), **{"hosts": some_hosts(POOLS), **seen})
    policy = policy or a_policy(*POOLS)
    made = plan(snapshot, policy, NOW)
    return explain(1, snapshot, policy, made, NOW, told_ or Told(), whole_sentence)


def places(why):
    return [(one.name or one.where, one.code) for one in why.considered]


def test_each_pool_has_its_own_reason() -> None:
    """A job that no pool serves is told what each of them said, not only the one with the most hope."""
    cooldown = Cooldown("burst-0", "quota", NOW + 60)
    why = told(a_job(hosts=5), policy=a_policy(a_pool(size=8), SECOND), cooldowns=(cooldown,))
    assert (why.code, why.earliest) == ("pool-cooldown", NOW + 60)
    assert places(why) == [("up", ""), ("coming", ""), ("burst-0", "pool-cooldown"), ("burst-1", "too-large")]


def test_a_pool_after_the_one_that_serves_it_is_not_asked() -> None:
    """The first that can takes the job; those after it are told as not asked."""
    why = told(a_job(constraint=parse({"properties": ["burst"]})))
    assert places(why)[2:] == [("burst-0", "hosts-coming"), ("burst-1", "")]
    assert why.considered[-1].sentence == "Not asked: burst-0 serves it."
    assert why.considered[0].sentence.startswith("2 hosts are up; it may use 0 of them, and 0 of these have")


def test_a_pool_that_the_job_does_not_name_is_not_asked() -> None:
    """A job that names a pool is refused or served by that one alone."""
    why = told(a_job(wish=Wish("burst-1")))
    assert places(why)[2:] == [("burst-0", ""), ("burst-1", "hosts-coming")]
    assert why.considered[2].sentence == "Not asked: the job names burst-1."


def test_hosts_that_are_up_suffice() -> None:
    """No pool is asked for a job that could start at once."""
    why = told(a_job(hosts=2))
    assert places(why) == [("up", "starting"), ("burst-0", ""), ("burst-1", "")]


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (a_job(urgency=0), "held"),
        (a_job(wish=Wish(nonsense="[]")), "bad-burstable"),
        (a_job(wish=Wish("nowhere")), "unknown-target"),
    ],
)
def test_a_job_that_no_pool_is_asked_for_says_so(job, code: str) -> None:
    """It is one sentence, and what the user can do."""
    why = told(job)
    assert (why.state, why.code, why.considered) == ("waiting", code, ())
    assert why.next.endswith(".")


def test_a_hold_of_burstds_own_is_told() -> None:
    """Whoever sees urgency 0 learns whose it is."""
    held = a_job(urgency=0, hold=Hold("tester", 16))
    assert told(held).held
    assert not told(a_job()).held


def test_how_the_reason_changed_is_told() -> None:
    """The last change is the reason that holds, the ones before it are the past."""
    by_hand = ByHand(paused=True)
    why = told(a_job(), Told(HISTORY), by_hand=by_hand)
    assert why.since == NOW - 5
    assert [(one.at, one.code) for one in why.before] == [(NOW - 9, "paused")]


@pytest.mark.parametrize(
    ("job", "left", "state", "sentence"),
    [
        (
            a_job(state=JobState.RUN, ranks=(4, 5), started=NOW - 3),
            Left(HISTORY, 0, NOW - 2, "burst-0-[0-1]"),
            "running",
            "It runs on burst-0-[0-1].",
        ),
        (a_job(state=JobState.CLEANUP), None, "ending", "It is ending."),
        (a_job(state=JobState.DEPEND), None, "not-ready", "It waits for what it depends on"),
        (a_job(wish=None), None, "not-burstable", "It waits for the lead's own hosts alone"),
        (a_job(2), None, "unknown", "burstd knows no such job"),
        (
            a_job(2),
            Left(HISTORY, 0, NOW - 2, "burst-0-0"),
            "left",
            "It began on burst-0-0 and is over by now.",
        ),
        (a_job(2), Left(HISTORY, 0, NOW - 2), "left", "It waited, and is over by now."),
    ],
)
def test_a_job_that_waits_for_no_hosts_is_told_in_one_sentence(job, left, state, sentence) -> None:
    """Running, ending, not ready, not burstable, over, not known: each is said, with what it was before."""
    why = told(job, Told(left=left))
    assert why.state in STATES
    assert (why.state, why.told, why.code) == (state, state != "unknown", "")
    assert why.sentence.startswith(sentence)
    assert len(why.before) == (2 if left and state in ("running", "left") else 0)
