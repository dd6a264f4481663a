"""What is kept of jobs that wait, that waited, and of how long bursts took."""

from __future__ import annotations

from burstd.core.model import JobState, Plan
from burstd.core.reasons import Code, Reason
from burstd.engine import chronicle
from burstd.engine.chronicle import Chronicle
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_job, a_policy, a_pool, a_snapshot, some_hosts

BUSY, PAUSED = Reason(Code.POOL_BUSY, "burst-0"), Reason(Code.PAUSED)
HOSTS = some_hosts([a_pool()], online=(4, 5))


def tick(at: float, reasons, jobs=None, **seen) -> Tick:
    jobs = tuple(a_job(job, userid=7) for job, _ in reasons) if jobs is None else jobs
    snapshot = a_snapshot(hosts=HOSTS, jobs=jobs, **seen)
    return Tick(snapshot, Plan(reasons=tuple(reasons)), a_policy(), at, 0.0)


def told(kept: Chronicle, job: int = 1):
    return kept.told(job, kept.waiting)


def test_a_job_that_began_is_told_with_its_hosts() -> None:
    """It is kept where it began, until when it waited, and whose it is."""
    kept = Chronicle()
    kept.ticked(tick(NOW, [(1, BUSY)]))
    running = a_job(state=JobState.RUN, ranks=(4, 5), userid=7)
    kept.ticked(tick(NOW + 1, [], (running,)))
    left = told(kept).left
    assert left is not None
    assert (left.hosts, left.at, left.userid) == ("burst-0-[0-1]", NOW + 1, 7)
    assert [one.reason for one in left.history.changes] == [BUSY]


def test_a_job_that_is_gone_at_once_is_still_its_users() -> None:
    """One that was cancelled is in no listing any more; whose it was is known from the one before."""
    kept = Chronicle()
    kept.ticked(tick(NOW, [(1, BUSY)]))
    kept.ticked(tick(NOW + 1, [], ()))
    left = told(kept).left
    assert left is not None
    assert (left.hosts, left.userid) == ("", 7)


def test_a_job_that_waits_again_goes_on_where_it_was() -> None:
    """A change of its urgency takes a job out of the queue for a moment; that ends no history."""
    kept = Chronicle()
    kept.ticked(tick(NOW, [(1, BUSY)]))
    kept.ticked(tick(NOW + 1, [], (a_job(state=JobState.PRIORITY),)))
    kept.ticked(tick(NOW + 2, [(1, PAUSED)]))
    known = told(kept)
    assert [(one.at, one.reason) for one in known.history.changes] == [(NOW, BUSY), (NOW + 2, PAUSED)]
    assert known.left is None


def test_a_job_that_begins_a_moment_after_it_left_is_told_with_its_hosts() -> None:
    """One that is released from a hold waits for its priority first, and then runs."""
    kept = Chronicle()
    kept.ticked(tick(NOW, [(1, BUSY)]))
    kept.ticked(tick(NOW + 1, [], (a_job(state=JobState.PRIORITY),)))
    kept.ticked(tick(NOW + 2, [], (a_job(state=JobState.RUN, ranks=(5,)),)))
    kept.ticked(tick(NOW + 3, [], ()))
    left = told(kept).left
    assert left is not None
    assert (left.hosts, left.at) == ("burst-0-1", NOW + 1)


def test_only_the_latest_that_left_are_kept() -> None:
    """Memory has an end, however many jobs come and go."""
    kept, many = Chronicle(), chronicle.MOST_LEFT + 10
    kept.ticked(tick(NOW, [(job, BUSY) for job in range(1, many + 1)]))
    kept.ticked(tick(NOW + 1, [], ()))
    assert [told(kept, job).left is None for job in (1, 10, 11, many)] == [True, True, False, False]


def test_another_lead_has_other_jobs() -> None:
    """What was known of ids is forgotten when the lead is another: they may be given again."""
    kept = Chronicle()
    kept.ticked(tick(NOW, [(1, BUSY), (2, BUSY)]))
    kept.ticked(tick(NOW + 1, [(2, BUSY)]))
    kept.ticked(tick(NOW + 2, [], (), lead_since=NOW + 2))
    assert (told(kept, 1).left, told(kept, 2).left) == (None, None)
