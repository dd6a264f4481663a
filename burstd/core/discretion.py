"""What other users of the machine are told: codes and counts, and words only about their own jobs. Pure.

No dollars, no ids and no words of others: a reason's sentence may quote a job's own text, a path, what a user
has spent, or what a cloud said about the project.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from burstd.core.model import Policy
from burstd.core.reasons import Code, Reason
from burstd.core.status import BurstStatus, PoolStatus, Status, WaitStatus, waits


def sees_all(userid: int, owner: int, policy: Policy) -> bool:
    """Say whether a user may know everything: root, the user of burstd (`owner`), the instance owner."""
    return userid in (0, owner, policy.instance_owner)


def whole_sentence(reason: Reason) -> str:
    """Return what is told of a reason to those who may know everything."""
    return reason.sentence


def sentence(reason: Reason) -> str:
    """Return what the user of a job is told of a reason: its sentence, without what others have spent."""
    return PLAIN[reason.code] if reason.code in _MONEY else reason.sentence


def for_others(status: Status, reasons: Iterable[tuple[int, Reason]], own: Collection[int]) -> Status:
    """Return the part of a status that another user may see, whose waiting jobs are `own`."""
    return replace(
        status,
        whole=False,
        dollars_today=None,
        pools=tuple(map(_pool, status.pools)),
        bursts=tuple(map(_burst, status.bursts)),
        waiting=waits_for_others(status.waiting, reasons, own),
    )


def waits_for_others(
    waiting: Iterable[WaitStatus], reasons: Iterable[tuple[int, Reason]], own: Collection[int]
) -> tuple[WaitStatus, ...]:
    """Return why jobs wait: all are counted, only the user's own are named and have words."""
    mine = {one.code: one for one in waits((job, reason) for job, reason in reasons if job in own)}
    return tuple(_wait(one, mine.get(one.code)) for one in waiting)


def _wait(every: WaitStatus, own: WaitStatus | None) -> WaitStatus:
    code = Code(every.code)
    words = own.sentence if own is not None and code not in _MONEY else PLAIN[code]
    return replace(every, sentence=words, examples=own.examples if own is not None else ())


def _pool(pool: PoolStatus) -> PoolStatus:
    return replace(pool, jobs=None, last_error="")


def _burst(burst: BurstStatus) -> BurstStatus:
    return replace(burst, jobs=None, dollars=None, dollars_per_hour=None, why="", pending="", last_error="")


_MONEY = (Code.OVER_BUDGET, Code.SPEND_UNKNOWN)

PLAIN: Mapping[Code, str] = {
    Code.STARTING: "Hosts are up; Flux starts them next.",
    Code.HOSTS_COMING: "Hosts are being brought up.",
    Code.MOVING: "They are being moved to the queue where their hosts will be.",
    Code.BURST_IN_FLIGHT: "A burst is coming up at a fixed size; it can grow once it serves.",
    Code.POOL_BUSY: "Every host of the pool is in use or promised.",
    Code.POOL_RELEASING: "The pool is being released; its next burst can start after that.",
    Code.POOL_UNSEEN: "The pool's sites cannot be listed yet; nothing is made before they are.",
    Code.POOL_COOLDOWN: "The pool failed and is tried again soon.",
    Code.POOL_FAILED: "The pool failed in a way that a person must mend.",
    Code.HOSTS_DRAINED: "Too many hosts of the pool are drained.",
    Code.NO_ROOM: "The provider has no room now.",
    Code.POOL_CLOSED: "The pool is closed.",
    Code.LIMIT_REACHED: "A limit stands in the way.",
    Code.OVER_BUDGET: "The hosts would cost more than is allowed.",
    Code.SPEND_UNKNOWN: "Nothing is bought for now.",
    Code.PAUSED: "burstd is paused and makes nothing.",
    Code.NOT_OWNER: "The pool serves only the instance owner's jobs.",
    Code.TOO_LARGE: "They ask for more than any pool has.",
    Code.SHAPE_MISMATCH: "No pool has hosts with what they ask of each.",
    Code.CONSTRAINT_MISMATCH: "Their constraint or queue allows no pool's hosts.",
    Code.UNKNOWN_TARGET: "They name a pool or provider that there is not.",
    Code.BAD_BURSTABLE: "Their burstable value is not understood.",
    Code.HELD: "They are held (urgency 0) by their user or an administrator.",
}
"""What is said of a reason without a word about any job, pool or cloud."""
