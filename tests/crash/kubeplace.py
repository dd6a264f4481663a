"""Kubernetes for a run: the provider `kubernetes`, and a cluster that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fakes.operator.install import install

from burstd.kube import labels
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.kubernetes import make
from crash import clusters
from crash.clusters import QuickOperator, WatchedServer
from crash.place import Place, Standing


class KubernetesPlace(Place):
    """One cluster, on which burstd has a namespace for each burst."""

    def _open(self) -> None:
        api = self._stack.enter_context(WatchedServer(self._ear))
        self._store = api.store
        install(self._store)
        self._stack.enter_context(QuickOperator(self._store, self._directory))
        api.write_kubeconfig(self._directory / "kubeconfig")
        self._foreign: list[str] = []

    def _make(self, setting: Setting) -> Provider:
        return make(setting)

    def _options(self) -> dict[str, Any]:
        return {
            "kubeconfig": str(self._directory / "kubeconfig"),
            "listing_seconds": 5.0,
            "patience_seconds": 0.05,
            "paid": True,
            "prepull": False,
        }

    def _standing(self) -> dict[str, Standing]:
        return {
            name: Standing(
                labels.read(namespace).get(labels.POOL, ""),
                labels.generation(namespace),
                clusters.running(self._store, name),
            )
            for name, namespace in clusters.namespaces(self._store, self._run.cloud.owner).items()
        }

    def _is_settled(self) -> bool:
        return clusters.is_settled(self._store)

    def _occupy(self, name: str, owner: str) -> None:
        """Make a namespace that looks like one of burstd's."""
        if clusters.occupy(self._store, name, self._pool.name, owner):
            self._foreign.append(name)

    def _strangers(self) -> list[Any]:
        return clusters.within(self._store, self._foreign)

    def _telling(self, secret: str) -> Iterator[str]:
        return clusters.telling(self._store, secret)
