"""What the lead's scheduler and queues mean for burstable jobs, in sentences said at start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from burstd.core.model import Policy, Pool, Queue, Scheduling
from burstd.core.placement import queue_of, requirement

_MEANINGS = {
    Scheduling.FIFO: "a job that waits for hosts that are down blocks every job behind it, so burstd holds "
    "such a job, or keeps the queue of its pool stopped, until its hosts are up",
    Scheduling.FCFS: "a job whose hosts are down is refused at once, so burstd opens a pool's queue only "
    "for moments, for jobs whose hosts are up; what is submitted elsewhere, or into such a moment, can be "
    'refused; queue-policy = "easy" in [sched-fluxion-qmanager] is the better choice',
    Scheduling.BACKFILL: "later jobs pass one that waits for hosts that are down, so nothing has to be held",
    Scheduling.UNKNOWN: "burstd does not know what it does with a job that waits for hosts that are down and "
    "holds nothing",
}


def meaning(scheduler: str, queue_policy: str, scheduling: Scheduling) -> str:
    """Return the one sentence about the scheduler."""
    name = " with ".join(filter(None, (scheduler or "no scheduler", queue_policy)))
    return f"The lead schedules by {name}: {_MEANINGS[scheduling]}."


def lacks(policy: Policy, queues: tuple[Queue, ...], scheduling: Scheduling) -> Iterator[str]:
    """Yield what the lead's queues do not protect, and what would mend it."""
    bare = [pool.name for pool in policy.pools if queue_of(pool, queues) is None]
    if bare:
        names = ", ".join(bare)
        yield (
            f"The lead has no queue for {names}: ordinary jobs may run there, and while burstd is down a "
            f"job that waits for these hosts is {_unprotected(scheduling)}; `burstd render lead-toml` "
            "writes queues."
        )
    for pool in policy.pools:
        yield from _open_to_all(pool, queues)


def _unprotected(scheduling: Scheduling) -> str:
    return {Scheduling.FIFO: "in the way of others", Scheduling.FCFS: "refused"}.get(
        scheduling, "not protected"
    )


def _open_to_all(pool: Pool, queues: Iterable[Queue]) -> Iterator[str]:
    own = queue_of(pool, queues)
    if own is not None and requirement(own).allows(-1, "", frozenset()):
        yield (
            f"Queue {own.name} requires no property, so its jobs may run on the lead's own hosts as well; "
            f'requires = ["{pool.name}"] would keep them together.'
        )
