"""The calls on Google Cloud: the only module that imports its libraries, when the first call is made.

Every call has a timeout of its own and is made once: what is tried again, and when, is decided above. Errors
leave as NotNow or Never, in the finer classes that `troubles` tells apart. API: google.container.v1.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from burstd.plugins.gke import reading, troubles
from burstd.plugins.gke.credentials import Credentials
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.request import Body
from burstd.plugins.gke.seen import ClusterList, ClusterSeen, OperationSeen
from burstd.plugins.gke.troubles import Expired, Missing, Place, Refusal, Unusable

READ_SECONDS = 20.0
WRITE_SECONDS = 60.0

ANYWHERE = "-"
"""The location that stands for all of them, in lists."""

_RECONNECT = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))


class Cloud:
    """GKE as one project's account sees it. Used by worker threads."""

    def __init__(self, options: GkeOptions) -> None:
        self.place = Place(options.project, options.zone, options.machine_type, options.spot)
        self._endpoint = options.insecure_endpoint
        self.credentials = Credentials(may_be_anonymous=bool(self._endpoint))
        self._lock = threading.Lock()
        self._made: Any = None

    def close(self) -> None:
        """Drop the connection."""
        with self._lock:
            if self._made is not None:
                self._made.transport.close()
            self._made = None

    def clusters(self, location: str = ANYWHERE) -> ClusterList:
        """Return the clusters of a location."""
        answer = self._call("list_clusters", "listing the clusters", {"parent": self._parent(location)})
        return ClusterList(
            tuple(map(reading.cluster, answer.clusters)),
            frozenset(_last(zone) for zone in answer.missing_zones),
        )

    def cluster(self, location: str, name: str) -> ClusterSeen | None:
        """Return a cluster; None: there is none of that name."""
        try:
            request = {"name": self._path(location, name)}
            return reading.cluster(self._call("get_cluster", f"looking at cluster {name}", request))
        except Missing:
            return None

    def create_cluster(self, location: str, body: Body) -> OperationSeen:
        """Begin to make a cluster. Raises Taken, and Unsure where the answer was lost."""
        request = {"parent": self._parent(location), "cluster": body}
        return self._start("create_cluster", f"making cluster {body['name']}", request)

    def delete_cluster(self, cluster: ClusterSeen) -> OperationSeen:
        """Begin to delete a cluster. Raises Busy while GKE does something else with it, Missing."""
        request = {"name": self._path(cluster.location, cluster.name)}
        return self._start("delete_cluster", f"deleting cluster {cluster.name}", request)

    def set_labels(self, cluster: ClusterSeen, labels: Mapping[str, str]) -> OperationSeen:
        """Begin to replace a cluster's labels. Raises Busy where they were changed since it was looked at."""
        request = {
            "name": self._path(cluster.location, cluster.name),
            "resource_labels": dict(labels),
            "label_fingerprint": cluster.fingerprint,
        }
        return self._start("set_labels", f"labelling cluster {cluster.name}", request)

    def create_node_pool(self, cluster: ClusterSeen, body: Body) -> OperationSeen:
        """Begin to make a node pool. Raises Taken, Busy, Unsure."""
        request = {"parent": self._path(cluster.location, cluster.name), "node_pool": body}
        return self._start("create_node_pool", f"making node pool {body['name']} of {cluster.name}", request)

    def delete_node_pool(self, cluster: ClusterSeen, name: str) -> OperationSeen:
        """Begin to delete a node pool. Raises Busy, Missing."""
        request = {"name": f"{self._path(cluster.location, cluster.name)}/nodePools/{name}"}
        return self._start("delete_node_pool", f"deleting node pool {name} of {cluster.name}", request)

    def operation(self, seen: OperationSeen) -> OperationSeen:
        """Return an operation as it is now."""
        request = {"name": f"{self._parent(seen.location)}/operations/{seen.name}"}
        return reading.operation(self._call("get_operation", f"looking at operation {seen.name}", request))

    def operations(self, location: str, cluster: str) -> tuple[OperationSeen, ...]:
        """Return the operations on a cluster, the latest first."""
        request = {"parent": self._parent(location)}
        answer = self._call("list_operations", f"looking for operations on {cluster}", request)
        found = [one for one in map(reading.operation, answer.operations) if one.is_on(cluster)]
        return tuple(sorted(found, key=lambda one: one.started, reverse=True))

    def _parent(self, location: str) -> str:
        return f"projects/{self.place.project}/locations/{location}"

    def _path(self, location: str, cluster: str) -> str:
        return f"{self._parent(location)}/clusters/{cluster}"

    def _start(self, method: str, doing: str, request: Mapping[str, Any]) -> OperationSeen:
        return reading.operation(self._call(method, doing, request, WRITE_SECONDS))

    def _call(
        self, method: str, doing: str, request: Mapping[str, Any], seconds: float = READ_SECONDS
    ) -> Any:
        """Make one call; return the protocol buffer of the answer.

        A token may end, or be replaced, on the way: then the call had no effect, and is made with another.
        """
        try:
            return self._once(method, doing, request, seconds)
        except Expired:
            return self._once(method, doing, request, seconds)

    def _once(self, method: str, doing: str, request: Mapping[str, Any], seconds: float) -> Any:
        call: Callable[..., Any] = getattr(self._client(), method)
        with self._translated(doing):
            answer = call(request=request, timeout=seconds, retry=None, metadata=self._authorization())
        return type(answer).pb(answer)

    def _authorization(self) -> tuple[tuple[str, str], ...]:
        """Without TLS the channel carries no credentials, so that each call has to."""
        token = self.credentials.token() if self._endpoint and self.credentials.found() else ""
        return (("authorization", f"Bearer {token}"),) if token else ()

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        from google.api_core.exceptions import GoogleAPICallError

        try:
            yield
        except GoogleAPICallError as exc:
            error = troubles.of_call(doing, _refusal(exc), self.place)
            if isinstance(error, Unusable):
                self._begin_anew()
            raise error from exc

    def _begin_anew(self) -> None:
        """Read the credentials again for the next call: a person may have replaced them by then."""
        self.credentials.forget()
        if not self._endpoint:
            with self._lock:
                self._made = None

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._connect()
            return self._made

    def _connect(self) -> Any:
        # gRPC's core writes lines of its own to the standard error, past burstd's log
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        from google.cloud.container_v1 import ClusterManagerClient
        from google.cloud.container_v1.services.cluster_manager import transports

        if not self._endpoint:
            return ClusterManagerClient(credentials=self.credentials.found())
        import grpc

        channel = grpc.insecure_channel(self._endpoint, _RECONNECT)
        return ClusterManagerClient(transport=transports.ClusterManagerGrpcTransport(channel=channel))


def _refusal(error: Any) -> Refusal:
    code = error.grpc_status_code
    told = (error.metadata or {}).get("permission", "")
    name = code.name if code is not None else "UNKNOWN"
    return Refusal(name, error.message or "", error.reason or "", told)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
