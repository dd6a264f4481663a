"""What is done while bursts live, whoever waits: leases, a note of what was spent, words to jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from burstd.core.budget import CHECKPOINT_SECONDS, checkpoint
from burstd.core.marks import BUSY
from burstd.core.model import Action, Burst, Host, Job, JobState, Phase, Policy, Pool, Snapshot, Verb

CHECKPOINT_ACTION = "checkpoint"

_LEASED = (Phase.LAUNCHING, Phase.JOINING, Phase.SERVING, Phase.DRAINING)
"""The phases in which a site has a lease and is wanted."""


class Upkeep:
    """One plan's upkeep; `wakes` are the times at which more would be due with no event."""

    def __init__(self, snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float) -> None:
        self.snapshot = snapshot
        self.policy = policy
        self.bursts = tuple(bursts)
        self.now = now
        self.hosts: Mapping[int, Host] = {host.rank: host for host in snapshot.hosts}
        self.wakes: list[float] = []

    def actions(self) -> Iterator[Action]:
        """Yield what is to be done now; nothing on a key that has an effect in flight."""
        for action in (*self.renewals(), *self.checkpoints()):
            if action.key not in self.snapshot.in_flight:
                yield action

    def renewals(self) -> Iterator[Action]:
        """Renew each lease in time, and at once where its burst became busy or idle."""
        latest = {name: (at, busy) for name, at, busy in self.snapshot.renewed}
        for burst in self.bursts:
            pool = self.policy.pool(burst.pool)
            if pool is None or not pool.renewal_seconds or not _is_leased(burst):
                continue
            busy = self._busy(burst, pool)
            at, was_busy = latest.get(burst.name, (0.0, not busy))
            due = self.now if busy != was_busy else at + pool.renewal_seconds
            self.wakes.append(due)
            if self.now >= due:
                yield _renewal(burst, busy)

    def checkpoints(self) -> Iterator[Action]:
        """Tell the lead what was spent today: a ledger may be lost."""
        at, told = self.snapshot.checkpointed
        text = checkpoint(self.snapshot, self.bursts, self.now)
        if not text or text == told:
            return
        self.wakes.append(at + CHECKPOINT_SECONDS)
        if self.now >= at + CHECKPOINT_SECONDS:
            yield Action(Verb.CHECKPOINT, CHECKPOINT_ACTION, text=text)

    def farewells(self) -> dict[int, str]:
        """Return what jobs are told that run on machines which the cloud takes back."""
        going = {rank: name for burst in self.bursts for rank, name in self._reclaimed(burst)}
        running = (job for job in self.snapshot.jobs if job.state is JobState.RUN)
        return {job.id: _farewell(job, going) for job in running if not going.keys().isdisjoint(job.ranks)}

    def _busy(self, burst: Burst, pool: Pool) -> bool:
        mine = (self.hosts.get(rank) for rank in pool.ranks[: burst.size])
        return any(host is not None and host.jobs for host in mine)

    def _reclaimed(self, burst: Burst) -> Iterator[tuple[int, str]]:
        pool = self.policy.pool(burst.pool)
        names = burst.site.reclaimed if burst.site is not None else ()
        for rank, name in zip(pool.ranks, pool.hosts, strict=True) if pool is not None else ():
            if name in names:
                yield rank, name


def _is_leased(burst: Burst) -> bool:
    """A provision that is tried again and again has made its lease at some time, which a listing shows."""
    made = burst.site is not None and burst.site.renewed is not None
    return burst.phase in _LEASED or (burst.phase is Phase.PROVISIONING and made)


def _renewal(burst: Burst, busy: bool) -> Action:
    text = BUSY if busy else ""
    key = f"lease:{burst.name}"
    return Action(Verb.RENEW, key, burst.pool, burst.generation, burst.size, text=text)


def _farewell(job: Job, going: Mapping[int, str]) -> str:
    names = ", ".join(going[rank] for rank in job.ranks if rank in going)
    what = f"The cloud takes back the machine of {names}"
    return f"reclaimed: {what}; the job may fail, and is not submitted again."
