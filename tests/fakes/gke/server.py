"""The fake as a whole: a ClusterManager over gRPC on a loopback port."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud import container_v1 as gke

from fakes.gke import refusals
from fakes.gke.cluster import Attach, Cluster
from fakes.gke.faults import Fault, Faults
from fakes.gke.refusals import Refused
from fakes.gke.service import Service
from fakes.gke.settings import Delays

_SERVICE = "google.container.v1.ClusterManager"
_LATER_SECONDS = 0.1

_METHODS: dict[str, tuple[Any, Any]] = {
    "ListClusters": (gke.ListClustersRequest, gke.ListClustersResponse),
    "GetCluster": (gke.GetClusterRequest, gke.Cluster),
    "CreateCluster": (gke.CreateClusterRequest, gke.Operation),
    "DeleteCluster": (gke.DeleteClusterRequest, gke.Operation),
    "SetLabels": (gke.SetLabelsRequest, gke.Operation),
    "CreateNodePool": (gke.CreateNodePoolRequest, gke.Operation),
    "DeleteNodePool": (gke.DeleteNodePoolRequest, gke.Operation),
    "GetOperation": (gke.GetOperationRequest, gke.Operation),
    "ListOperations": (gke.ListOperationsRequest, gke.ListOperationsResponse),
}
"""Request and answer of each call; any other is UNIMPLEMENTED."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that arrived."""

    method: str
    request: Any


class FakeGke:
    """A GKE for as long as the context lasts: each cluster has an API server of its own.

    `cluster_factory` is called with the name and the API server of each new cluster, once it answers; what it
    returns is entered as a context and left when the cluster is deleted. `token`: the bearer token that calls
    and API servers ask for, or what tells it; None: anybody may call.
    """

    def __init__(
        self,
        delays: Delays | None = None,
        cluster_factory: Attach | None = None,
        token: str | Callable[[], str | None] | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.port = 0
        self._token = token if callable(token) or token is None else (lambda: token)
        self.service = Service(delays or Delays(), cluster_factory, self._token)
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        self.service.close()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def delays(self) -> Delays:
        return self.service.delays

    @property
    def machine_seconds(self) -> float:
        """What all machines cost until now, booting ones included."""
        return self.service.bill.machine_seconds

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that cost money now."""
        return self.service.bill.machines

    def alive(self) -> tuple[str, ...]:
        """Return every cluster and node pool that there is: clusters/NAME, clusters/NAME/nodePools/NAME."""
        return self.service.alive()

    def cluster(self, name: str) -> Cluster:
        """Return a cluster by its name. Raises StopIteration where there is none."""
        return self.service.cluster(name)

    def make_cluster(self, name: str, zone: str = "us-central1-a", **labels: str) -> Cluster:
        """Make a cluster that burstd did not make, and wait until it is RUNNING."""
        system = gke.NodePool(
            name="default-pool", initial_node_count=1, config={"machine_type": "e2-standard-4"}
        )
        asked = gke.Cluster(name=name, node_pools=[system], resource_labels=labels)
        request = gke.CreateClusterRequest(parent=f"projects/test-project/locations/{zone}", cluster=asked)
        self.service.create_cluster(gke.CreateClusterRequest.pb(request))
        return self._made(name)

    def make_node_pool(self, cluster: str, pool: gke.NodePool) -> None:
        """Make a node pool that burstd did not make, and wait until it is RUNNING."""
        zone = self.cluster(cluster).zone
        parent = f"projects/test-project/locations/{zone}/clusters/{cluster}"
        request = gke.CreateNodePoolRequest(parent=parent, node_pool=pool)
        self.service.create_node_pool(gke.CreateNodePoolRequest.pb(request))
        self._made(cluster)

    def _made(self, name: str) -> Cluster:
        """Return a cluster on which nothing is under way any more."""
        made = self.cluster(name)
        deadline = time.monotonic() + 20
        while made.operation:
            assert time.monotonic() < deadline, f"{name} is not made"
            time.sleep(0.01)
        return made

    def called(self, method: str) -> list[Any]:
        """Return the requests of a call that arrived, in order."""
        with self._lock:
            return [call.request for call in self.calls if call.method == method]

    def stick(self) -> None:
        """Have no operation end any more."""
        self.service.moving.clear()

    def release(self) -> None:
        """Have operations end again."""
        self.service.moving.set()

    def hang_up(self) -> None:
        """Close the port and reset every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(None).wait()

    def listen_again(self) -> None:
        """Answer again, at the same port."""
        self._listen()

    def _listen(self) -> None:
        server = grpc.server(
            ThreadPoolExecutor(16, thread_name_prefix="gke"), options=(("grpc.so_reuseport", 0),)
        )
        handlers = {method: self._handler(method, *types) for method, types in _METHODS.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        self._server = server

    def _handler(self, method: str, asked: Any, answered: Any) -> grpc.RpcMethodHandler:
        work = getattr(self.service, _snake(method))

        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            with self._lock:
                self.calls.append(Call(method, request))
            try:
                self._let_in(context)
                return self.answer(method, work, request)
            except Refused as refused:
                return refused.abort(context)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=asked.pb().FromString,
            response_serializer=answered.pb().SerializeToString,
        )

    def _let_in(self, context: grpc.ServicerContext) -> None:
        if self._token is None:
            return
        shown = dict(context.invocation_metadata()).get("authorization", "")
        if shown != f"Bearer {self._token()}":
            raise refusals.unauthenticated()

    def answer(self, method: str, work: Callable[[Any], Any], request: Any) -> Any:
        """Return the answer to a call that is let in; `work` does it. Raises Refused."""
        fault = self.faults.take(method)
        if fault is None:
            return work(request)
        if fault.apply == "after":
            work(request)
        if fault.apply == "before":
            threading.Timer(_LATER_SECONDS, work, (request,)).start()
        raise self._failed(fault)

    def _failed(self, fault: Fault) -> Refused:
        if fault.code is not None:
            return Refused(fault.code, fault.text, fault.reason, fault.permission)
        self.hang_up_soon()
        return Refused(grpc.StatusCode.UNAVAILABLE, "connection reset")

    def hang_up_soon(self) -> None:
        """Reset every connection, that of the present call too, and listen again."""
        server = self._server

        def reset() -> None:
            if server is not None and server is self._server:
                self.hang_up()
                self._listen()

        threading.Thread(target=reset, name="gke reset", daemon=True).start()


def _snake(method: str) -> str:
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", method).lower()
    return "set_resource_labels" if name == "set_labels" else name
