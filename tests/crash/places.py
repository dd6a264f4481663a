"""The places that a run can have, by the name of their provider; each is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from crash.place import Place

if TYPE_CHECKING:
    from crash.run import Run

MEMORY, KUBERNETES, GKE = "memory", "kubernetes", "gke"
"""`memory`: no place at all, but the model of one."""


def _kubernetes(run: Run) -> Place:
    from crash.kubeplace import KubernetesPlace

    return KubernetesPlace(run)


def _gke(run: Run) -> Place:
    from crash.gkeplace import GkePlace

    return GkePlace(run)


PLACES: Mapping[str, Callable[[Run], Place]] = {KUBERNETES: _kubernetes, GKE: _gke}
