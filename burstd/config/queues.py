"""The queues of a lead that bursts: which ones it should have, and whether those it has fit. Pure.

A queue gets its hosts by the properties it requires (flux-config-queues(5)): the lead's own hosts have
`local`, a pool's hosts one that is named as the pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from burstd.config.model import Config, PoolConfig
from burstd.core.errors import Problem
from burstd.core.hosts import compress
from burstd.core.model import Placement, Queue, Shape

LEAD_QUEUE = "batch"
"""The default queue: the lead's own hosts, unless the whole lead is for mixed placement."""

MIXED_QUEUE = "mixed"
"""The queue that requires nothing: its jobs may run on any host."""

LOCAL = "local"
"""The property of the lead's own hosts."""

RENDER = "`burstd render lead-toml --base broker.toml` writes it; the lead must then restart"


def queue_of(pool: PoolConfig) -> str:
    """Return the queue that a pool is declared with."""
    return pool.queue or pool.name


def declared_queues(config: Config, before: Mapping[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Return the queues that the lead's broker.toml should have, each with the properties it requires.

    `before` is what the queues that are there already require: a person may ask more of the lead's own.
    """
    lead = before.get(LEAD_QUEUE, frozenset()) - {LOCAL}
    lead |= frozenset() if config.placement is Placement.MIXED else {LOCAL}
    of_pools = {queue_of(pool): frozenset({pool.name}) for pool in config.pools}
    mixed = before.get(MIXED_QUEUE, frozenset()) - {LOCAL}
    queues = {LEAD_QUEUE: lead} | of_pools | {MIXED_QUEUE: mixed}
    return {name: tuple(sorted(required)) for name, required in queues.items()}


def declaration_problems(config: Config) -> Iterator[Problem]:
    """Yield what keeps the queues apart from being declared: names and properties that mean two things."""
    names = {pool.name for pool in config.pools}
    for index, pool in enumerate(config.pools):
        yield from _name_problems(pool, f"pools[{index}]", names - {pool.name})
    for name in sorted(names.intersection(config.lead.properties)):
        yield Problem("lead.properties", f"{name!r} is the property of pool {name}'s hosts alone", _OTHER)


def lead_problems(
    config: Config,
    members: Mapping[str, tuple[str, ...]],
    shapes: Mapping[str, Shape],
    queues: tuple[Queue, ...] | None,
) -> Iterator[Problem]:
    """Yield where the configuration and the lead's named queues do not agree; None: they are not known.

    `members` has each pool's declared hosts by the pool's name, `shapes` every host's shape.
    """
    if queues is None:
        return
    known = {queue.name: queue for queue in queues}
    for index, pool in enumerate(config.pools):
        queue = known.get(queue_of(pool))
        if queue is not None:
            yield from _misfits(f"pools[{index}].queue", queue, members[pool.name], shapes)
        elif pool.queue:
            yield _unknown(f"pools[{index}].queue", pool.queue, known)
    yield from _start_problems(config, known)


_OTHER = "choose another"


def _name_problems(pool: PoolConfig, path: str, others: set[str]) -> Iterator[Problem]:
    if queue_of(pool) in (LEAD_QUEUE, MIXED_QUEUE):
        key = "queue" if pool.queue else "name"
        yield Problem(f"{path}.{key}", f"the lead has a queue {queue_of(pool)!r} beside its pools'", _OTHER)
    if pool.name == LOCAL:
        yield Problem(f"{path}.name", f"{LOCAL!r} is the property of the lead's own hosts", _OTHER)
    for name in sorted(set(pool.properties or ()) & {LOCAL, *others}):
        whose = "the lead's own" if name == LOCAL else f"pool {name}'s"
        yield Problem(f"{path}.properties", f"{name!r} is the property of {whose} hosts alone", _OTHER)


def _start_problems(config: Config, known: Mapping[str, Queue]) -> Iterator[Problem]:
    for index, name in enumerate(config.lead.start_queues):
        path = f"lead.start_queues[{index}]"
        if name not in known:
            yield _unknown(path, name, known)
        elif name in map(queue_of, config.pools):
            what = f"{name} is a pool's queue, which burstd starts and stops as the pool's hosts come and go"
            yield Problem(path, what, "leave it out")


def _unknown(path: str, name: str, known: Mapping[str, Queue]) -> Problem:
    queues = f"its queues are {', '.join(sorted(known))}" if known else "it has no named queues"
    return Problem(
        path, f"the lead has no queue {name!r}; {queues}", f"correct it, leave it out, or: {RENDER}"
    )


def _misfits(
    path: str, queue: Queue, members: tuple[str, ...], shapes: Mapping[str, Shape]
) -> Iterator[Problem]:
    """A pool's queue is stopped while the pool is down, so it must be for the pool's hosts and no others."""
    allowed = [name for name, shape in shapes.items() if _allows(queue, shape)]
    lacking = [name for name in members if name in shapes and name not in allowed]
    others = [name for name in allowed if name not in members]
    requires = ", ".join(sorted(queue.requires)) or "nothing"
    if lacking:
        what = f"queue {queue.name} requires {requires}, so it does not allow {compress(lacking)}"
        yield Problem(path, what, RENDER)
    elif members and others:
        what = (
            f"queue {queue.name} requires {requires}, so it allows {compress(others)} too; "
            "burstd would stop it while no host of the pool is up"
        )
        yield Problem(path, what, f"name a queue for the pool alone; {RENDER}")


def _allows(queue: Queue, shape: Shape) -> bool:
    """Whether a queue allows hosts of this shape; `^` before a property negates it (RFC 31)."""
    return all(
        name[1:] not in shape.properties if name.startswith("^") else name in shape.properties
        for name in queue.requires
    )
