"""Directories still to be made on hosts that are up, for jobs that came after the launch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from burstd.core.cwd import directories, directories_for
from burstd.core.jobs import Directory
from burstd.core.lifecycle import RISING, leaving
from burstd.core.model import Action, Burst, Phase, Policy, Pool, Snapshot, Verb

MOST_AT_ONCE = 200
"""Directories in one effect: each is an argument of one command, which the kernel takes 2 MiB of."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the hosts of one burst lack: the ranks that lack something, and all that any of them lacks."""

    pool: Pool
    generation: int
    ranks: tuple[int, ...]
    missing: frozenset[Directory]

    def action(self) -> Action:
        """Return the effect that makes the first of the directories."""
        return Action(
            Verb.PREPARE,
            f"prepare:{self.pool.name}-g{self.generation}",
            self.pool.name,
            self.generation,
            ranks=self.ranks,
            text="working directories of waiting jobs",
            directories=tuple(sorted(self.missing)[:MOST_AT_ONCE]),
        )


def preparations(snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst]) -> tuple[Preparation, ...]:
    """Return what hosts lack for the jobs that wait now; a host is up before its burst is known to serve."""
    living = (burst for burst in bursts if burst.phase in (*RISING, Phase.SERVING))
    found = (_preparation(snapshot, policy, burst) for burst in living)
    return tuple(one for one in found if one is not None)


def unprepared(snapshot: Snapshot, preparations: Iterable[Preparation]) -> frozenset[int]:
    """Return the jobs whose own directories are among what is missing."""
    return frozenset(
        job.id
        for one in preparations
        for job in snapshot.jobs
        if not one.missing.isdisjoint(directories(job, one.pool))
    )


def _preparation(snapshot: Snapshot, policy: Policy, burst: Burst) -> Preparation | None:
    pool = policy.pool(burst.pool)
    wanted = directories_for(pool, snapshot.jobs, policy) if pool is not None else frozenset()
    if pool is None or not wanted:
        return None
    made: Mapping[int, frozenset[Directory]] = dict(snapshot.prepared)
    usable = {host.rank for host in snapshot.hosts if host.usable}
    lacks = {rank: wanted - made.get(rank, frozenset()) for rank in _staying(burst, pool) if rank in usable}
    ranks = tuple(rank for rank, missing in lacks.items() if missing)
    missing = frozenset[Directory]().union(*lacks.values())
    return Preparation(pool, burst.generation, ranks, missing) if ranks else None


def _staying(burst: Burst, pool: Pool) -> Iterator[int]:
    for index, rank in enumerate(pool.ranks[: burst.size]):
        if not leaving(burst, index):
            yield rank
