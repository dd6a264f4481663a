"""What the lead's broker.toml must declare for the pools of a configuration. Pure: text in, LeadSide out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from burstd.config.model import Config, PoolConfig
from burstd.config.queues import LEAD_QUEUE, LOCAL, declaration_problems, declared_queues
from burstd.core.errors import ConfigError, Problem
from burstd.core.hosts import compress, expand, parse_idset
from burstd.core.model import Shape
from burstd.join.brokerconfig import LeadSide
from burstd.join.papers import Declared

FLUX_PORT = 8050
"""The port that Flux's system instances and the Flux Operator listen on."""

QUEUE_POLICY = "easy"
"""Fluxion's policy under which a job that waits for hosts is neither refused nor in the way."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What an existing broker.toml declares; of nothing if there is none."""

    names: tuple[str, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    bind: str = ""
    connect: str = ""
    curve_cert: str = ""
    queues: Mapping[str, frozenset[str]] = field(default_factory=dict)


def lead_side(config: Config, base: str = "") -> LeadSide:
    """Return what the lead must declare, beginning with what `base`, its broker.toml, declares already.

    Hosts of a pool that are new stand behind its old ones, those of a new pool at the end. Raises
    ConfigError with every Problem: a pool of unknown size or shape, a lead of unknown hosts.
    """
    found = _read(base)
    problems = tuple(_problems(config, found))
    if problems:
        raise ConfigError(problems)
    own = found.names or expand(config.lead.hosts or "")
    names = _with_pools(own, config)
    port = config.lead.port or FLUX_PORT
    return LeadSide(
        curve_cert=str(config.lead.curve_cert or found.curve_cert),
        host=names[0],
        bind=found.bind or f"tcp://*:{port}",
        connect=found.connect or f"tcp://{config.lead.host or names[0]}:{port}",
        declared=_declared(names, config, found),
        queues=declared_queues(config, found.queues),
        default_queue=LEAD_QUEUE,
        queue_policy=QUEUE_POLICY,
    )


def _problems(config: Config, base: _Base) -> Iterator[Problem]:
    for index, pool in enumerate(config.pools):
        yield from _pool_problems(pool, f"pools[{index}]", base)
    if not base.names and not config.lead.hosts:
        yield Problem("lead.hosts", "missing: which hosts are the lead's own", "set it, or give --base")
    if not (config.lead.curve_cert or base.curve_cert):
        yield Problem(
            "lead.curve_cert", "missing: where the lead has its certificate", "`flux keygen` makes one"
        )
    pooled = {name for pool in config.pools for name in _wanted(pool)}
    bare = [name for name in base.names if name not in base.shapes and name not in pooled]
    if not config.lead.cores and (bare or not base.names):
        whose = f"of {compress(bare)}" if bare else "of each of the lead's hosts"
        yield Problem("lead.cores", f"missing: how many cores {whose}", "set it")
    yield from declaration_problems(config)


def _pool_problems(pool: PoolConfig, path: str, base: _Base) -> Iterator[Problem]:
    known = _members(pool, base.names)
    if not _wanted(pool) and not known:
        yield Problem(
            f"{path}.size", "missing: how many hosts to declare", "declaring more than you use is free"
        )
    if not pool.cores and any(name not in base.shapes for name in _wanted(pool) or known):
        yield Problem(f"{path}.cores", "missing: how many cores each of its hosts has", "set it")


def _wanted(pool: PoolConfig) -> tuple[str, ...]:
    if pool.hosts:
        return expand(pool.hosts)
    return tuple(f"{pool.name}-{number}" for number in range(pool.size or 0))


def _members(pool: PoolConfig, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted, own = set(_wanted(pool)), re.compile(re.escape(pool.name) + r"-\d+")
    return tuple(name for name in names if name in wanted or (not pool.hosts and own.fullmatch(name)))


def _with_pools(names: tuple[str, ...], config: Config) -> tuple[str, ...]:
    for pool in config.pools:
        members = _members(pool, names)
        place = names.index(members[-1]) + 1 if members else len(names)
        new = tuple(name for name in _wanted(pool) if name not in names)
        names = names[:place] + new + names[place:]
    return names


def _declared(names: tuple[str, ...], config: Config, base: _Base) -> tuple[Declared, ...]:
    pools = {name: pool for pool in config.pools for name in _members(pool, names)}
    own = frozenset(_own(names, config, base)) - pools.keys()
    lead = Shape(config.lead.cores or 0, config.lead.gpus, frozenset(config.lead.properties))
    shapes = {name: _shape(pools.get(name), base.shapes.get(name), lead, name in own) for name in names}
    groups = groupby(names, key=lambda name: (pools[name].name if name in pools else "", shapes[name]))
    return tuple(Declared(compress(run), shape) for (_, shape), run in groups)


def _own(names: tuple[str, ...], config: Config, base: _Base) -> tuple[str, ...]:
    """The lead's own hosts, pools' among them: in a file that is there, those behind `size` are others'."""
    return names[: config.lead.size] if base.names else names


def _shape(pool: PoolConfig | None, old: Shape | None, lead: Shape, own: bool) -> Shape:
    """A pool's settings count before what stood there, and that before what the lead's section says."""
    before = old or (Shape(0) if pool else lead)
    if pool is None:
        return replace(before, properties=before.properties | {LOCAL}) if own else before
    return Shape(
        cores=pool.cores or before.cores,
        gpus=before.gpus if pool.gpus is None else pool.gpus,
        properties=(before.properties if pool.properties is None else frozenset(pool.properties))
        | {pool.name},
    )


def _read(text: str) -> _Base:
    try:
        document = tomllib.loads(text)
        entries = document.get("bootstrap", {}).get("hosts", [])
        first = entries[0] if entries else {}
        return _Base(
            names=tuple(name for entry in entries for name in expand(entry["host"])),
            shapes=_shapes(document.get("resource", {}).get("config", [])),
            bind=first.get("bind", ""),
            connect=first.get("connect", ""),
            curve_cert=document.get("bootstrap", {}).get("curve_cert", ""),
            queues={
                name: frozenset(queue.get("requires", ()))
                for name, queue in document.get("queues", {}).items()
            },
        )
    except tomllib.TOMLDecodeError as exc:
        raise _unusable(f"is not TOML: {exc}") from exc
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise _unusable(f"is not laid out as flux-config(5) describes: {exc!r}") from exc


def _unusable(what: str) -> ConfigError:
    return ConfigError((Problem("--base", what, "burstd changes only a broker.toml that Flux would take"),))


def _shapes(entries: list[dict[str, Any]]) -> Mapping[str, Shape]:
    """Several entries may speak of one host: Flux adds them up, so this does."""
    shapes: dict[str, Shape] = {}
    for entry in entries:
        for name in expand(entry["hosts"]):
            old = shapes.get(name, Shape(0))
            cores, gpus = _count(entry, "cores"), _count(entry, "gpus")
            properties = old.properties | frozenset(entry.get("properties", ()))
            shapes[name] = Shape(cores or old.cores, gpus or old.gpus, properties)
    return {name: shape for name, shape in shapes.items() if shape.cores}


def _count(entry: Mapping[str, Any], key: str) -> int:
    """The number of ids of an idset from 0 on; burstd knows hosts by counts, so others would be lost."""
    ids = parse_idset(entry.get(key, ""))
    if ids != tuple(range(len(ids))):
        raise ValueError(f"{key} = {entry[key]!r} of {entry['hosts']} does not count from 0")
    return len(ids)
