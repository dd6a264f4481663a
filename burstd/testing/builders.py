"""Builders that let a planner test read as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from burstd.core.cooldown import cooled
from burstd.core.hosts import expand
from burstd.core.lifecycle import begun
from burstd.core.model import (
    Burst,
    Host,
    Job,
    JobState,
    Phase,
    Plan,
    Policy,
    Pool,
    Request,
    Shape,
    Snapshot,
    Span,
    Verb,
    Wish,
)

NOW = 1_000_000.0
"""The moment at which a built snapshot is seen, in seconds since the epoch."""


def a_job(id_: int = 1, hosts: int = 4, **changes: Any) -> Job:
    """A burstable job that waits for whole hosts, as `flux submit -N HOSTS --setattr=burstable` makes it."""
    request = Request(hosts=hosts, slots=1, cores=1, exclusive=True)
    job = Job(id_, JobState.SCHED, request, submitted=NOW - 10 + id_ / 1000, wish=Wish())
    return replace(job, **changes)


def a_pool(name: str = "burst-0", size: int = 4, first_rank: int = 4, **changes: Any) -> Pool:
    """A pool of two-core hosts behind the lead's own ranks."""
    hosts = expand(f"{name}-[0-{size - 1}]")
    ranks = tuple(range(first_rank, first_rank + size))
    return replace(Pool(name, "local", hosts, ranks, Shape(2, properties=frozenset({"burst"}))), **changes)


def a_policy(*pools: Pool, **changes: Any) -> Policy:
    """A policy over the pools; one default pool if none is given."""
    return replace(Policy("tester", pools or (a_pool(),)), **changes)


def a_host(rank: int, name: str, *, shape: Shape | None = None, **changes: Any) -> Host:
    """A host that is down; `online=True` brings it up long since, with all of its cores free."""
    shape = shape or Shape(2)
    host = Host(rank, name, shape, free_cores=shape.cores, free_gpus=shape.gpus, quiet_since=NOW - 1000)
    return replace(host, **changes)


def some_hosts(
    pools: Sequence[Pool] = (), *, lead: int = 4, lead_online: int = 2, online: Sequence[int] = ()
) -> tuple[Host, ...]:
    """The lead's own hosts, then each pool's; `online` names pool ranks that are up."""
    own = tuple(a_host(rank, f"flux-sample-{rank}", online=rank < lead_online) for rank in range(lead))
    remote = tuple(
        a_host(rank, name, shape=pool.shape, online=rank in online)
        for pool in pools
        for name, rank in zip(pool.hosts, pool.ranks, strict=True)
    )
    return own + remote


def a_burst(phase: Phase = Phase.SERVING, size: int = 4, **changes: Any) -> Burst:
    """A burst of pool burst-0, in its phase since a while."""
    served = phase in (Phase.SERVING, Phase.DRAINING)
    burst = Burst("burst-0", 1, phase, size, created=NOW - 1000, since=NOW - 900, served=served)
    burst = replace(burst, **changes)
    return replace(burst, spans=burst.spans or (Span(burst.created, burst.size),))


def a_snapshot(**changes: Any) -> Snapshot:
    """The lead of seed 003: two hosts up of four, a pool of four down, nobody waiting."""
    return replace(Snapshot(hosts=some_hosts([a_pool()]), jobs=(), started=NOW - 2000), **changes)


def applied(snapshot: Snapshot, plan: Plan, now: float) -> Snapshot:
    """Return the snapshot just after the plan was applied: records written, effects begun, none ended."""
    bursts = {burst.name: burst for burst in (*snapshot.bursts, *plan.bursts)}
    for action in plan.actions:
        if action.key in bursts:
            bursts[action.key] = begun(bursts[action.key], action, now)
    living = tuple(burst for burst in bursts.values() if burst.phase is not Phase.GONE)
    used = dict(snapshot.generations) | {burst.pool: burst.generation for burst in plan.bursts}
    keys = snapshot.in_flight | {action.key for action in plan.actions}
    cooldowns = {one.pool: one for one in snapshot.cooldowns}
    for burst in bursts.values():
        if burst.phase is Phase.GONE:
            cooldown = cooled(burst, cooldowns.pop(burst.pool, None), now)
            cooldowns |= {burst.pool: cooldown} if cooldown else {}
    return replace(
        snapshot,
        bursts=living,
        in_flight=keys,
        generations=tuple(sorted(used.items())),
        cooldowns=tuple(cooldowns.values()),
    )


def verbs(plan: Plan) -> list[Verb]:
    """Return the verbs of the plan's effects, what jobs are told left out."""
    return [action.verb for action in plan.actions if action.verb not in (Verb.TELL, Verb.RAISE)]
