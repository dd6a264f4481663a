"""The labels by which burstd knows its own objects, and nobody else's.

An object without the owner's label is never changed. Formats: Kubernetes label keys and values.
"""

from __future__ import annotations

from collections.abc import Mapping

from burstd.join.papers import Order
from burstd.kube.kinds import Manifest

OWNER = "burstd.dev/owner"
POOL = "burstd.dev/pool"
GENERATION = "burstd.dev/generation"
PART = "burstd.dev/part"
"""What a pod is for: `broker`, `prepull` or `reaper`."""

SPEC = "burstd.dev/spec"
LEAD = "burstd.dev/lead"
"""An annotation: the address of the lead that the brokers were given."""

BROKER = "broker"
PREPULL = "prepull"
REAPER = "reaper"


def of_pool(owner: str, pool: str) -> dict[str, str]:
    """Return what all objects of one owner's pool bear."""
    return {OWNER: owner, POOL: pool}


def of_order(order: Order) -> dict[str, str]:
    """Return what the objects of one burst bear."""
    return of_pool(order.owner, order.pool.name) | {GENERATION: str(order.generation)}


def read(manifest: Manifest) -> Mapping[str, str]:
    """Return an object's labels; of none where it has none."""
    labels: Mapping[str, str] = manifest["metadata"].get("labels") or {}
    return labels


def bears(manifest: Manifest, labels: Mapping[str, str]) -> bool:
    """Say whether an object bears all of these labels."""
    return labels.items() <= read(manifest).items()


def generation(manifest: Manifest) -> int:
    """Return the generation of the burst that an object is of; 0 where it names none that can be."""
    text = read(manifest).get(GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() else 0
