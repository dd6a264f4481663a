"""How the reasons of waiting jobs are remembered."""

from __future__ import annotations

from burstd.core import history
from burstd.core.history import MOST_CHANGES, Change, History, followed
from burstd.core.reasons import Code, Reason
from burstd.testing.builders import NOW

BUSY, PAUSED = Reason(Code.POOL_BUSY, "burst-0"), Reason(Code.PAUSED)


def test_only_changes_are_kept() -> None:
    """A reason that stays is one entry, from when it began."""
    first = followed({}, [(1, BUSY), (2, BUSY)], NOW)
    again = followed(first, [(1, Reason(Code.POOL_BUSY, "burst-0")), (2, PAUSED)], NOW + 1)
    assert again[1] == History((Change(NOW, BUSY),))
    assert again[2] == History((Change(NOW, BUSY), Change(NOW + 1, PAUSED)))


def test_jobs_alike_share_what_is_remembered() -> None:
    """Memory grows with what changes, not with how many jobs wait."""
    first = followed({}, [(job, BUSY) for job in range(1000)], NOW)
    assert len({id(one) for one in first.values()}) == 1
    after = followed(first, [(job, PAUSED if job % 2 else BUSY) for job in range(1000)], NOW + 1)
    assert len({id(one) for one in after.values()}) == 2


def test_of_each_job_the_latest_changes_are_kept() -> None:
    """Older ones are counted."""
    known = History()
    for turn in range(2 * MOST_CHANGES):
        known = known.then(PAUSED if turn % 2 else BUSY, NOW + turn)
    assert len(known.changes) == MOST_CHANGES
    assert known.dropped == MOST_CHANGES
    assert known.changes[-1].at == NOW + 2 * MOST_CHANGES - 1


def test_jobs_that_wait_no_more_are_forgotten() -> None:
    """Only those of the last plan are followed."""
    assert followed(followed({}, [(1, BUSY)], NOW), [], NOW) == {}


def test_there_is_an_end_to_how_many_are_followed() -> None:
    """Beyond it those that are followed already stay so, whatever their turn."""
    most = history.MOST_JOBS
    old = followed({}, [(0, BUSY)], NOW)
    jobs = [*((job, BUSY) for job in range(1, most + 1)), (0, BUSY)]
    known = followed(old, jobs, NOW + 1)
    assert len(known) == most
    assert known[0] is old[0]
    assert most not in known
