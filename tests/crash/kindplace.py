"""kind for a run: the provider `kind`, its program, and an API server for each cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from fakes.gke.venue import DIGEST, LEASE, OPERATOR_YAML

from burstd.kube import labels
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.kind import make
from crash import clusters
from crash.kindprogram import Cluster, KindProgram
from crash.place import Place, Standing


class KindPlace(Place):
    """A machine with kind, on which each burst has a cluster of its own."""

    lease = LEASE

    def _open(self) -> None:
        self._kind = self._stack.enter_context(KindProgram(self._ear, self._directory))
        self._stack.callback(os.environ.__setitem__, "PATH", os.environ["PATH"])
        os.environ["PATH"] = os.pathsep.join((str(self._kind.bin), os.environ["PATH"]))
        self._foreign: dict[str, Cluster] = {}

    def _make(self, setting: Setting) -> Provider:
        return make(setting)

    def _options(self) -> dict[str, Any]:
        return {
            "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST},
            "listing_seconds": 5.0,
            "prepull": False,
        }

    def _ours(self) -> Iterator[Cluster]:
        owner = self._run.cloud.owner
        found = tuple(self._kind.clusters.values())
        return (one for one in found if labels.OWNER in one.labels and one.labels[labels.OWNER] == owner)

    def _standing(self) -> dict[str, Standing]:
        return {cluster.name: _on(cluster) for cluster in self._ours()}

    def _is_settled(self) -> bool:
        return all(clusters.is_settled(one.api.store) for one in self._ours() if one.api is not None)

    def _occupy(self, name: str, owner: str) -> None:
        """Make a cluster that looks like one of burstd's."""
        if name in self._kind.clusters:
            return
        generation = name.rpartition("-g")[2]
        marks = {labels.OWNER: owner, labels.POOL: self._pool.name, labels.GENERATION: generation}
        self._foreign[name] = self._kind.make(name, marks if owner else {})

    def _strangers(self) -> list[Any]:
        return [
            (self._kind.clusters.get(name) is one, one.api and clusters.everything(one.api.store))
            for name, one in self._foreign.items()
        ]

    def _telling(self, secret: str) -> Iterator[str]:
        for cluster in self._ours():
            if cluster.api is not None:
                yield from clusters.telling(cluster.api.store, secret)


def _on(cluster: Cluster) -> Standing:
    its = cluster.labels
    store = cluster.api.store if cluster.api is not None else None
    running = clusters.running(store, cluster.name) if store is not None else frozenset()
    return Standing(its[labels.POOL], int(its[labels.GENERATION]), running)
