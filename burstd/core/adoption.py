"""What listings say about bursts: sites seen, sites missing, sites that no record knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from burstd.core.model import Burst, Phase, Pool, Site, Span


def sight(burst: Burst, sites: Iterable[Site], *, complete: bool, begun: float) -> Burst:
    """Return the record with what a listing, begun at `begun`, shows of it.

    A listing begun before the latest effect ended tells nothing; an incomplete one proves no absence. What is
    kept of a burst for the next one is not the burst.
    """
    if burst.outcome is not None and begun < burst.outcome.at:
        return burst
    site = next((site for site in sites if site.kept_until is None and _is(site, burst)), None)
    if site is not None:
        return replace(burst, site=site, absences=0)
    return replace(burst, site=None, absences=burst.absences + 1) if complete else burst


def adopt(
    sites: Iterable[Site],
    bursts: Sequence[Burst],
    pools: Sequence[Pool],
    generations: Mapping[str, int],
    now: float,
) -> list[Burst]:
    """Return records for the sites that no living record knows: the ledger was lost, or never had them.

    The newest generation of a declared pool is launched again (which starts only what is missing)
    and then serves; anything else is released, also a generation that the ledger (`generations`: the
    highest used of each pool) knows as gone. What is kept for a declared pool's next burst is left alone
    for as long as it says.
    """
    known = {burst.name for burst in bursts}
    taken = {burst.pool for burst in bursts}
    found = []
    for site in sorted(sites, key=lambda site: (site.pool, -site.generation)):
        if _kept(site, pools, now):
            continue
        used = (
            site.kept_until is not None
            or site.pool in taken
            or site.generation <= generations.get(site.pool, 0)
        )
        burst = _adopted(site, _pool(pools, site.pool), used, now)
        if burst.name not in known:
            found.append(burst)
            known.add(burst.name)
            taken.add(burst.pool)
    return found


def resumed(burst: Burst, before: Burst | None) -> Burst:
    """Return an adopted record that goes on with the account of the one that bore its name before.

    A cluster that is kept after its burst costs what it costs without hosts, until it is removed.
    """
    if before is None or before.ended is None:
        return burst
    return replace(
        burst,
        created=before.created,
        served=before.served,
        spec=before.spec,
        reclaimed=before.reclaimed,
        spans=(*before.spans, Span(before.ended, 0)),
        cost_per_hour=before.cost_per_hour,
        cluster_cost_per_hour=before.cluster_cost_per_hour,
        lifetime_seconds=before.lifetime_seconds,
        payers=before.payers,
    )


def _adopted(site: Site, pool: Pool | None, used: bool, now: float) -> Burst:
    size = _size(site, pool)
    created = site.created or now
    why = (
        "it was kept for long enough"
        if site.kept_until is not None
        else "it was found without a record of it"
    )
    burst = Burst(
        site.pool, site.generation, Phase.LAUNCHING, max(size, 1), created, since=now, site=site, came=0.0
    )
    if pool is None or used or not size:
        return replace(burst, phase=Phase.RELEASING, why=why)
    return burst


def _kept(site: Site, pools: Sequence[Pool], now: float) -> bool:
    """Say whether it is kept, and there is a pool to keep it for."""
    return site.kept_until is not None and now < site.kept_until and _pool(pools, site.pool) is not None


def _size(site: Site, pool: Pool | None) -> int:
    """A burst is a prefix of its pool: its size reaches up to the highest host that runs."""
    if pool is None:
        return 0
    return max((index + 1 for index, host in enumerate(pool.hosts) if host in site.hosts), default=0)


def _pool(pools: Iterable[Pool], name: str) -> Pool | None:
    return next((pool for pool in pools if pool.name == name), None)


def _is(site: Site, burst: Burst) -> bool:
    return (site.pool, site.generation) == (burst.pool, burst.generation)
