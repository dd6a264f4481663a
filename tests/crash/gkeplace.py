"""GKE for a run: the provider `gke`, a ClusterManager, and an API server for each cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fakes.gke.cluster import Cluster
from fakes.gke.refusals import Refused
from fakes.gke.server import FakeGke
from fakes.gke.settings import Delays
from fakes.gke.venue import DIGEST, LEASE, OPERATOR_YAML, ZONE
from fakes.kube import ApiServer
from grpc import StatusCode

from burstd.plugins.contract import Provider, Setting
from burstd.plugins.gke import make, marks
from burstd.plugins.gke.marks import Marks
from crash import clusters
from crash.clusters import Ear, QuickOperator, WatchedServer
from crash.place import SETTLED_SECONDS, Place, Standing

AT_ONCE = Delays(api=0.0, create=0.0, node=0.0, delete=0.0, labels=0.0, pool=0.0)

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
        namespace = f"{self._run.prefix}-{its.pool}-g{generation}"
        return Standing(its.pool, generation, clusters.running(cluster.api.store, namespace))

    def _ours(self) -> Iterator[tuple[Cluster, Marks]]:
        for cluster in self._gke.service.clusters():
            its = marks.read(dict(cluster.shown.resource_labels))
            if its is not None and its.owner == self._run.cloud.owner:
                yield cluster, its

    def _is_settled(self) -> bool:
        stores = (cluster.api.store for cluster, _ in self._ours())
        return (self._gke.is_stuck or self._gke.is_settled) and all(map(clusters.is_settled, stores))

    def _about(self, method: str, request: Any) -> str:
        if method == "CreateCluster":
            return str(request.cluster.name)
        return str(request.name)

    def _occupy(self, name: str, owner: str) -> None:
        """Make a cluster that looks like one of burstd's."""
        if name in {cluster.name for cluster in self._gke.service.clusters()}:
            return
        generation = int(name.rpartition("-g")[2])
        its = Marks(owner, self._pool.name, generation, generation, "somehow")
        self._gke.make_cluster(name, **(its.labels() if owner else {}))
        self._foreign.append(name)

    def _strangers(self) -> list[bytes]:
        found = self._gke.service.clusters()
        return [one.shown.SerializeToString(deterministic=True) for one in found if one.name in self._foreign]

    def _telling(self, secret: str) -> Iterator[str]:
        for cluster, _ in self._ours():
            yield from clusters.telling(cluster.api.store, secret)
        heard, self._told = self._gke.calls[self._told :], len(self._gke.calls)
        yield from (call.method for call in heard if secret in str(call.request))
