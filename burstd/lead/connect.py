"""From a URI to the handle that speaks it."""

from __future__ import annotations

import os

from burstd.lead.handle import Connect, Handle

EMBEDDED = "embedded://"


def opener(uri: str | None) -> Connect:
    """Return what opens a handle to `uri`: `embedded://PATH`, or any URI that Flux knows.

    None is FLUX_URI as it is when the handle is opened, or else the system instance. Nothing heavy
    is imported before that. The opener raises LeadLost.
    """

    def connect() -> Handle:
        target = uri or os.environ.get("FLUX_URI") or None
        if target is not None and target.startswith(EMBEDDED):
            from burstd.lead.embedded.client import connect as connect_embedded

            return connect_embedded(target)
        from burstd.lead.fluxhandle import FluxHandle

        return FluxHandle(target)

    return connect
