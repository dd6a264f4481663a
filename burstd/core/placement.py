"""In which queue a job is served by a pool, and over which hosts it may be spread."""

from __future__ import annotations

from collections.abc import Iterable

from burstd.core.constraint import ANYWHERE, Constraint, Operator
from burstd.core.model import Job, Placement, Policy, Pool, Queue, Snapshot

MIXED_QUEUE = "mixed"
"""The queue that `render lead-toml` writes for jobs that may span pools and the lead's own hosts."""


def queue_of(pool: Pool, queues: Iterable[Queue]) -> Queue | None:
    """Return the lead's queue of a pool: the one it names, else the one called as the pool."""
    name = pool.queue or pool.name
    return next((queue for queue in queues if queue.name == name), None)


def requirement(queue: Queue) -> Constraint:
    """Return the constraint that a queue puts on its jobs when they are submitted."""
    if not queue.requires:
        return ANYWHERE
    return Constraint(Operator.PROPERTIES, names=tuple(sorted(queue.requires)))


def placement_of(job: Job, pool: Pool, policy: Policy) -> Placement:
    """Return how a pool places a job: as it asks itself, as queue `mixed` has it, as pool or policy say."""
    if job.wish is not None and job.wish.placement is not None:
        return job.wish.placement
    return Placement.MIXED if job.queue == MIXED_QUEUE else pool.placement or policy.placement


def queue_for(job: Job, pool: Pool, snapshot: Snapshot, policy: Policy) -> str:
    """Return the queue in which the pool would serve the job, "" where it is well where it is.

    A queue's constraint replaces the job's own, so only a job that has none beside its queue's is moved.
    A job in a pool's queue was put there on purpose, or by burstd: it stays.
    """
    queues = {queue.name: queue for queue in snapshot.queues}
    own, mixed = queues.get(job.queue), placement_of(job, pool, policy) is Placement.MIXED
    if own in [queue_of(one, snapshot.queues) for one in policy.pools]:
        return ""
    target = queues.get(MIXED_QUEUE) if mixed else queue_of(pool, snapshot.queues)
    if own is None or target is None or target.name == own.name or job.constraint != requirement(own):
        return ""
    whole = mixed or job.request.hosts == 1 or not _others_would_do(job, pool, snapshot)
    return "" if whole and _would_do(job, pool) else target.name


def unseen_beside(pool: Pool, snapshot: Snapshot, policy: Policy) -> tuple[str, ...]:
    """Return the pools that must be seen before anything is made in this one.

    For a paid pool these are all paid ones: there may be more of them than is known, and caps are over all.
    """
    unseen = (one for one in policy.pools if one.name in snapshot.unseen)
    return tuple(one.name for one in unseen if one == pool or (one.paid and pool.paid))


def is_guests(job: Job, policy: Policy) -> bool:
    """Say whether the job is of another user than the instance owner; where that is not known, none is."""
    return policy.instance_owner is not None and job.userid != policy.instance_owner


def reserved(policy: Policy) -> frozenset[int]:
    """Return the ranks that are brought up for the instance owner alone; Flux may let guests there."""
    return frozenset(rank for pool in policy.pools if not pool.multi_user for rank in pool.ranks)


def _would_do(job: Job, pool: Pool) -> bool:
    hosts = zip(pool.ranks, pool.hosts, strict=True)
    return all(job.constraint.allows(rank, name, pool.shape.properties) for rank, name in hosts)


def _others_would_do(job: Job, pool: Pool, snapshot: Snapshot) -> bool:
    """Say whether the scheduler might give the job hosts outside the pool, beside the pool's."""
    others = (host for host in snapshot.hosts if host.rank not in pool.ranks)
    return any(job.constraint.allows(host.rank, host.name, host.shape.properties) for host in others)
