"""What to do now: `plan` turns a snapshot into records to write and effects to start.

Total and deterministic: the same plan for any order of its input, and the plan of an applied plan
is empty. The order inside: bursts settle, waiting jobs are given room (free, coming, or new), idle
hosts are taken away, then each record names the effect it is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from burstd.core.cwd import warning
from burstd.core.demand import Demand
from burstd.core.forecast import Forecast
from burstd.core.jobexceptions import exceptions
from burstd.core.lifecycle import IDLE, RECLAIMED, deadlines, departing, due, retry_at, settle
from burstd.core.marks import drain_mark
from burstd.core.model import (
    Action,
    Burst,
    Host,
    Job,
    JobState,
    Phase,
    Plan,
    Policy,
    Pool,
    Scheduling,
    Snapshot,
    Up,
    Verb,
)
from burstd.core.money import metered
from burstd.core.phases import PHASE_SENTENCES
from burstd.core.placement import queue_of
from burstd.core.preparation import Preparation, preparations, unprepared
from burstd.core.reasons import Code, Reason
from burstd.core.scene import Scene, scene_of
from burstd.core.steward import Steward
from burstd.core.upkeep import Upkeep


def plan(snapshot: Snapshot, policy: Policy, now: float) -> Plan:
    """Return what follows from the snapshot under the policy at `now` (seconds since the epoch)."""
    return _Planning(snapshot, policy, now).run()


def waiting(jobs: Iterable[Job]) -> list[Job]:
    """Return the burstable jobs that wait for hosts, in the order they are served."""
    marked = (job for job in jobs if job.wish is not None and job.state is JobState.SCHED)
    return sorted(marked, key=_turn)


def _turn(job: Job) -> tuple[int, float, int]:
    """A job that burstd holds keeps the turn that its urgency from before gives it."""
    return -(job.hold.urgency if job.hold else job.priority), job.submitted, job.id


class _Planning:
    """One run of `plan`: the records as they become, by pool."""

    def __init__(self, snapshot: Snapshot, policy: Policy, now: float) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.now = now
        self.mark = drain_mark(policy.owner)
        self.hosts = {host.rank: host for host in snapshot.hosts}
        self.before = {burst.name: burst for burst in snapshot.bursts}
        self.wakes: list[float] = []
        self.apart = {rank: pool for pool in policy.pools if not pool.shares_files for rank in pool.ranks}

    def run(self) -> Plan:
        settled = [settle(burst, self.scene(burst)) for burst in _by_name(self.snapshot.bursts)]
        demand = Demand(self.snapshot, self.policy, settled, self.now)
        reasons = tuple((job.id, self.place(job, demand)) for job in waiting(self.snapshot.jobs))
        self.cover_ordinary(demand)
        orders = tuple(self.bring_up(demand))
        promised = demand.promised | self.ordered()
        bursts = [self.meter(self.scale_in(burst, promised)) for burst in demand.bursts()]
        demand.take_away({rank for burst in bursts for rank in self.meant(burst)})
        lacks = preparations(self.snapshot, self.policy, bursts)
        waits = unprepared(self.snapshot, lacks)
        steward = Steward(self.snapshot, self.policy, demand, dict(reasons), self.now, waits)
        upkeep = Upkeep(self.snapshot, self.policy, bursts, self.now)
        forecast = Forecast(self.snapshot, self.policy, bursts, self.now)
        reasons = tuple((job, forecast.told(why, demand.given.get(job, frozenset()))) for job, why in reasons)
        texts = {job: reason.memo for job, reason in reasons} | upkeep.farewells()
        dealings = (*steward.actions(), *self.prepare(lacks), *upkeep.actions())
        actions = (*dealings, *self.due(bursts), *self.undrain(bursts), *self.tell(dict(reasons), texts))
        actions += tuple(exceptions(self.snapshot, self.policy, dict(reasons)))
        changed = tuple(burst for burst in bursts if self.before.get(burst.name) != burst)
        self.wakes += [time for burst in bursts for time in self.times(burst)]
        self.wakes += [*demand.wakes, *steward.wakes, *upkeep.wakes, *forecast.wakes]
        wake_at = min((time for time in self.wakes if time > self.now), default=None)
        sentences = tuple(self.sentences(changed))
        return Plan(changed, actions, reasons, wake_at, sentences, orders, demand.answers)

    def place(self, job: Job, demand: Demand) -> Reason:
        """Give the job its room; where its directory will be missing there, the reason says so too."""
        reason = demand.place(job)
        ranks = sorted(demand.given.get(job.id, ()))
        pools = dict.fromkeys(self.apart[rank] for rank in ranks if rank in self.apart)
        return replace(reason, warning=warning(job, pools)) if pools else reason

    def cover_ordinary(self, demand: Demand) -> None:
        """Where a pool's queue opens for moments only, its ordinary jobs must be known to fit, too."""
        if self.snapshot.scheduling is not Scheduling.FCFS:
            return
        queues = {queue.name for pool in self.policy.pools if (queue := queue_of(pool, self.snapshot.queues))}
        ordinary = (job for job in self.snapshot.jobs if job.wish is None and job.queue in queues)
        for job in sorted(ordinary, key=_turn):
            if job.state is JobState.SCHED:
                demand.cover(job)

    def scene(self, burst: Burst) -> Scene:
        return scene_of(
            burst, self.policy, self.hosts, self.now, self.snapshot.lead_since, self.snapshot.by_hand
        )

    def meter(self, burst: Burst) -> Burst:
        return metered(self.before.get(burst.name), burst, self.policy.pool(burst.pool))

    def standing(self) -> Iterator[Up]:
        """Yield the orders to bring hosts up that still hold."""
        orders = self.snapshot.by_hand
        for up in orders.ups:
            if self.now < up.until and not orders.leaving and orders.closing(up.pool) is None:
                self.wakes.append(up.until)
                yield up

    def bring_up(self, demand: Demand) -> Iterator[tuple[str, Reason]]:
        for up in self.standing():
            refused = demand.bring_up(up)
            if refused is not None:
                yield up.pool, refused

    def ordered(self) -> frozenset[int]:
        """Return the ranks that are to stay up because somebody ordered it."""
        pools = ((self.policy.pool(up.pool), up.hosts) for up in self.standing())
        return frozenset(
            rank for pool, hosts in pools if pool is not None for rank in pool.ranks[: hosts or None]
        )

    def scale_in(self, burst: Burst, promised: frozenset[int]) -> Burst:
        """Take away the idle hosts at the top: an Indexed Job shrinks from there only."""
        pool = self.policy.pool(burst.pool)
        if pool is None or burst.phase is not Phase.SERVING or burst.keep is not None:
            return burst
        keep = burst.size
        while keep and self.idle(burst, pool, pool.ranks[keep - 1], promised):
            keep -= 1
        if keep == burst.size or (keep and pool.shrinks == "no"):
            return burst
        if keep == 0:
            draining = replace(burst, phase=Phase.DRAINING, since=self.now, why=IDLE)
            return settle(draining, self.scene(draining))
        return replace(burst, keep=keep, resized=self.now, why=IDLE)

    def idle(self, burst: Burst, pool: Pool, rank: int, promised: frozenset[int]) -> bool:
        host = self.hosts.get(rank)
        if rank in promised or (host is not None and host.jobs):
            return False
        until = self.quiet_until(burst, pool, host)
        self.wakes.append(until)
        return self.now >= until

    def quiet_until(self, burst: Burst, pool: Pool, host: Host | None) -> float:
        """A host counts as idle from its last change or burstd's own start, whichever is later."""
        if host is None or not host.online:
            return max(burst.since, burst.resized) + pool.join_seconds
        return max(host.quiet_since, self.snapshot.started, burst.since) + pool.idle_seconds

    def prepare(self, lacks: Iterable[Preparation]) -> Iterator[Action]:
        actions = (one.action() for one in lacks)
        yield from (action for action in actions if action.key not in self.snapshot.in_flight)

    def due(self, bursts: Iterable[Burst]) -> Iterator[Action]:
        for burst in bursts:
            action = due(burst, self.scene(burst))
            unseen = burst.pool in self.snapshot.unseen
            if action is not None and action.key not in self.snapshot.in_flight and not unseen:
                yield action

    def undrain(self, bursts: Iterable[Burst]) -> Iterator[Action]:
        """Undo burstd's own drains that no burst means any more: turned back, gone, or left by a crash."""
        meant = {rank for burst in bursts for rank in self.meant(burst)}
        mine = (host for host in self.hosts.values() if (host.drain_reason or "").startswith(self.mark))
        ranks = tuple(sorted(host.rank for host in mine if host.rank not in meant))
        if ranks and UNDRAIN_KEY not in self.snapshot.in_flight:
            yield Action(Verb.UNDRAIN, UNDRAIN_KEY, ranks=ranks)

    def meant(self, burst: Burst) -> Iterator[int]:
        pool = self.policy.pool(burst.pool)
        yield from departing(burst, pool) if pool is not None else ()

    def tell(self, reasons: dict[int, Reason], texts: dict[int, str]) -> Iterator[Action]:
        """Write each reason into its job's memo when it changed; take it out once the job runs.

        Only some at a time: a queue of thousands must not keep the lead busy with memos.
        """
        under_way = sum(key.startswith(TELL_KEY) for key in self.snapshot.in_flight)
        yield from islice(self.untold(reasons, texts), max(TELLING - under_way, 0))

    def untold(self, reasons: dict[int, Reason], texts: dict[int, str]) -> Iterator[Action]:
        for job in sorted(self.snapshot.jobs, key=lambda job: job.id):
            reason, text = reasons.get(job.id), texts.get(job.id, "")
            if not text and not job.told:
                continue
            fleeting = not job.told and reason is not None and reason.code is Code.STARTING
            key = f"{TELL_KEY}{job.id}"
            if job.told != text and not fleeting and key not in self.snapshot.in_flight:
                yield Action(Verb.TELL, key, job=job.id, text=text)

    def times(self, burst: Burst) -> Iterator[float]:
        yield from deadlines(burst, self.policy.pool(burst.pool))
        again = retry_at(burst)
        if again is not None:
            yield again

    def sentences(self, changed: Iterable[Burst]) -> Iterator[str]:
        for burst in changed:
            yield from _sentences(self.before.get(burst.name), burst)


TELL_KEY = "tell:"

TELLING = 32
"""Memos under way at once."""

UNDRAIN_KEY = "undrain"
"""Undrains run one at a time: two at once would race for the same ranks."""


def _by_name(bursts: Iterable[Burst]) -> list[Burst]:
    return sorted(bursts, key=lambda burst: (burst.pool, burst.generation))


def _sentences(before: Burst | None, after: Burst) -> Iterator[str]:
    if before is None:
        yield f"{after.name}: planned with {_hosts(after.size)}"
        return
    if after.failure is not None and before.failure is None:
        yield f"{after.name}: failed: {after.failure.text}"
    if before.phase is not after.phase:
        yield f"{after.name}: {PHASE_SENTENCES[after.phase].format(why=after.why or IDLE)}"
    if after.keep is not None and before.keep is None:
        yield f"{after.name}: gives back {_hosts(after.size - after.keep)} of {after.size}, idle"
    for host in after.reclaimed[len(before.reclaimed) :]:
        yield f"{after.name}: {host}: {RECLAIMED}"
    if after.size != before.size:
        yield f"{after.name}: {'grows' if after.size > before.size else 'shrank'} to {_hosts(after.size)}"


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"
