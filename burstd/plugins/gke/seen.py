"""What GKE shows of clusters, node pools and operations, as values of burstd's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burstd.plugins.gke import marks
from burstd.plugins.gke.marks import Marks


@dataclass(frozen=True, slots=True)
class Words:
    """One thing that GKE says is wrong: its code ("" where it has none), and the text."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class NodePoolSeen:
    """A node pool. `status` is a name of NodePool.Status."""

    name: str
    status: str
    labels: Mapping[str, str]
    max_nodes: int
    words: tuple[Words, ...] = ()

    @property
    def marks(self) -> Marks | None:
        return marks.read(self.labels)


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """A cluster. `status` is a name of Cluster.Status; `created` is in seconds since the epoch.

    `endpoint` is "" until the control plane has an address, `ca` is its certificate authority in PEM.
    """

    name: str
    location: str
    id: str
    status: str
    labels: Mapping[str, str]
    fingerprint: str
    endpoint: str
    ca: bytes
    created: float
    words: tuple[Words, ...] = ()
    node_pools: tuple[NodePoolSeen, ...] = ()

    @property
    def marks(self) -> Marks | None:
        return marks.read(self.labels)

    @property
    def lives(self) -> bool:
        """Whether its API server may answer."""
        return bool(self.endpoint) and self.status not in ("STOPPING", "ERROR")

    def pool(self, name: str) -> NodePoolSeen | None:
        return next((pool for pool in self.node_pools if pool.name == name), None)


@dataclass(frozen=True, slots=True)
class OperationSeen:
    """A long-running operation. `done` tells nothing of success: `failed` does, and `words` what went wrong.

    `target` is the URL of what it works on: .../clusters/NAME or .../clusters/NAME/nodePools/POOL.
    """

    name: str
    location: str
    done: bool
    failed: bool
    target: str
    words: tuple[Words, ...] = ()
    started: str = ""

    def is_on(self, cluster: str) -> bool:
        """Say whether it works on this cluster or on a part of it."""
        return f"/clusters/{cluster}/" in f"{self.target}/"


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The clusters that a list shows, and the zones of which it shows nothing."""

    clusters: tuple[ClusterSeen, ...] = ()
    missing_zones: frozenset[str] = frozenset()
