"""What the calls of a ClusterManager do: google.container.v1, as far as burstd uses it, and GKE's rules."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.cloud import container_v1 as gke

from fakes.gke import refusals, rules
from fakes.gke.bill import Bill
from fakes.gke.cluster import Attach, Cluster, State
from fakes.gke.faults import Faults
from fakes.gke.settings import Delays
from fakes.kube import ApiServer

Doing = gke.Operation.Status
Kind = gke.Operation.Type
PoolState = gke.NodePool.Status

_PATH = re.compile(
    r"projects/(?P<project>[^/]+)/locations/(?P<zone>[^/]+)"
    r"(/clusters/(?P<cluster>[^/]+)(/nodePools/(?P<pool>[^/]+))?|/operations/(?P<operation>[^/]+))?"
)


class Service:
    """All clusters and operations. Each call is a method, named as in the API."""

    def __init__(self, delays: Delays, attach: Attach | None, token: Callable[[], str | None] | None) -> None:
        self.delays = delays
        self.faults = Faults()
        self.bill = Bill()
        self.projects = {"test-project"}
        self.zones = {"us-central1-a", "us-central1-b"}
        self.enabled = True
        self.missing_zones: set[str] = set()
        self.hidden_seconds = 0.0
        self.unknown_states = False
        """Whether states, and what operations are at, are such as no client knows."""
        self.moving = threading.Event()
        """Whether operations end."""
        self.moving.set()
        self.closing = threading.Event()
        self.make_api: Callable[..., ApiServer] = ApiServer
        """Makes the API server of a new cluster, told whether it has TLS, and its token."""
        self._attach = attach
        self._token = token
        self._lock = threading.RLock()
        self._clusters: dict[tuple[str, str], Cluster] = {}
        self._operations: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._threads: list[threading.Thread] = []
        self._vanished: list[Cluster] = []
        self._past: dict[tuple[str, str], Any] | None = None

    def close(self) -> None:
        """End every cluster and all that is under way."""
        self.closing.set()
        self.moving.set()
        for thread in self._threads:
            thread.join()
        for cluster in (*self._clusters.values(), *self._vanished):
            cluster.close()

    def alive(self) -> tuple[str, ...]:
        """Return every cluster and node pool that there is, in whatever state."""
        with self._lock:
            paths = [one.path for one in self._clusters.values()]
            pools = [
                f"{one.path}/nodePools/{pool.name}"
                for one in self._clusters.values()
                for pool in one.shown.node_pools
            ]
        return tuple(sorted([*paths, *pools]))

    def clusters(self) -> tuple[Cluster, ...]:
        """Return every cluster that there is, in whatever state."""
        with self._lock:
            return tuple(self._clusters.values())

    def cluster(self, name: str) -> Cluster:
        """Return a cluster by its name, wherever it is. Raises KeyError."""
        with self._lock:
            return next(one for (_, known), one in self._clusters.items() if known == name)

    def forget(self, name: str) -> None:
        """Have a cluster vanish, as where somebody deleted it by other means."""
        with self._lock:
            cluster = self.cluster(name)
            self._vanished.append(self._clusters.pop((cluster.zone, cluster.name)))
        cluster.machines.stop()

    def forget_pool(self, name: str, pool: str) -> None:
        """Have a node pool vanish, as where somebody deleted it by other means."""
        self._unmake_pool(self.cluster(name), pool)

    def break_down(self, name: str, words: str) -> None:
        """Have a cluster be in ERROR, as where its repair failed."""
        with self._lock:
            shown = self.cluster(name).shown
            shown.status = int(State.ERROR)
            condition = shown.conditions.add()
            condition.code = int(gke.StatusCondition.Code.UNKNOWN)
            condition.message = words

    def look_back(self) -> None:
        """Have whoever reads clusters see them as they are now, whatever becomes of them."""
        with self._lock:
            self._past = {key: self._shown(one) for key, one in self._clusters.items() if self._lists(one)}

    def look_now(self) -> None:
        """Have clusters be read as they are."""
        self._past = None

    def list_clusters(self, request: Any) -> Any:
        zone = self._place(request.parent)["zone"]
        with self._lock:
            now = {key: self._shown(one) for key, one in self._clusters.items() if self._lists(one)}
            seen = now if self._past is None else self._past
            shown = [one for (where, _), one in seen.items() if zone in ("-", where)]
            answer = gke.ListClustersResponse.pb()(clusters=shown)
            answer.missing_zones.extend(
                sorted(self.missing_zones if zone == "-" else self.missing_zones & {zone})
            )
            return answer

    def get_cluster(self, request: Any) -> Any:
        place = self._place(request.name)
        with self._lock:
            if self._past is None:
                return self._shown(self._find(request.name))
            if (place["zone"], place["cluster"]) not in self._past:
                raise refusals.absent(request.name)
            return _copy(self._past[place["zone"], place["cluster"]])

    def create_cluster(self, request: Any) -> Any:
        place, asked = self._place(request.parent), request.cluster
        rules.check_cluster(asked)
        with self._lock:
            key = (place["zone"], asked.name)
            if key in self._clusters:
                raise refusals.exists(f"{request.parent}/clusters/{asked.name}")
            api = self.make_api(tls=True, token=self._token)
            cluster = Cluster(asked, place["zone"], self.delays, self.bill, self.faults, api)
            self._clusters[key] = cluster
            return self._begin(cluster, Kind.CREATE_CLUSTER, cluster.path, self._make)

    def delete_cluster(self, request: Any) -> Any:
        with self._lock:
            cluster = self._idle(request.name)
            cluster.shown.status = int(State.STOPPING)
            return self._begin(cluster, Kind.DELETE_CLUSTER, cluster.path, self._unmake)

    def set_resource_labels(self, request: Any) -> Any:
        labels = dict(request.resource_labels)
        rules.check_labels(labels)
        with self._lock:
            cluster = self._idle(request.name)
            if request.label_fingerprint != cluster.shown.label_fingerprint:
                raise refusals.stale_labels(cluster.name)
            cluster.shown.status = int(State.RECONCILING)
            return self._begin(
                cluster, Kind.SET_LABELS, cluster.path, lambda one, _: self._relabel(one, labels)
            )

    def create_node_pool(self, request: Any) -> Any:
        rules.check_pools([request.node_pool])
        with self._lock:
            cluster = self._idle(request.parent)
            if cluster.pool(request.node_pool.name) is not None:
                raise refusals.exists(f"{request.parent}/nodePools/{request.node_pool.name}")
            pool = cluster.shown.node_pools.add()
            pool.CopyFrom(request.node_pool)
            pool.status = int(PoolState.PROVISIONING)
            path = f"{cluster.path}/nodePools/{pool.name}"
            return self._begin(
                cluster, Kind.CREATE_NODE_POOL, path, lambda one, op: self._make_pool(one, op, pool.name)
            )

    def delete_node_pool(self, request: Any) -> Any:
        place = self._place(request.name)
        with self._lock:
            cluster = self._idle(request.name)
            pool = cluster.pool(place["pool"])
            if pool is None:
                raise refusals.absent(request.name)
            pool.status = int(PoolState.STOPPING)
            path = f"{cluster.path}/nodePools/{pool.name}"
            return self._begin(
                cluster,
                Kind.DELETE_NODE_POOL,
                path,
                lambda one, _: self._unmake_pool(one, place["pool"]),
            )

    def get_operation(self, request: Any) -> Any:
        name = self._place(request.name)["operation"]
        with self._lock:
            if name not in self._operations:
                raise refusals.absent(request.name)
            operation = _copy(self._operations[name])
            if self.unknown_states and operation.status != Doing.DONE:
                operation.status = 77
            return operation

    def list_operations(self, request: Any) -> Any:
        zone = self._place(request.parent)["zone"]
        with self._lock:
            found = [_copy(one) for one in self._operations.values() if zone in ("-", one.zone)]
            return gke.ListOperationsResponse.pb()(operations=found)

    def _make(self, cluster: Cluster, operation: Any) -> None:
        """Bring a cluster up, as its delays say; or leave it in ERROR."""
        trouble, began = self.faults.take_trouble(), time.monotonic()
        delays = self.delays
        port = 0
        if delays.endpoint is not None:
            self._pause(began, delays.endpoint)
            with self._lock:
                port = cluster.reserve()
        if not self._pause(began, delays.api):
            return
        cluster.open(port, self._attach)
        with self._lock:
            cluster.show_address()
            for pool in cluster.shown.node_pools:
                autoscaled = pool.autoscaling.enabled
                count = 0 if trouble and autoscaled else pool.initial_node_count
                cluster.machines.add_pool(_copy(pool), count)
        self._pause(began, delays.create)
        self.moving.wait()
        with self._lock:
            if trouble:
                rules.fail(cluster, operation, trouble)
                cluster.shown.status = int(State.ERROR)
            else:
                cluster.shown.status = int(State.RUNNING)
            for pool in cluster.shown.node_pools:
                failed = trouble and pool.autoscaling.enabled
                pool.status = int(PoolState.ERROR if failed else PoolState.RUNNING)

    def _unmake(self, cluster: Cluster, _: Any) -> None:
        self._pause(time.monotonic(), self.delays.delete)
        self.moving.wait()
        cluster.close()
        with self._lock:
            self._clusters.pop((cluster.zone, cluster.name), None)

    def _relabel(self, cluster: Cluster, labels: dict[str, str]) -> None:
        self._pause(time.monotonic(), self.delays.labels)
        self.moving.wait()
        with self._lock:
            cluster.set_labels(labels)
            cluster.shown.status = int(State.RUNNING)

    def _make_pool(self, cluster: Cluster, operation: Any, name: str) -> None:
        trouble, began = self.faults.take_trouble(), time.monotonic()
        with self._lock:
            pool = cluster.pool(name)
            partly = self.faults.machines_left is not None
            cluster.machines.add_pool(_copy(pool), pool.initial_node_count if partly or not trouble else 0)
        self._pause(began, self.delays.pool)
        self.moving.wait()
        with self._lock:
            cluster.pool(name).status = int(PoolState.ERROR if trouble else PoolState.RUNNING)
            if trouble:
                rules.fail(cluster, operation, trouble, cluster.pool(name))

    def _unmake_pool(self, cluster: Cluster, name: str) -> None:
        self._pause(time.monotonic(), self.delays.pool)
        self.moving.wait()
        with self._lock:
            cluster.machines.remove_pool(name)
            kept = [_copy(pool) for pool in cluster.shown.node_pools if pool.name != name]
            del cluster.shown.node_pools[:]
            cluster.shown.node_pools.extend(kept)

    def _begin(self, cluster: Cluster, kind: Any, path: str, work: Callable[[Cluster, Any], None]) -> Any:
        """Begin an operation: its work is done in a thread of its own, and then it is over."""
        operation = gke.Operation.pb()(
            name=f"operation-{next(self._numbers)}",
            zone=cluster.zone,
            location=cluster.zone,
            operation_type=int(kind),
            status=int(Doing.RUNNING),
            target_link=f"https://container.googleapis.com/v1/projects/1/zones/{cluster.zone}/{path}",
            start_time=datetime.now(UTC).isoformat(),
        )
        self._operations[operation.name] = operation
        cluster.operation = operation.name
        thread = threading.Thread(
            target=self._carry_out, args=(cluster, operation, work), name=operation.name, daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return _copy(operation)

    def _carry_out(self, cluster: Cluster, operation: Any, work: Callable[[Cluster, Any], None]) -> None:
        work(cluster, operation)
        with self._lock:
            operation.status = int(Doing.DONE)
            operation.end_time = datetime.now(UTC).isoformat()
            cluster.operation = ""

    def _pause(self, began: float, seconds: float) -> bool:
        """Wait until so long after `began`; return whether the fake still runs."""
        return not self.closing.wait(max(began + seconds - time.monotonic(), 0.0))

    def _place(self, path: str) -> dict[str, str]:
        """Take a path apart. Raises Refused as GKE does where project or zone are not for this account."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise refusals.invalid(f"Malformed name {path!r}.")
        if match["project"] not in self.projects:
            raise refusals.unknown_project(match["project"])
        if not self.enabled:
            raise refusals.disabled(match["project"])
        if match["zone"] not in self.zones | {"-"}:
            raise refusals.unknown_zone(match["zone"])
        return match.groupdict()

    def _find(self, path: str) -> Cluster:
        place = self._place(path)
        found = self._clusters.get((place["zone"], place["cluster"]))
        if found is None:
            raise refusals.absent(path)
        return found

    def _idle(self, path: str) -> Cluster:
        """Return a cluster on which no operation runs. Raises Refused while one does."""
        cluster = self._find(path)
        if cluster.operation:
            kind = Kind(self._operations[cluster.operation].operation_type).name
            raise refusals.busy(cluster.name, cluster.operation, kind)
        return cluster

    def _lists(self, cluster: Cluster) -> bool:
        old = time.monotonic() - cluster.made_at >= self.hidden_seconds
        return old and cluster.zone not in self.missing_zones

    def _shown(self, cluster: Cluster) -> Any:
        shown = _copy(cluster.shown)
        if self.unknown_states:
            shown.status = 77
            for pool in shown.node_pools:
                pool.status = 77
        return shown


def _copy(message: Any) -> Any:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied
