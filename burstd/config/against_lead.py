"""The configuration held against the lead: which ranks a pool has, of what shape. Pure.

A pool can only be of hosts that the lead declares, because ranks are positions in its hostlist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from burstd.config.model import AUTO, PAID_LIFETIME_SECONDS, Config, LeadConfig, PoolConfig
from burstd.config.prices import caps, costs, fingerprint, price_problems
from burstd.config.queues import RENDER, lead_problems
from burstd.core.errors import ConfigError, Problem
from burstd.core.hosts import compress, expand
from burstd.core.model import Host, Policy, Pool, Queue, Shape, Shrinks
from burstd.join.papers import Declared, Join


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the daemon works with: what it may do, and what a broker needs to be let in."""

    policy: Policy
    join: Join


@dataclass(frozen=True, slots=True)
class _Lead:
    """What the lead declares: names in rank order, each with its shape."""

    names: tuple[str, ...]
    shapes: Mapping[str, Shape]

    def ranks(self, names: tuple[str, ...]) -> tuple[int, ...]:
        table = {name: rank for rank, name in enumerate(self.names)}
        return tuple(table[name] for name in names if name in table)


def resolve(
    config: Config,
    *,
    hostlist: str,
    hosts: tuple[Host, ...],
    endpoint: str = "",
    curve_cert: str = "",
    version: str = "",
    paid: Mapping[str, bool],
    shrinks: Mapping[str, Shrinks] | None = None,
    renewals: Mapping[str, float] | None = None,
    queues: tuple[Queue, ...] | None = None,
    instance_owner: int | None = None,
) -> Resolved:
    """Return the pools with their ranks and shapes, and the papers of joining.

    `hostlist`, `endpoint` (the URI other brokers are told to connect to) and `curve_cert` (a path) are
    the lead's own, as is `version` (Flux's), `hosts` what its R declares, `queues` its named ones (None: not
    looked at); `paid` says of each pool, by name, whether it costs money, `shrinks` how it can be made
    smaller (from the top, where it does not say), `renewals` how often a lease there is renewed, in seconds
    (0: there is none). `instance_owner` is the lead's user id, None: all users'
    jobs count alike. Raises ConfigError with every Problem.
    """
    lead = _Lead(expand(hostlist), {host.name: host.shape for host in hosts})
    paid = {pool.name: costs(pool, paid) for pool in config.pools}
    members = {pool.name: _declared_names(pool, lead) for pool in config.pools}
    problems = (
        *_problems(config, lead, endpoint, curve_cert, paid),
        *lead_problems(config, members, lead.shapes, queues),
    )
    if problems:
        raise ConfigError(problems)
    pools = tuple(
        replace(
            _made(pool, lead, paid[pool.name]),
            shrinks=(shrinks or {}).get(pool.name, "top"),
            renewal_seconds=(renewals or {}).get(pool.name, 0.0),
            spec=fingerprint(pool, config, version),
        )
        for pool in config.pools
    )
    return Resolved(
        replace(_policy(config, pools), instance_owner=instance_owner),
        replace(_join(config.lead, lead, endpoint, curve_cert, version), userid=instance_owner),
    )


def limits_sentences(policy: Policy) -> tuple[str, ...]:
    """Return what bounds the bill, to be said at start; nothing where no pool costs money."""
    paid = [pool for pool in policy.pools if pool.paid]
    if not paid:
        return ()
    first = f"Paid pools: at most {policy.max_bursts} at once, {policy.max_hosts} hosts in all."
    return (first, *_caps_sentences(policy), *(_limits_sentence(pool) for pool in paid))


def _caps_sentences(policy: Policy) -> Iterator[str]:
    named = {
        "an hour": policy.caps.dollars_per_hour,
        "a day": policy.caps.dollars_per_day,
        "a day for each user": policy.caps.dollars_per_user_day,
        **{f"a day for pool {pool.name}": pool.dollars_per_day for pool in policy.pools},
    }
    told = [f"{dollars:g} dollars {what}" for what, dollars in named.items() if dollars is not None]
    if told:
        yield f"By the prices in the configuration they may cost at most {', '.join(told)}."


def _limits_sentence(pool: Pool) -> str:
    return (
        f"Pool {pool.name} ({pool.provider}) costs money: at most {pool.size} hosts, each released after "
        f"{pool.idle_seconds:g} idle seconds, and all of them {pool.max_lifetime_seconds:g} seconds "
        "after the burst began, whatever runs there."
    )


def _problems(
    config: Config, lead: _Lead, endpoint: str, curve_cert: str, paid: Mapping[str, bool]
) -> Iterator[Problem]:
    for index, pool in enumerate(config.pools):
        yield from _pool_problems(pool, f"pools[{index}]", lead)
        yield from _lifetime_problems(pool, f"pools[{index}]", paid.get(pool.name, False))
    yield from price_problems(config, paid)
    yield from _shared_hosts(config, lead)
    yield from _size_problems(config, lead)
    yield from _join_problems(config.lead, lead, endpoint, curve_cert)


def _declared_names(pool: PoolConfig, lead: _Lead) -> tuple[str, ...]:
    """The pool's hosts before `size` cuts them: as written, or all that bear its name."""
    if pool.hosts:
        return expand(pool.hosts)
    own = re.compile(re.escape(pool.name) + r"-\d+")
    return tuple(name for name in lead.names if own.fullmatch(name))


def _pool_names(pool: PoolConfig, lead: _Lead) -> tuple[str, ...]:
    return _declared_names(pool, lead)[: pool.size]


def _pool_problems(pool: PoolConfig, path: str, lead: _Lead) -> Iterator[Problem]:
    names = _declared_names(pool, lead)
    missing = tuple(name for name in names if name not in lead.names)
    if not names or missing:
        yield _undeclared(pool, path, lead, missing)
    elif pool.size and pool.size > len(names):
        more = compress(f"{pool.name}-{number}" for number in range(len(names), pool.size))
        what = f"{pool.size}, but the lead declares only {len(names)} of its hosts: {compress(names)}"
        yield Problem(f"{path}.size", what, _addition(more, pool))
    else:
        yield from _order_problems(names[: pool.size], path, lead)
        yield from _shape_problems(pool, path, names[: pool.size], lead)


def _undeclared(pool: PoolConfig, path: str, lead: _Lead, missing: tuple[str, ...]) -> Problem:
    wanted = compress(missing) if missing else f"{pool.name}-[0-{(pool.size or 4) - 1}]"
    place = f"{path}.hosts" if pool.hosts else f"{path}.name"
    what = (
        f"the lead does not declare {wanted}"
        if missing
        else f"the lead does not declare any host {pool.name}-<number>"
    )
    return Problem(place, f"{what}; its hostlist is {compress(lead.names)}", _addition(wanted, pool))


def _addition(hosts: str, pool: PoolConfig) -> str:
    """Say exactly what broker.toml lacks."""
    extras = f', gpus = "{_ids(pool.gpus)}"' if pool.gpus else ""
    extras += f", properties = {list(pool.properties)}".replace("'", '"') if pool.properties else ""
    cores = f'"{_ids(pool.cores)}"' if pool.cores else "<the ids of one host's cores>"
    return (
        f'add {{ host = "{hosts}" }} to `hosts` of [bootstrap] and a [[resource.config]] with '
        f'hosts = "{hosts}", cores = {cores}{extras} to the lead\'s broker.toml; {RENDER}'
    )


def _ids(count: int) -> str:
    return "0" if count == 1 else f"0-{count - 1}"


def _order_problems(names: tuple[str, ...], path: str, lead: _Lead) -> Iterator[Problem]:
    ranks = lead.ranks(names)
    if ranks != tuple(range(ranks[0], ranks[0] + len(ranks))):
        what = (
            f"{compress(names)} do not stand one after another in the lead's hostlist, {compress(lead.names)}"
        )
        yield Problem(f"{path}.hosts", what, "list them together and in the lead's order: position is rank")


def _shape_problems(pool: PoolConfig, path: str, names: tuple[str, ...], lead: _Lead) -> Iterator[Problem]:
    names = tuple(name for name in names if name in lead.shapes)
    shapes = {lead.shapes[name] for name in names}
    if len(shapes) > 1:
        spread = "; ".join(f"{part.hosts} have {_words(part.shape)}" for part in _stretches(names, lead))
        yield Problem(
            path,
            f"its hosts are not of one shape in the lead's R: {spread}",
            "make a pool of each shape, or correct [[resource.config]] and restart the lead",
        )
    elif shapes:
        yield from _disagreements(pool, path, shapes.pop())


def _disagreements(pool: PoolConfig, path: str, shape: Shape) -> Iterator[Problem]:
    given = {
        "cores": pool.cores,
        "gpus": pool.gpus,
        "properties": _listed(pool, shape),
    }
    for key, value in given.items():
        if value is not None and value != getattr(shape, key):
            what = f"{_plain(value)}, but the lead's R says {_plain(getattr(shape, key))}"
            yield Problem(
                f"{path}.{key}",
                what,
                "the lead's R counts; correct this, or [[resource.config]] and restart the lead",
            )


def _listed(pool: PoolConfig, shape: Shape) -> frozenset[str] | None:
    """The properties as written; the pool's name, which rendering adds to them, need not be."""
    if pool.properties is None:
        return None
    return frozenset(pool.properties) | (shape.properties & {pool.name})


def _plain(value: int | frozenset[str]) -> str:
    return str(value) if isinstance(value, int) else ", ".join(sorted(value)) or "none"


def _words(shape: Shape) -> str:
    properties = f", properties {_plain(shape.properties)}" if shape.properties else ""
    return f"{shape.cores} cores, {shape.gpus} gpus{properties}"


def _lifetime_problems(pool: PoolConfig, path: str, paid: bool) -> Iterator[Problem]:
    if paid and pool.max_lifetime_seconds is None and "max_lifetime_seconds" in pool.model_fields_set:
        yield Problem(
            f"{path}.max_lifetime_seconds",
            f"null, but provider {pool.provider} costs money",
            f"give a number of seconds, or leave it out for {PAID_LIFETIME_SECONDS:g}",
        )


def _shared_hosts(config: Config, lead: _Lead) -> Iterator[Problem]:
    owners: dict[str, int] = {}
    for index, pool in enumerate(config.pools):
        names = _pool_names(pool, lead)
        shared = [name for name in names if name in owners]
        if shared:
            yield Problem(
                f"pools[{index}].hosts",
                f"{compress(shared)} is in pools[{owners[shared[0]]}] too",
                "a host belongs to one pool",
            )
        owners |= {name: index for name in names if name not in owners}


def _size_problems(config: Config, lead: _Lead) -> Iterator[Problem]:
    """Hold `lead.size` against the stretch before the pools; without it, only rank 0 is surely the lead's."""
    size, total = config.lead.size, len(lead.names)
    ranks = {rank: pool.name for pool in config.pools for rank in lead.ranks(_pool_names(pool, lead))}
    first = min(ranks, default=total)
    if size and size > total:
        yield Problem("lead.size", f"{size}, but the lead declares {total} hosts: {compress(lead.names)}")
    elif first < (size or 1):
        own = "rank 0 is the lead's own" if not size else f"the first {size} hosts are the lead's own"
        what = f"{own}, but {lead.names[first]} is in pool {ranks[first]}"
        yield Problem("lead.size", what, f"the lead's hostlist is {compress(lead.names)}")
    elif size and size < first and _prefix(lead.names[size]) == _prefix(lead.names[size - 1]):
        own = compress(lead.names[:first])
        yield Problem(
            "lead.size",
            f"{size}, but before its pools the lead declares {first} hosts: {own}",
            "count declared hosts, not those that are up",
        )


def _prefix(name: str) -> str:
    return name.rstrip("0123456789")


def _join_problems(config: LeadConfig, lead: _Lead, endpoint: str, curve_cert: str) -> Iterator[Problem]:
    bare = tuple(name for name in lead.names if name not in lead.shapes)
    if bare:
        yield Problem(
            "",
            f"the lead's hostlist has {compress(bare)}, but its R gives them no resources",
            "add them to [[resource.config]] in the lead's broker.toml and restart the lead",
        )
    host, port = lead_address(config, endpoint)
    for key, value in (("host", host), ("port", port)):
        if not value:
            what = f"missing, and the lead's own [bootstrap] does not tell it (connect = {endpoint!r})"
            yield Problem(f"lead.{key}", what, f"set it, or give --lead-{key}")
    if not (config.curve_cert or curve_cert):
        yield Problem(
            "lead.curve_cert",
            "missing, and the lead's own [bootstrap] names no curve_cert",
            "set it, or give --curve-cert; `flux keygen` makes one",
        )


def lead_address(config: LeadConfig, endpoint: str) -> tuple[str, int]:
    """Where brokers reach the lead: as configured, else as its own config tells them; "", 0: unknown."""
    match = re.fullmatch(r"tcp://(?P<host>[^%*]+):(?P<port>\d+)", endpoint)
    host = config.host or (match["host"] if match else "")
    if config.host == AUTO:
        return AUTO, config.port or 1  # both are found out before they are used
    return host, config.port or (int(match["port"]) if match else 0)


def _stretches(names: tuple[str, ...], lead: _Lead) -> tuple[Declared, ...]:
    groups = groupby(names, key=lambda name: lead.shapes[name])
    return tuple(Declared(compress(run), shape) for shape, run in groups)


def _made(pool: PoolConfig, lead: _Lead, paid: bool) -> Pool:
    names = _pool_names(pool, lead)
    lifetime = pool.max_lifetime_seconds
    return Pool(
        name=pool.name,
        provider=pool.provider,
        hosts=names,
        ranks=lead.ranks(names),
        shape=lead.shapes[names[0]],
        paid=paid,
        placement=pool.placement,
        multi_user=pool.multi_user,
        shares_files=pool.provider == "local" if pool.shares_files is None else pool.shares_files,
        cwd_prefixes=pool.cwd_prefixes,
        queue=pool.queue,
        idle_seconds=pool.idle_seconds,
        provision_seconds=pool.provision_seconds,
        launch_seconds=pool.launch_seconds,
        join_seconds=pool.join_seconds,
        cooldown_seconds=pool.cooldown_seconds,
        drain_seconds=pool.drain_seconds,
        max_lifetime_seconds=PAID_LIFETIME_SECONDS if paid and lifetime is None else lifetime,
        cost_per_hour=pool.cost_per_hour or 0.0,
        cluster_cost_per_hour=pool.cluster_cost_per_hour,
        dollars_per_day=pool.dollars_per_day,
        probe=paid if pool.probe is None else pool.probe,
    )


def _policy(config: Config, pools: tuple[Pool, ...]) -> Policy:
    return Policy(
        owner=config.owner,
        pools=pools,
        placement=config.placement,
        max_bursts=config.limits.max_bursts,
        start_queues=config.lead.start_queues,
        max_hosts=config.limits.max_hosts or sum(pool.size for pool in pools if pool.paid),
        caps=caps(config.limits),
        close_after=config.limits.close_after,
    )


def _join(config: LeadConfig, lead: _Lead, endpoint: str, curve_cert: str, version: str) -> Join:
    host, port = lead_address(config, endpoint)
    return Join(
        lead_host=host,
        lead_port=port,
        declared=_stretches(lead.names, lead),
        curve_cert=config.curve_cert or Path(curve_cert),
        munge_key=config.munge_key,
        version=version,
        image=config.image,
        flux_image=config.flux_image,
        curve_cert_secret=config.curve_cert_secret_name or "",
        munge_key_secret=config.munge_key_secret_name or "",
    )
