"""How a burst is taken off a cluster: its MiniCluster first, so that brokers end well, then its namespace.

Both burstd and the burst's own reaper do it so. Nothing is touched that does not bear the burst's labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from burstd.core.errors import NotNow
from burstd.kube import labels, patience
from burstd.kube.client import Cluster
from burstd.kube.kinds import MINICLUSTER, NAMESPACE, Manifest

REMOVE_SECONDS = 120.0
"""How long a burst's objects may take to go before the removal is given up for now."""


@dataclass(frozen=True, slots=True)
class Mine:
    """Which burst is meant: its namespace, and what all its objects bear."""

    namespace: str
    owner: str
    pool: str
    generation: int

    def is_of(self, found: Manifest) -> bool:
        """Say whether an object bears the burst's labels."""
        marks = labels.of_pool(self.owner, self.pool)
        return labels.bears(found, marks) and labels.generation(found) == self.generation


def remove(cluster: Cluster, mine: Mine) -> None:
    """Remove the burst and all that is in its namespace; return once it is gone. Raises NotNow, Never."""
    found = cluster.get(NAMESPACE, mine.namespace)
    if found is None or not mine.is_of(found):
        return
    remove_brokers(cluster, mine)
    cluster.delete(NAMESPACE, found)
    _wait_gone(lambda: _still(cluster, found), mine.namespace)


def remove_namespace(cluster: Cluster, mine: Mine) -> None:
    """Have the burst's namespace go, and do not wait: who calls may go with it. Raises NotNow, Never."""
    found = cluster.get(NAMESPACE, mine.namespace)
    if found is not None and mine.is_of(found):
        cluster.delete(NAMESPACE, found)


def remove_brokers(cluster: Cluster, mine: Mine) -> None:
    """Remove the MiniCluster alone; return once it is gone. Raises NotNow, Never."""
    burst = cluster.get(MINICLUSTER, mine.pool, mine.namespace)
    if burst is not None and mine.is_of(burst):
        cluster.delete(MINICLUSTER, burst)
        _wait_gone(lambda: cluster.get(MINICLUSTER, mine.pool, mine.namespace), mine.namespace)


def _still(cluster: Cluster, namespace: Manifest) -> Manifest | None:
    """Return the namespace while it is the same one: another of its name is none of this burst's."""
    found = cluster.get(NAMESPACE, namespace["metadata"]["name"])
    same = found is not None and found["metadata"]["uid"] == namespace["metadata"]["uid"]
    return found if same else None


def _wait_gone(look: Callable[[], Manifest | None], name: str) -> None:
    if not patience.until(lambda: look() is None, REMOVE_SECONDS):
        raise NotNow(f"what is in the namespace {name} is not gone after {REMOVE_SECONDS:g} s")
