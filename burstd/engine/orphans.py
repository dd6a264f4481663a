"""What a burstd that is gone left behind, looked for from the providers' side alone.

Neither the lead nor the ledger is asked: labels say whose a site is, and its last sign of life, whether that
owner is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from burstd.config import Config, PoolConfig
from burstd.config.model import PAID_LIFETIME_SECONDS
from burstd.core.errors import EffectError
from burstd.core.lifesigns import Sign, last_sign
from burstd.core.model import Site
from burstd.plugins.contract import Owners, Provider
from burstd.plugins.registry import opened


@dataclass(frozen=True, slots=True)
class View:
    """The provider of one pool, as one owner's."""

    owner: str
    pool: PoolConfig
    config: Config
    provider: Provider


@dataclass(frozen=True, slots=True)
class Seen:
    """A site as it was seen from outside, by which view, and its last sign of life."""

    view: View
    site: Site
    sign: Sign

    @property
    def key(self) -> str:
        return f"{self.view.owner}/{self.site.name}"

    @property
    def dollars_per_hour(self) -> float:
        """What it costs by its pool's prices, as far as they are given and hosts are seen; 0: not known."""
        pool = self.view.pool
        hosts = len(self.site.hosts) * (pool.cost_per_hour or 0.0)
        return hosts + pool.cluster_cost_per_hour if pool.name == self.site.pool else 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """The sites whose owner is silent, and sentences about what could not be seen."""

    orphans: tuple[Seen, ...]
    gaps: tuple[str, ...]


@contextmanager
def views(config: Config, owners: Iterable[str]) -> Iterator[tuple[View, ...]]:
    """Have the providers of all pools, for each of these owners, for as long as the context lasts."""
    with ExitStack() as stack:
        found = []
        for owner in owners:
            its = _as_owner(config, owner)
            made = stack.enter_context(opened(its))
            found += [View(owner, pool, its, made[pool.name]) for pool in its.pools]
        yield tuple(found)


def owners(config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return every owner that any provider sees, and sentences about those that could not be asked."""
    seen, gaps = {config.owner}, []
    with opened(config) as made:
        for pool, provider in made.items():
            try:
                seen.update(provider.owners() if isinstance(provider, Owners) else ())
            except EffectError as exc:
                gaps.append(f"pool {pool}: whose sites there are cannot be seen now: {exc}")
    return tuple(sorted(seen)), tuple(gaps)


def survey(found: Iterable[View], now: float) -> Survey:
    """Look once at every site, and return those whose owner is silent at `now` (seconds since the epoch).

    Pools may share a place, so that several views show a site: it is told once, by its own pool's if there.
    """
    orphans: dict[tuple[str, str, float], Seen] = {}
    gaps = []
    for view in found:
        sites, gap = _listed(view)
        gaps += [gap] if gap else []
        for one in (judged(view, site) for site in sites):
            key = (one.key, view.pool.provider, one.site.created)
            if one.sign.is_over(now) and (key not in orphans or view.pool.name == one.site.pool):
                orphans[key] = one
    return Survey(tuple(sorted(orphans.values(), key=lambda one: one.key)), tuple(gaps))


def judged(view: View, site: Site) -> Seen:
    """Return a site with its last sign of life, by the configuration of the view."""
    pool = next((pool for pool in view.config.pools if pool.name == site.pool), view.pool)
    lifetime = pool.max_lifetime_seconds or (PAID_LIFETIME_SECONDS if view.provider.paid else None)
    return Seen(view, site, last_sign(site, view.config.lease.terms, pool.provision_seconds, lifetime))


def _as_owner(config: Config, owner: str) -> Config:
    """Return the configuration as that owner's; what the names of its sites begin with is not known here."""
    if owner == config.owner:
        return config
    return config.model_copy(update={"owner": owner, "cluster_name": None})


def _listed(view: View) -> tuple[tuple[Site, ...], str]:
    what = f"pool {view.pool.name}: not all sites of {view.owner} can be seen now"
    try:
        listing = view.provider.observe()
    except EffectError as exc:
        return (), f"{what}: {exc}"
    return listing.sites, "" if listing.complete else what
