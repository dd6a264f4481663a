"""What a cluster shows of a burst, put into what its provider knows of the site. Pure."""

from __future__ import annotations

from dataclasses import replace

from burstd.core.model import Site


def with_shown(base: Site, shown: Site) -> Site:
    """Return the provider's own site with what runs there, as the cluster shows it."""
    return replace(
        base,
        hosts=shown.hosts,
        pending=shown.pending,
        failure=shown.failure,
        lead=shown.lead,
        reclaimed=shown.reclaimed,
        renewed=shown.renewed,
        busy=shown.busy,
    )
