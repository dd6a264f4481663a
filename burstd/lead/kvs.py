"""Texts in the lead's key-value store: the RPCs of Flux's kvs module, with values as RFC 11 has them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from errno import ENOENT

from burstd.core.errors import LeadRefused
from burstd.lead.handle import Payload

NAMESPACE = "primary"

Rpc = Callable[[str, Payload], Payload]


def look_up(rpc: Rpc, key: str) -> str | None:
    """Return the text under a key, None if there is none. Raises LeadLost, LeadRefused."""
    try:
        found = rpc("kvs.lookup", {"key": key, "namespace": NAMESPACE, "flags": 0})
    except LeadRefused as exc:
        if exc.errno != ENOENT:
            raise
        return None
    return base64.b64decode(found["val"]["data"]).decode()


def store(rpc: Rpc, key: str, text: str) -> None:
    """Put a text under a key; returns once it is committed. Raises LeadLost, LeadRefused."""
    value = {"ver": 1, "type": "val", "data": base64.b64encode(text.encode()).decode()}
    operation = {"key": key, "flags": 0, "dirent": value}
    rpc("kvs.commit", {"namespace": NAMESPACE, "flags": 0, "ops": [operation]})
