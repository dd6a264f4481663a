"""What `burstd check-config` says of a configuration that has no mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from burstd.config import Config, PoolConfig, limits_sentences
from burstd.core.hosts import compress, format_idset
from burstd.core.model import Policy, Pool
from burstd.plugins.contract import Provider
from burstd.plugins.registry import providers

RESTARTS = """\
What takes effect when:
  This file and the flags: when burstd restarts. That costs no job; bursts that live are taken over.
  Declared hosts, their cores, gpus and properties, and queues (the lead's broker.toml): only when the
  lead restarts, since its size and R are fixed while it runs. A restart cancels running jobs; pending
  jobs, drains and memos survive only where the lead has a statedir. To declare more hosts than you use
  costs nothing, so declare once what you may ever want."""


def check(config: Config) -> Iterator[str]:
    """Yield the lines. Raises ConfigError where a provider or the lead does not agree, LeadError."""
    made = providers(config)
    yield f"The configuration has no mistakes. Sites are named {config.prefix}-<pool>-g<N>."
    for pool in config.pools:
        yield f"Pool {pool.name}: {_written(pool, made)}"
    if config.lead.uri:
        yield from _against_lead(config)
    else:
        yield "No lead is at hand (neither lead.uri nor $FLUX_URI is set), so this was not held against one."
    yield RESTARTS


def _written(pool: PoolConfig, made: Mapping[str, Provider]) -> str:
    cost = "costs money" if made[pool.name].paid else "free of charge"
    hosts = pool.hosts or f"the lead's hosts {pool.name}-<number>"
    cut = f", the first {pool.size}" if pool.size else ""
    idle = f"{pool.idle_seconds:g} idle seconds"
    return f"provider {pool.provider} ({cost}), {hosts}{cut}; a host goes after {idle}."


def _against_lead(config: Config) -> Iterator[str]:
    from burstd.engine.wiring import dry_run

    _, policy, _ = dry_run(config)
    yield f"The lead at {config.lead.uri} agrees:"
    yield from _declared(policy)


def _declared(policy: Policy) -> Iterator[str]:
    yield from (f"  {_line(pool)}" for pool in policy.pools)
    yield from (f"  {sentence}" for sentence in limits_sentences(policy))


def _line(pool: Pool) -> str:
    gpus = f", {pool.shape.gpus} gpus" if pool.shape.gpus else ""
    properties = f", properties {', '.join(sorted(pool.shape.properties))}" if pool.shape.properties else ""
    ranks = format_idset(pool.ranks)
    return (
        f"{pool.name}: {compress(pool.hosts)}, ranks {ranks}, {pool.shape.cores} cores each{gpus}{properties}"
    )
