"""What burstd does so that a waiting burstable job is neither refused by the scheduler nor in the way.

Four instruments, used as the lead's scheduler needs them: the queue of a pool is stopped while no host of
the pool is up; a job is held while its burst does not cover it; a job is moved to the queue of the pool
that serves it; a job that could start but is not looked at is nudged. Pure, level-triggered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from burstd.core.demand import Demand
from burstd.core.marks import NO_HOST
from burstd.core.model import (
    Action,
    Job,
    JobState,
    Policy,
    Pool,
    Queue,
    Scheduling,
    Snapshot,
    Verb,
)
from burstd.core.placement import queue_of
from burstd.core.reasons import Code, Reason

NUDGE_SECONDS = 2.0
"""How long a job may stay where it could start, before the scheduler is asked to look again."""

NUDGE_AGAIN_SECONDS = 10.0

OVERRULED = "overruled"
"""Marks the release of a hold that somebody else has ended: such a job is not held again."""

_HOPEFUL = frozenset(
    {
        Code.HOSTS_COMING,
        Code.BURST_IN_FLIGHT,
        Code.POOL_BUSY,
        Code.POOL_RELEASING,
        Code.POOL_UNSEEN,
        Code.POOL_COOLDOWN,
        Code.POOL_FAILED,
        Code.HOSTS_DRAINED,
        Code.NO_ROOM,
        Code.POOL_CLOSED,
        Code.LIMIT_REACHED,
        Code.OVER_BUDGET,
        Code.SPEND_UNKNOWN,
        Code.PAUSED,
        Code.MOVING,
    }
)
"""Why a job waits that may be served later: only such a job is worth holding."""


class Steward:
    """One plan's dealings with the scheduler; `wakes` are the times at which it would act with no event.

    `unprepared` are the jobs whose directories are still to be made where they will run.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        policy: Policy,
        demand: Demand,
        reasons: Mapping[int, Reason],
        now: float,
        unprepared: frozenset[int] = frozenset(),
    ) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.demand = demand
        self.reasons = reasons
        self.now = now
        self.unprepared = unprepared
        self.wakes: list[float] = []
        self.queues = {queue.name: queue for queue in snapshot.queues}
        self.blocks = snapshot.scheduling in (Scheduling.FIFO, Scheduling.FCFS)
        self.pulses = snapshot.scheduling is Scheduling.FCFS

    def actions(self) -> Iterator[Action]:
        """Yield what is to be done now; nothing on a key that has an effect in flight."""
        wanted = (*self.moves(), *self.holds(), *self.pool_queues(), *self.told_to_start(), *self.nudges())
        keys = set(self.snapshot.in_flight)
        for action in wanted:
            if action.key not in keys:
                keys.add(action.key)
                yield action

    def moves(self) -> Iterator[Action]:
        for job, queue in sorted(self.demand.moves.items()):
            # a key of its own: while a move is refused and rests, the job may still have to be held
            yield Action(Verb.MOVE, f"move:{job}", job=job, queue=queue)

    def holds(self) -> Iterator[Action]:
        """Hold what would block others or be refused; release what is covered or beyond help."""
        for job in self.by_id():
            if job.stale_hold or (self.ours(job) and not self.keeps_hold(job)):
                text = OVERRULED if job.stale_hold else ""
                yield Action(Verb.UNHOLD, f"job:{job.id}", job=job.id, text=text)
            elif job.hold is None and job.urgency > 0 and self.wants_hold(job):
                yield Action(Verb.HOLD, f"job:{job.id}", job=job.id, text=self.policy.owner)

    def keeps_hold(self, job: Job) -> bool:
        """A job that is held anyway stays so until its directory is made on hosts that see other files."""
        return job.id in self.unprepared or self.wants_hold(job)

    def wants_hold(self, job: Job) -> bool:
        if not self.blocks or job.state is not JobState.SCHED or job.id in self.snapshot.overruled:
            return False
        if self.pulses and job.queue in self.pulsing():
            return not self.covered(job)
        reason = self.reasons.get(job.id)
        return reason is not None and reason.code in _HOPEFUL and not self.protected(job)

    def pulsing(self) -> frozenset[str]:
        """The pools' queues that are about to be opened for a moment: whoever is in them must be covered."""
        names = (queue.name for pool, queue in self.pools() if self.demand.is_up(pool))
        return frozenset(name for name in names if self.covered_in(name))

    def protected(self, job: Job) -> bool:
        """A job in a stopped queue is neither refused nor in the way."""
        queue = self.queues.get(job.queue)
        return queue is not None and not queue.started

    def pool_queues(self) -> Iterator[Action]:
        for pool, queue in self.pools():
            up = self.demand.is_up(pool)
            if queue.started and (self.pulses or not up):
                yield Action(Verb.CLOSE, f"queue:{queue.name}", queue=queue.name)
            elif up and not queue.started and queue.stop_reason in ("", NO_HOST):
                yield from self.pulse(queue) if self.pulses else [_open(queue.name)]

    def pulse(self, queue: Queue) -> Iterator[Action]:
        """Open the queue for a moment, once all that would be refused in it are held."""
        covered = self.covered_in(queue.name)
        there = [job for job in self.by_id() if job.queue == queue.name and job.state is JobState.SCHED]
        exposed = [job for job in there if job.urgency > 0 and not self.covered(job)]
        ready = tuple(job.id for job in covered if job.urgency > 0)
        if ready and not exposed:
            yield Action(Verb.PULSE, f"queue:{queue.name}", queue=queue.name, jobs=ready)

    def told_to_start(self) -> Iterator[Action]:
        """Start, once in each generation of the lead, the queues that the operator named."""
        for name in self.policy.start_queues:
            queue = self.queues.get(name)
            if queue and not queue.started and not queue.stop_reason and name not in self.snapshot.opened:
                yield _open(name)

    def nudges(self) -> Iterator[Action]:
        """Wake Fluxion for jobs that could start: it looks at a queue only when that queue has an event."""
        if self.snapshot.scheduling not in (Scheduling.BACKFILL, Scheduling.FCFS):
            return
        latest = dict(self.snapshot.nudged)
        for job in self.by_id():
            since = self.demand.ready.get(job.id)
            if since is None or job.urgency == 0 or self.protected(job):
                continue
            at = max(since + NUDGE_SECONDS, latest.get(job.id, 0.0) + NUDGE_AGAIN_SECONDS)
            self.wakes.append(at)
            if self.now >= at:
                yield Action(Verb.NUDGE, f"job:{job.id}", job=job.id)

    def pools(self) -> Iterator[tuple[Pool, Queue]]:
        for pool in self.policy.pools:
            queue = queue_of(pool, self.snapshot.queues)
            if queue is not None:
                yield pool, queue

    def covered(self, job: Job) -> bool:
        return job.id in self.demand.ready

    def covered_in(self, queue: str) -> list[Job]:
        return [job for job in self.by_id() if job.queue == queue and self.covered(job)]

    def ours(self, job: Job) -> bool:
        return job.hold is not None and job.hold.owner == self.policy.owner

    def by_id(self) -> Iterable[Job]:
        return sorted(self.snapshot.jobs, key=lambda job: job.id)


def _open(name: str) -> Action:
    return Action(Verb.OPEN, f"queue:{name}", queue=name)
