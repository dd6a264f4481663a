"""The places that a run can have, by the name of their provider; each is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from crash.place import Place

if TYPE_CHECKING:
    from crash.run import Run

MEMORY, KUBERNETES, GKE = "memory", "kubernetes", "gke"
GKE_KEEPING, GKE_NODE_POOLS = "gke, keeping clusters", "gke, node pools"
KIND, LOCAL = "kind", "local"
"""`memory`: no place at all, but the model of one."""


def _kubernetes(run: Run) -> Place:
    from crash.kubeplace import KubernetesPlace

    return KubernetesPlace(run)


def _gke(run: Run) -> Place:
    from crash.gkeplace import GkePlace

    return GkePlace(run)


def _gke_keeping(run: Run) -> Place:
    from crash.gkeplace import KeepingPlace

    return KeepingPlace(run)


def _gke_node_pools(run: Run) -> Place:
    from crash.gkeplace import NodePoolsPlace

    return NodePoolsPlace(run)


def _kind(run: Run) -> Place:
    from crash.kindplace import KindPlace

    return KindPlace(run)


def _local(run: Run) -> Place:
    from crash.localplace import LocalPlace

    return LocalPlace(run)


PLACES: Mapping[str, Callable[[Run], Place]] = {
    KUBERNETES: _kubernetes,
    GKE: _gke,
    GKE_KEEPING: _gke_keeping,
    GKE_NODE_POOLS: _gke_node_pools,
    KIND: _kind,
    LOCAL: _local,
}
