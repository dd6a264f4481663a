"""The lease of a burst on Kubernetes: an object of the kind Lease in the burst's namespace.

burstd alone writes it, a reaper in the same namespace reads it (burstd/kube/reaper.py). Formats: RFC 3339
with exactly six digits of a second, as Kubernetes' MicroTime has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from burstd.join.papers import Order
from burstd.kube import labels
from burstd.kube.kinds import LEASE, Manifest

NAME = "burstd"
"""Of the Lease, one in each burst's namespace."""

BUSY = "burstd.dev/busy"
"""An annotation: whether jobs ran on the burst when the lease was last renewed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a lease says: when it was renewed (seconds since the epoch; None: never), and whether jobs ran."""

    renewed: float | None
    busy: bool


def manifest(
    namespace: str, owner: str, marks: dict[str, str], idle_seconds: float, *, busy: bool, now: float | None
) -> Manifest:
    """Return a lease as it is renewed at `now`, in seconds since the epoch; None: it is only shown."""
    spec: Manifest = {"holderIdentity": owner, "leaseDurationSeconds": max(round(idle_seconds), 1)}
    spec |= {"renewTime": _micro_time(now)} if now is not None else {}
    metadata = {
        "name": NAME,
        "namespace": namespace,
        "labels": marks,
        "annotations": {BUSY: "true" if busy else "false"},
    }
    return {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata, "spec": spec}


def of_order(order: Order, idle_seconds: float, now: float | None) -> Manifest:
    """Return the lease that a burst begins with."""
    marks = labels.of_order(order)
    return manifest(order.site_name, order.owner, marks, idle_seconds, busy=False, now=now)


def read(found: Manifest) -> Told:
    """Return what a lease says; what cannot be read was not said."""
    text = (found.get("spec") or {}).get("renewTime") or ""
    busy = (found["metadata"].get("annotations") or {}).get(BUSY) == "true"
    try:
        return Told(datetime.fromisoformat(text).timestamp(), busy)
    except ValueError:
        return Told(None, busy)


def _micro_time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
