"""What may be told to whoever has no token: no user, no job, and no words that somebody else wrote. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burstd.core.discretion import PLAIN

WITHHELD = "the words need the token"
"""Stands where there is something to be said, in words of a cloud, a broker or a user."""


def discreet_status(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of `/api/v1/status` without what needs the token."""
    return {
        **document,
        "pools": [{**pool, "last_error": _withheld(pool["last_error"])} for pool in document["pools"]],
        "bursts": [_burst(burst, ("pending", "last_error")) for burst in document["bursts"]],
        "waiting": [_wait(wait) for wait in document["waiting"]],
        "discreet": True,
    }


def discreet_bursts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of `/api/v1/bursts` without what needs the token."""
    return {**document, "bursts": [_burst(burst, ("failure",)) for burst in document["bursts"]]}


def _burst(burst: Mapping[str, Any], foreign: tuple[str, ...]) -> dict[str, Any]:
    """A burst that failed goes because of that, in the same words."""
    failed = any(burst[key] for key in ("last_error", "failure") if key in burst)
    keys = (*foreign, "why") if failed else foreign
    return {**burst, **{key: _withheld(burst[key]) for key in keys}}


def _wait(wait: Mapping[str, Any]) -> dict[str, Any]:
    return {**wait, "sentence": PLAIN.get(wait["code"], ""), "examples": []}


def _withheld(text: str) -> str:
    return WITHHELD if text else ""
