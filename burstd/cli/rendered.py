"""`burstd render lead` and `burstd render burst`: manifests as YAML, ready for `kubectl apply -f -`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from burstd.config import Config, PoolConfig, Resolved, resolve
from burstd.config.model import AUTO
from burstd.core.errors import ConfigError, Problem
from burstd.core.hosts import compress, expand
from burstd.core.model import Host
from burstd.join.papers import Order
from burstd.plugins.contract import Provider, Renders
from burstd.plugins.registry import providers

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which burst to show: of which size ("None": all hosts) and generation; alone, with what to run."""

    pool: str
    size: int | None = None
    generation: int = 1
    command: str = ""
    batch: Path | None = None


def shaped(config: Config) -> Config:
    """Return the configuration with the shapes that its machine types have, where it names none itself."""
    made = providers(config)
    pools = tuple(_shaped(pool, made[pool.name]) for pool in config.pools)
    return config.model_copy(update={"pools": pools})


def lead(config: Config, *, gateway: bool) -> str:
    """Return what the lead's side needs. Raises ConfigError."""
    from burstd.kube.leadside import lead_manifests

    return as_yaml(lead_manifests(shaped(config), with_gateway=gateway))


def burst(config: Config, wanted: Wanted) -> str:
    """Return what a burst's cluster would get. Raises ConfigError."""
    config = shaped(config)
    made = providers(config)
    resolved = _resolved(config, made)
    pool = resolved.policy.pool(wanted.pool)
    provider = made.get(wanted.pool)
    if pool is None or provider is None:
        names = ", ".join(made)
        raise ConfigError((Problem("POOL", f"no pool is called {wanted.pool!r}", f"there are {names}"),))
    if not isinstance(provider, Renders):
        what = f"pool {pool.name} is of provider {pool.provider}, which makes no Kubernetes objects"
        raise ConfigError((Problem("POOL", what),))
    name = f"{config.prefix}-{pool.name}-g{wanted.generation}"
    size = min(wanted.size or pool.size, pool.size)
    order = Order(config.owner, name, pool, wanted.generation, size, resolved.join)
    return as_yaml(_alone(provider.manifests(order), wanted))


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """Return manifests as one YAML stream; texts of several lines stay readable."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _alone(manifests: tuple[Manifest, ...], wanted: Wanted) -> tuple[Manifest, ...]:
    """An isolated MiniCluster has no secret of the lead's, and nothing to join."""
    if not wanted.command and wanted.batch is None:
        return manifests
    from burstd.kube.minicluster import isolated

    batch = _read(wanted.batch) if wanted.batch else ""
    kept = [one for one in manifests if one["kind"] in ("Namespace", "MiniCluster")]
    return tuple(
        isolated(one, wanted.command, batch) if one["kind"] == "MiniCluster" else one for one in kept
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        what = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigError((Problem("--batch", f"{path} cannot be read: {what}"),)) from exc


def _shaped(pool: PoolConfig, provider: Provider) -> PoolConfig:
    shape = provider.shape
    if shape is None:
        return pool
    cores = shape.cores if pool.cores is None else pool.cores
    gpus = shape.gpus if pool.gpus is None else pool.gpus
    return pool.model_copy(update={"cores": cores, "gpus": gpus})


def _resolved(config: Config, made: Mapping[str, Provider]) -> Resolved:
    """Hold the configuration against the lead that it would itself declare."""
    from burstd.kube.leadside import declared

    if config.lead.host == AUTO:
        what = "auto: only a burstd that runs beside the lead can find it out"
        raise ConfigError((Problem("lead.host", what, "give --lead-host and --lead-port"),))
    side = declared(config)
    names = [(name, one.shape) for one in side.declared for name in expand(one.hosts)]
    return resolve(
        config,
        hostlist=compress(name for name, _ in names),
        hosts=tuple(Host(rank, name, shape) for rank, (name, shape) in enumerate(names)),
        endpoint=side.connect,
        curve_cert=side.curve_cert,
        paid={name: provider.paid for name, provider in made.items()},
        shrinks={name: provider.shrinks for name, provider in made.items()},
    )


class _Dumper(yaml.SafeDumper):
    """Writes out every object anew, and texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  an object that stands twice is written twice
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
