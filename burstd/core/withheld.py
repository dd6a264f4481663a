"""What may be told to whoever has no token: no user, no job, and no words that somebody else wrote. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burstd.core.reasons import Code

WITHHELD = "the words need the token"
"""Stands where there is something to be said, in words of a cloud, a broker or a user."""

MEANINGS: Mapping[str, str] = {
    Code.STARTING: "Hosts for them are up; Flux starts them next.",
    Code.HOSTS_COMING: "Their hosts are being brought up.",
    Code.MOVING: "They are being moved to the queue in which their hosts will be.",
    Code.BURST_IN_FLIGHT: "A burst is coming up at a fixed size; it can grow once it serves.",
    Code.POOL_BUSY: "Every host of their pool is in use or promised.",
    Code.POOL_RELEASING: "Their pool is being released; its next burst can start after that.",
    Code.POOL_UNSEEN: "Sites cannot be listed yet; nothing is made before they are.",
    Code.POOL_COOLDOWN: "Their pool failed, and is tried again after a pause.",
    Code.POOL_FAILED: "Their pool failed in a way that a person must mend.",
    Code.HOSTS_DRAINED: "Too many hosts of their pool are drained.",
    Code.NO_ROOM: "The provider has no room for them now.",
    Code.POOL_CLOSED: "Their pool is closed.",
    Code.LIMIT_REACHED: "A limit stands in the way.",
    Code.OVER_BUDGET: "Their hosts would cost more than is allowed.",
    Code.SPEND_UNKNOWN: "What was spent today is not known, so nothing is bought.",
    Code.PAUSED: "burstd is paused and makes nothing.",
    Code.NOT_OWNER: "Their pool serves only the instance owner's jobs.",
    Code.TOO_LARGE: "They ask for more than any pool has.",
    Code.SHAPE_MISMATCH: "No pool has hosts with what they ask of each.",
    Code.CONSTRAINT_MISMATCH: "Their constraint or queue allows no pool's hosts.",
    Code.UNKNOWN_TARGET: "They name a pool or provider that there is not.",
    Code.BAD_BURSTABLE: "Their burstable value is not understood.",
    Code.HELD: "They are held by their users or an administrator.",
}
"""What each code says of jobs, with nothing of theirs in it."""


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
    return {**wait, "sentence": MEANINGS.get(wait["code"], ""), "examples": []}


def _withheld(text: str) -> str:
    return WITHHELD if text else ""
