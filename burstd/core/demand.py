"""Which waiting jobs have room, which pool makes room for the others, and why the rest waits.

Room is given in the order in which `place` is called, and never twice: first what is free on hosts
that are up, then hosts that are coming, then hosts that a pool can still bring up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from burstd.core.allowance import cooling, one_more, over, stopped
from burstd.core.coming import coming_rooms, free_rooms
from burstd.core.constraint import Constraint
from burstd.core.cooldown import cooled
from burstd.core.generations import next_generation
from burstd.core.lifecycle import IDLE, RISING, departing, grown, leaving
from burstd.core.marks import drain_mark
from burstd.core.model import (
    Burst,
    Host,
    Job,
    Phase,
    Placement,
    Policy,
    Pool,
    Request,
    Snapshot,
    Up,
    Wish,
)
from burstd.core.placement import (
    is_guests,
    placement_of,
    queue_for,
    requirement,
    reserved,
    unseen_beside,
)
from burstd.core.reasons import Answers, Code, Reason, most_hopeful
from burstd.core.rooms import Room, Take, fit, take, whole_room

_Refusal = tuple[Reason, Answers]
_PLACED = (Code.STARTING, Code.HOSTS_COMING, Code.MOVING)


class Demand:
    """The room that is left while one plan is made, and the bursts as the demand changes them."""

    def __init__(self, snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.now = now
        self.mark = drain_mark(policy.owner)
        self.hosts = {host.rank: host for host in snapshot.hosts}
        self.wakes: list[float] = []
        self._live: dict[str, Burst] = {}
        self._rest: list[Burst] = []
        self._queues = {queue.name: queue for queue in snapshot.queues}
        self._cooldowns = {one.pool: one for one in snapshot.cooldowns}
        for burst in sorted(bursts, key=lambda burst: -burst.generation):
            self._admit(burst)
        going = {rank for burst in self.bursts() for rank in self._departing(burst)}
        self._free = {room.rank: room for room in free_rooms(snapshot, going)}
        self._coming = {
            room.rank: room for room in coming_rooms(self._live.values(), policy, self.hosts, now)
        }
        self.given: dict[int, frozenset[int]] = {}  # the ranks on which each job has its room
        self._reserved = reserved(policy)
        self.ready: dict[int, float] = {}
        """Jobs for which enough hosts are free, and since when they are."""
        self.moves: dict[int, str] = {}
        """Jobs that must be in another queue first, and which: the queue of the pool that will serve them."""
        self.answers: dict[int, Answers] = {}
        """What each pool said that was asked for a job, in that order; jobs alike share it."""
        self._heard: list[tuple[str, Reason]] = []
        self._refused: dict[tuple[Request, Constraint, str, Wish | None, bool, int], _Refusal] = {}
        """Room only shrinks until a burst grows: what was refused once is refused to every job alike."""
        self._verdicts: dict[tuple[Request, Constraint, str, str], Reason | None] = {}

    @property
    def promised(self) -> frozenset[int]:
        """The ranks on which room was given to a waiting job."""
        return frozenset().union(*self.given.values())

    def bursts(self) -> list[Burst]:
        """Return every burst as it is now, new ones included."""
        return sorted((*self._live.values(), *self._rest), key=lambda burst: (burst.pool, burst.generation))

    def place(self, job: Job) -> Reason:
        """Give the job its room, make room for it where a pool can, and return why it still waits."""
        refusal = self._refusal(job)
        if refusal is not None:
            return refusal
        payer = 0 if self.policy.caps.dollars_per_user_day is None else job.userid
        alike = (job.request, job.constraint, job.queue, job.wish, is_guests(job, self.policy), payer)
        if alike not in self._refused:
            self._heard.clear()
            found = self._place_on_hosts(job) or self._place_in_pools(job)
            answers = tuple(self._heard)
            if found.code in _PLACED:
                self.answers[job.id] = answers
                return found
            self._refused[alike] = found, answers
        reason, self.answers[job.id] = self._refused[alike]
        return reason

    def cover(self, job: Job) -> None:
        """Give an ordinary job its room if it is there; nothing is brought up for it."""
        takes = fit(job.request, job.constraint, self._meant_for(job, self._free))
        if takes is not None:
            self._give(job, takes)
            self.ready[job.id] = self._since(job, takes)

    def take_away(self, ranks: Collection[int]) -> None:
        """Count hosts as up no more that the plan itself has begun to take away."""
        self._free = {rank: room for rank, room in self._free.items() if rank not in ranks}

    def is_up(self, pool: Pool) -> bool:
        """Say whether a host of the pool is up and stays."""
        return any(rank in self._free for rank in pool.ranks)

    def _admit(self, burst: Burst) -> None:
        """A pool has one living burst, the newest; older ones and gone ones only run out."""
        if burst.phase is not Phase.GONE and burst.pool not in self._live:
            self._live[burst.pool] = burst
        else:
            self._rest.append(burst)
            self._cool(burst)

    def _cool(self, burst: Burst) -> None:
        """A burst that is gone by this very plan closes its pool as its record will from now on."""
        if burst.phase is Phase.GONE:
            cooldown = cooled(burst, self._cooldowns.pop(burst.pool, None), self.now, self.policy.close_after)
            self._cooldowns |= {burst.pool: cooldown} if cooldown else {}

    def _refusal(self, job: Job) -> Reason | None:
        wish = job.wish
        if wish is None or wish.nonsense:
            return Reason(Code.BAD_BURSTABLE, wish.nonsense if wish else "")
        if job.urgency == 0 and (job.hold is None or job.hold.owner != self.policy.owner):
            return Reason(Code.HELD)
        return None if self._pools_for(job) else Reason(Code.UNKNOWN_TARGET, repr(wish.target))

    def _pools_for(self, job: Job) -> list[Pool]:
        target = job.wish.target if job.wish else ""
        return [pool for pool in self.policy.pools if target in ("", pool.name, pool.provider)]

    def _meant_for(self, job: Job, rooms: Mapping[int, Room]) -> Iterable[Room]:
        if not is_guests(job, self.policy):
            return rooms.values()
        return [room for rank, room in rooms.items() if rank not in self._reserved]

    def _place_on_hosts(self, job: Job) -> Reason | None:
        takes = fit(job.request, job.constraint, self._meant_for(job, self._free))
        if takes is not None:
            self._give(job, takes)
            self.ready[job.id] = self._since(job, takes)
            return Reason(Code.STARTING)
        takes = fit(job.request, job.constraint, self._at_hand(job))
        if takes is None:
            return None
        self._give(job, takes)
        return Reason(Code.HOSTS_COMING, self._names_of(takes))

    def _names_of(self, takes: Iterable[Take]) -> str:
        ranks = {take.room.rank for take in takes if take.room.rank in self._coming}
        bursts = (burst for burst in self.bursts() if ranks & set(self._ranks(burst)))
        return ", ".join(map(_progress, bursts))

    def _give(self, job: Job, takes: tuple[Take, ...]) -> None:
        take(job.request, takes)
        self.given[job.id] = frozenset(one.room.rank for one in takes)

    def _since(self, job: Job, takes: tuple[Take, ...]) -> float:
        """Return since when a job could start: since it was submitted, or the last of its hosts was free."""
        quiet = (self.hosts[one.room.rank].quiet_since for one in takes)
        return max(job.submitted, *quiet)

    def _place_in_pools(self, job: Job) -> Reason:
        for pool in self._pools_for(job):
            reason = replace(self._place_in_pool(job, pool), pool=pool.name)
            self._heard.append((pool.name, reason))
            if reason.code in _PLACED:
                return reason
        return most_hopeful(self._heard)

    def _place_in_pool(self, job: Job, pool: Pool) -> Reason:
        key = (job.request, job.constraint, job.queue, pool.name)
        if key not in self._verdicts:
            self._verdicts[key] = self._impossible(job, pool)
        impossible = self._verdicts[key]
        if impossible is not None:
            return impossible
        if is_guests(job, self.policy) and not pool.multi_user:
            return Reason(Code.NOT_OWNER, pool.name)
        blocked = self._blocked(pool)
        return blocked if blocked is not None else self._grow(job, pool, self._live.get(pool.name))

    def _blocked(self, pool: Pool) -> Reason | None:
        """Say why no host can be had anew in the pool now, whoever needs it."""
        unseen = unseen_beside(pool, self.snapshot, self.policy)
        if unseen:
            return Reason(Code.POOL_UNSEEN, ", ".join(unseen))
        burst = self._live.get(pool.name)
        not_now = self._not_new(pool) if burst is None else self._not_growing(burst)
        return stopped(pool, self.snapshot, self.policy) or not_now

    def _impossible(self, job: Job, pool: Pool) -> Reason | None:
        """Say why the pool could not serve the job even if all of its hosts were up and free."""
        constraint = self._constraint(job, pool)
        served = constraint is not job.constraint or job.queue in ("", pool.queue) or not pool.queue
        if not served and self._placement(job, pool) is Placement.POOL:
            return Reason(Code.CONSTRAINT_MISMATCH, f"{pool.name} serves queue {pool.queue}")
        rooms = [
            whole_room(rank, name, pool.shape) for name, rank in zip(pool.hosts, pool.ranks, strict=True)
        ]
        allowed = [room for room in rooms if constraint.allows(room.rank, room.name, room.properties)]
        if not allowed:
            return Reason(Code.CONSTRAINT_MISMATCH, pool.name)
        slots = job.request.slots if job.request.hosts else 1
        if allowed[0].slots(job.request) < slots:
            return Reason(Code.SHAPE_MISMATCH, f"{pool.name} has {pool.shape.offer} on each host")
        around = self._everything_else(job, pool)
        if fit(job.request, constraint, (*around, *rooms)) is None:
            return Reason(Code.TOO_LARGE, f"{pool.name} has {pool.size} hosts")
        sound = [room for room in rooms if not self._drained_by_others(room.rank)]
        if fit(job.request, constraint, (*around, *sound)) is None:
            return Reason(Code.HOSTS_DRAINED, self._drains_of(pool))
        return None

    def _placement(self, job: Job, pool: Pool) -> Placement:
        return placement_of(job, pool, self.policy)

    def _queue_for(self, job: Job, pool: Pool) -> str:
        return queue_for(job, pool, self.snapshot, self.policy)

    def _constraint(self, job: Job, pool: Pool) -> Constraint:
        """Return the constraint the job will have once it is where the pool serves it."""
        queue = self._queues.get(self._queue_for(job, pool))
        return job.constraint if queue is None else requirement(queue)

    def _everything_else(self, job: Job, pool: Pool) -> list[Room]:
        """Where the job may span, the hosts outside the pool count; elsewhere it fits whole in one pool."""
        if self._placement(job, pool) is Placement.POOL:
            return []
        own = set(pool.ranks)
        hosts = (host for host in self.snapshot.hosts if host.usable and host.rank not in own)
        return [whole_room(host.rank, host.name, host.shape) for host in hosts]

    def _not_new(self, pool: Pool) -> Reason | None:
        cooldown = self._cooldowns.get(pool.name)
        if cooldown is not None and (cooldown.until is None or cooldown.until > self.now):
            self.wakes += [] if cooldown.until is None else [cooldown.until]
            return cooling(cooldown)
        return one_more(self.policy, self.bursts()) if pool.paid else None

    def _not_growing(self, burst: Burst) -> Reason | None:
        """Say why a living burst cannot take more hosts now."""
        if burst.phase in (Phase.PROVISIONING, Phase.LAUNCHING, Phase.JOINING):
            return Reason(Code.BURST_IN_FLIGHT, burst.name)
        if burst.phase is Phase.RELEASING or not self._stays(burst):
            return Reason(Code.POOL_RELEASING, burst.pool)
        shrinking = burst.keep is not None and burst.name in self.snapshot.in_flight
        return Reason(Code.POOL_RELEASING, burst.pool) if shrinking else None

    def _stays(self, burst: Burst) -> bool:
        """A burst that drains only because it was idle can be turned back; a failed or old one cannot."""
        return burst.phase is not Phase.DRAINING or (burst.failure is None and burst.why == IDLE)

    def _grow(self, job: Job, pool: Pool, burst: Burst | None) -> Reason:
        new = self._new_rooms(pool, burst)
        rooms = (*self._rooms_at_hand(job, pool), *new)
        takes = fit(job.request, self._constraint(job, pool), rooms)
        if takes is None:
            return Reason(Code.POOL_BUSY, pool.name)
        ranks = {take.room.rank for take in takes}
        size = 1 + max((index for index, rank in enumerate(pool.ranks) if rank in ranks), default=0)
        probing = burst is None and size > 1 and self._unproven(pool)
        grown = self._grown(pool, burst, 1 if probing else size, job.userid)
        refused = self._over(pool, burst, replace(grown, size=max(size, grown.size)), job.userid)
        if refused is not None:
            return refused
        queue = self._queue_for(job, pool)
        if queue:
            # nothing is spent before the job is where its hosts will be: a move may be refused
            self.moves[job.id] = queue
            return Reason(Code.MOVING, queue)
        if probing:
            self._live[pool.name] = grown
            return Reason(Code.BURST_IN_FLIGHT, f"{grown.name}, one host as a probe of how it is made,")
        return self._commit(job, pool, grown, new, takes)

    def bring_up(self, up: Up) -> Reason | None:
        """Have the first hosts of a pool up, as ordered by hand; return why not, None if they are or come."""
        pool = self.policy.pool(up.pool)
        if pool is None:
            return Reason(Code.UNKNOWN_TARGET, repr(up.pool))
        burst, size = self._live.get(pool.name), min(up.hosts or pool.size, pool.size)
        if burst is not None and burst.size >= size and self._stays_up(burst, size):
            return None
        blocked = self._blocked(pool)
        if blocked is not None:
            return blocked
        probing = burst is None and self._unproven(pool)
        grown = self._grown(pool, burst, 1 if probing else size, up.userid)
        refused = self._over(pool, burst, grown, up.userid)
        if refused is None:
            self._live[pool.name] = grown
        return refused

    def _stays_up(self, burst: Burst, size: int) -> bool:
        return not any(leaving(burst, index) for index in range(size))

    def _unproven(self, pool: Pool) -> bool:
        return pool.probe and pool.spec not in self.snapshot.proven

    def _over(self, pool: Pool, before: Burst | None, after: Burst, userid: int) -> Reason | None:
        """Say which cap would be passed with the burst as it would be."""
        if not pool.paid:
            return None
        others = (one for one in self.bursts() if one is not before)
        reason, until = over(self.snapshot, self.policy, (*others, after), self.now, userid)
        self.wakes += [] if until is None else [until]
        return reason

    def _commit(self, job: Job, pool: Pool, grown: Burst, new: list[Room], takes: tuple[Take, ...]) -> Reason:
        """Make the burst as large as the job needs it, and give the job its room there."""
        self._live[pool.name] = grown
        self._coming.update((room.rank, room) for room in new if room.rank in pool.ranks[: grown.size])
        self._refused.clear()
        self._give(job, takes)
        return Reason(Code.HOSTS_COMING, grown.name + self._borrowed(takes, pool))

    def _borrowed(self, takes: tuple[Take, ...], pool: Pool) -> str:
        """Say how far the job counts on hosts that burstd does not make."""
        count = sum(take.room.rank not in pool.ranks for take in takes)
        return f", with {count} of the lead's hosts that are free now and may be taken" if count else ""

    def _at_hand(self, job: Job) -> tuple[Room, ...]:
        return (*self._meant_for(job, self._free), *self._meant_for(job, self._coming))

    def _rooms_at_hand(self, job: Job, pool: Pool) -> list[Room]:
        rooms = self._at_hand(job)
        if self._placement(job, pool) is Placement.MIXED:
            return list(rooms)
        return [room for room in rooms if room.rank in set(pool.ranks)]

    def _new_rooms(self, pool: Pool, burst: Burst | None) -> list[Room]:
        """The pool's hosts that are neither free nor coming, in the pool's order: a burst is a prefix."""
        start = 0 if burst is None else self._going(burst)
        rooms = []
        for index in range(start, pool.size):
            host = self.hosts.get(pool.ranks[index])
            if host is None or (not host.jobs and not self._drained_by_others(host.rank)):
                rooms.append(whole_room(pool.ranks[index], pool.hosts[index], pool.shape))
        return [room for room in rooms if room.rank not in self._free and room.rank not in self._coming]

    def _going(self, burst: Burst) -> int:
        """Return the index from which the pool's hosts can be had anew."""
        if burst.phase is Phase.DRAINING:
            return 0
        return burst.size if burst.keep is None else burst.keep

    def _grown(self, pool: Pool, burst: Burst | None, size: int, userid: int) -> Burst:
        if burst is None:
            highest = dict(self.snapshot.generations).get(pool.name, 0)
            generation = next_generation(pool, highest, self.now)
            new = Burst(pool.name, generation, Phase.PLANNED, size, created=self.now, since=self.now)
            return replace(new, spec=pool.spec, payers=((userid, size),))
        return grown(burst, size, userid, self.now)

    def _drained_by_us(self, host: Host) -> bool:
        return (host.drain_reason or "").startswith(self.mark)

    def _drained_by_others(self, rank: int) -> bool:
        host = self.hosts.get(rank)
        return host is not None and host.drain_reason is not None and not self._drained_by_us(host)

    def _drains_of(self, pool: Pool) -> str:
        hosts = [self.hosts[rank] for rank in pool.ranks if self._drained_by_others(rank)]
        return "; ".join(f"{host.name}: {host.drain_reason or 'no reason given'}" for host in hosts)

    def _ranks(self, burst: Burst) -> tuple[int, ...]:
        pool = self.policy.pool(burst.pool)
        return pool.ranks[: burst.size] if pool else ()

    def _departing(self, burst: Burst) -> Iterator[int]:
        pool = self.policy.pool(burst.pool)
        return departing(burst, pool) if pool is not None else iter(())


def _progress(burst: Burst) -> str:
    """Return the burst's name, and what it still waits for as its provider says."""
    pending = burst.site.pending if burst.site is not None else ""
    return f"{burst.name}: {pending}" if pending and burst.phase in (*RISING, Phase.SERVING) else burst.name
