"""What a listing says of one burst, from what GKE shows and what the cluster itself shows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from burstd.core.errors import EffectError
from burstd.core.model import Failure, Site
from burstd.kube.ground import Ground
from burstd.kube.sighting import with_shown

log = logging.getLogger(__name__)


def merge(base: Site, found: Site | None, trouble: Failure | None, waiting: str) -> Site:
    """Return the site `base` with what its cluster shows of it (`found`), and what GKE says is wrong.

    `waiting` is what is pending while the cluster shows nothing. Hosts that have a machine are a success,
    whatever GKE says meanwhile: so `found` was judged with it.
    """
    if found is None:
        pending = trouble.text if trouble is not None else waiting
        return replace(base, pending=pending, failure=trouble)
    return with_shown(base, found)


def on(ground: Ground, troubles: Mapping[str, Failure]) -> tuple[Site, ...] | None:
    """Return the sites that a cluster shows; None: its API server does not answer, so nothing is known.

    `troubles` has, by the site's name, what GKE says is wrong.
    """
    if not ground.cluster.answers():
        return None
    try:
        return ground.observe(troubles)
    except EffectError as exc:
        log.warning("what runs on a cluster cannot be seen: %s", exc)
        return None


def find(sites: tuple[Site, ...], pool: str, generation: int) -> Site | None:
    """Return the site of one burst."""
    return next((site for site in sites if (site.pool, site.generation) == (pool, generation)), None)
