"""`burstd kubeconfig POOL`: a file with which kubectl looks into a burst's cluster, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from burstd.config import Config
from burstd.core.errors import BurstdError, ConfigError, Problem
from burstd.core.model import Site
from burstd.plugins.contract import Listing, Reachable
from burstd.plugins.registry import opened


def write(config: Config, pool: str, output: Path | None) -> tuple[Path, Site]:
    """Write the file, readable by its owner alone, and return where it is and for which site.

    Raises ConfigError where the pool has no such cluster, BurstdError where it has no burst now.
    """
    with opened(config) as made:
        provider = made.get(pool)
        if provider is None:
            what, names = f"no pool is called {pool!r}", ", ".join(made)
            raise ConfigError((Problem("POOL", what, f"there are {names}"),))
        if not isinstance(provider, Reachable):
            raise ConfigError((Problem("POOL", f"the sites of pool {pool} are no Kubernetes clusters"),))
        site = _latest(provider.observe(), pool)
        text = provider.kubeconfig(site)
    path = output or Path(f"{site.name}.kubeconfig")
    _write_private(path, text)
    return path, site


def _latest(listing: Listing, pool: str) -> Site:
    sites = [site for site in listing.sites if site.pool == pool and site.kept_until is None]
    if not sites and not listing.complete:
        raise BurstdError(f"whether pool {pool} has a burst cannot be seen now: try again in a while")
    if not sites:
        raise BurstdError(f"pool {pool} has no burst now, so there is no cluster to look into")
    return max(sites, key=lambda site: site.generation)


def _write_private(path: Path, text: str) -> None:
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as exc:
        raise BurstdError(f"{path} cannot be written: {exc.strerror}") from exc
