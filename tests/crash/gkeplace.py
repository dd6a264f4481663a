"""GKE for a run: the provider `gke`, a ClusterManager, and an API server for each cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from fakes.gke.cluster import Cluster
from fakes.gke.refusals import Refused
from fakes.gke.server import FakeGke
from fakes.gke.settings import Delays
from fakes.gke.venue import DIGEST, LEASE, OPERATOR_YAML, ZONE
from fakes.kube import ApiServer
from fakes.operator.install import install
from google.cloud import container_v1 as gke
from grpc import StatusCode

from burstd.engine.performer import site_name
from burstd.kube import labels
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.gke import make, marks
from burstd.plugins.gke.marks import Marks
from crash import clusters
from crash.clusters import Ear, QuickOperator, WatchedServer
from crash.place import SETTLED_SECONDS, Place, Standing

AT_ONCE = Delays(api=0.0, create=0.0, node=0.0, delete=0.0, labels=0.0, pool=0.0)

KEPT_SECONDS = 600.0

THEIRS = "theirs"
"""The cluster of a person's."""

_CHANGING = ("CreateCluster", "DeleteCluster", "SetLabels", "CreateNodePool", "DeleteNodePool")
_LOOKING = ("ListClusters", "GetCluster")

_UNHEARD = Refused(StatusCode.PERMISSION_DENIED, "burstd is dead")


class WatchedGke(FakeGke):
    """A GKE that tells of each call that changes something.

    What a call began with which burstd died goes on until the next burstd has looked once: so it is met half
    made, or half deleted.
    """

    def __init__(self, ear: Ear, attach: Callable[[str, ApiServer], Any]) -> None:
        super().__init__(AT_ONCE, attach)
        self.service.make_api = partial(WatchedServer, ear)
        self.about: Callable[[str, Any], str] = lambda *_: ""
        """Tells which burst a call is about."""
        self.went_on = False
        """Whether something ended of which whoever began it knows nothing."""
        self._ear = ear

    @property
    def is_stuck(self) -> bool:
        return not self.service.moving.is_set()

    @property
    def is_settled(self) -> bool:
        return not any(cluster.operation for cluster in self.service.clusters())

    def answer(self, method: str, work: Callable[[Any], Any], request: Any) -> Any:
        if self._ear.deaf:
            raise _UNHEARD
        if method in _CHANGING and self._ear.told(self.about(method, request)):
            self._answer_nobody(method, work, request)
        answer = super().answer(method, work, request)
        if method in _LOOKING and self.is_stuck:
            self._go_on()
        return answer

    def _answer_nobody(self, method: str, work: Callable[[Any], Any], request: Any) -> None:
        """Do what is asked for, of whom is dead before that ends. Raises Refused."""
        self.stick()
        try:
            super().answer(method, work, request)
        finally:
            self._ear.deaf = True
        raise _UNHEARD

    def _go_on(self) -> None:
        self.release()
        deadline = time.monotonic() + SETTLED_SECONDS
        while not self.is_settled and time.monotonic() < deadline:
            time.sleep(0.002)
        self.went_on = True


class GkePlace(Place):
    """A project, in which each burst has a cluster of its own."""

    lease = LEASE

    def _open(self) -> None:
        self._gke = self._stack.enter_context(WatchedGke(self._ear, self._with_operator))
        self._gke.about = self._about
        self._foreign: list[str] = []
        self._told = 0

    def check(self) -> None:
        if self._gke.went_on:
            self._gke.went_on = False
            self.mirror()
        super().check()

    def _with_operator(self, _name: str, api: ApiServer) -> QuickOperator:
        return QuickOperator(api.store, self._directory, needs_deployment=True)

    def _make(self, setting: Setting) -> Provider:
        return make(setting)

    def _options(self) -> dict[str, Any]:
        return {
            "project": "test-project",
            "zone": ZONE,
            "machine_type": "c2-standard-4",
            "insecure_endpoint": self._gke.endpoint,
            "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST},
            "prepull": False,
        }

    def _standing(self) -> dict[str, Standing]:
        return {cluster.name: self._on(cluster, its) for cluster, its in self._ours()}

    def _on(self, cluster: Cluster, its: Marks) -> Standing:
        generation = its.generation if its.serves is None else its.serves
        running = clusters.running(cluster.api.store, self._name(its.pool, generation))
        return Standing(its.pool, generation, running)

    def _name(self, pool: str, generation: int) -> str:
        return site_name(self._run.prefix, pool, generation)

    def _ours(self) -> Iterator[tuple[Cluster, Marks]]:
        for cluster in self._gke.service.clusters():
            its = marks.read(dict(cluster.shown.resource_labels))
            if its is not None and its.owner == self._run.cloud.owner:
                yield cluster, its

    def _is_settled(self) -> bool:
        stores = (cluster.api.store for cluster, _ in self._ours())
        return (self._gke.is_stuck or self._gke.is_settled) and all(map(clusters.is_settled, stores))

    def _about(self, method: str, request: Any) -> str:
        return str(request.cluster.name if method == "CreateCluster" else request.name)

    def _occupy(self, name: str, owner: str) -> None:
        """Make a cluster that looks like one of burstd's."""
        if name in {cluster.name for cluster in self._gke.service.clusters()}:
            return
        generation = int(name.rpartition("-g")[2])
        its = Marks(owner, self._pool.name, generation, generation, "somehow")
        self._gke.make_cluster(name, **(its.labels() if owner else {}))
        self._foreign.append(name)

    def _strangers(self) -> list[Any]:
        found = [one for one in self._gke.service.clusters() if one.name in self._foreign]
        return [(_bytes(one.shown), clusters.everything(one.api.store)) for one in found]

    def _telling(self, secret: str) -> Iterator[str]:
        for cluster, _ in self._ours():
            yield from clusters.telling(cluster.api.store, secret)
        yield from self._heard(secret)

    def _heard(self, secret: str) -> Iterator[str]:
        """Yield which calls since the last look had a secret in them."""
        heard, self._told = self._gke.calls[self._told :], len(self._gke.calls)
        yield from (call.method for call in heard if secret in str(call.request))


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


class KeepingPlace(GkePlace):
    """A project in which a cluster outlives its burst, for the next one."""

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"keep_cluster_seconds": KEPT_SECONDS}

    def _on(self, cluster: Cluster, its: Marks) -> Standing:
        """A cluster that is kept is of no pool: a burst of its pool may be there beside it."""
        standing = super()._on(cluster, its)
        return standing if its.serves is not None else replace(standing, pool=f"kept for {its.pool}")

    def _about(self, method: str, request: Any) -> str:
        """Tell the burst that a cluster serves, or is to serve from now on."""
        if method == "CreateCluster":
            return super()._about(method, request)
        asked = marks.read(dict(request.resource_labels)) if method == "SetLabels" else None
        if asked is not None and asked.serves is not None:
            return self._name(asked.pool, asked.serves)
        name = request.name.rpartition("/")[2]
        found = (standing for one, standing in self._standing().items() if one == name)
        standing = next(found, None)
        return "" if standing is None else self._name(self._pool.name, standing.generation)


class NodePoolsPlace(GkePlace):
    """A project with a person's cluster, on which each burst has a node pool and a namespace."""

    def _open(self) -> None:
        super()._open()
        self._cluster = self._gke.make_cluster(THEIRS, team="hpc")
        self._store = self._cluster.api.store
        install(self._store)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"cluster": THEIRS}

    def _standing(self) -> dict[str, Standing]:
        there = {pool.name: its for pool, its in self._pools() if its and its.owner == self._run.cloud.owner}
        found = {name: Standing(its.pool, its.generation, frozenset()) for name, its in there.items()}
        for name, one in clusters.namespaces(self._store, self._run.cloud.owner).items():
            pool, generation = labels.read(one).get(labels.POOL, ""), labels.generation(one)
            found[name] = Standing(pool, generation, clusters.running(self._store, name))
        return found

    def _pools(self) -> Iterator[tuple[Any, Marks | None]]:
        for pool in self._cluster.shown.node_pools:
            yield pool, marks.read(dict(pool.config.resource_labels))

    def _is_settled(self) -> bool:
        return (self._gke.is_stuck or self._gke.is_settled) and clusters.is_settled(self._store)

    def _about(self, method: str, request: Any) -> str:
        return str(request.node_pool.name if method == "CreateNodePool" else request.name)

    def _occupy(self, name: str, owner: str) -> None:
        """Make a node pool and a namespace that look like ones of burstd's."""
        if name in {pool.name for pool, _ in self._pools()}:
            return
        its = Marks(owner, self._pool.name, 1, 1, "somehow")
        pool = gke.NodePool(name=name, config={"resource_labels": its.labels() if owner else {}})
        self._gke.make_node_pool(THEIRS, pool)
        clusters.occupy(self._store, name, self._pool.name, owner)
        self._foreign.append(name)

    def _strangers(self) -> list[Any]:
        pools = [_bytes(pool) for pool, _ in self._pools() if pool.name in ("default-pool", *self._foreign)]
        shown = self._cluster.shown
        rest = dict(shown.resource_labels), shown.label_fingerprint
        return [*pools, rest, clusters.within(self._store, self._foreign)]

    def _telling(self, secret: str) -> Iterator[str]:
        yield from clusters.telling(self._store, secret)
        yield from self._heard(secret)
