"""Deployments and DaemonSets, as far as somebody waits for them: pods of theirs, and how many are ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fakes.operator import pods
from fakes.operator.objects import Object, Objects, holds, is_going, owned_by, with_condition
from fakes.operator.scheduler import ANY_NODE, fits

_DEPLOYMENTS, _DAEMON_SETS = "deployments.apps", "daemonsets.apps"


class Workloads:
    """Keeps a pod for each replica of a Deployment, and one on each Node that a DaemonSet's pods fit."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def sync(self) -> None:
        everything = self._objects.all("pods")
        for deployment in self._objects.all(_DEPLOYMENTS):
            if not is_going(deployment):
                self._sync_deployment(deployment, owned_by(deployment, everything))
        for daemon_set in self._objects.all(_DAEMON_SETS):
            if not is_going(daemon_set):
                self._sync_daemon_set(daemon_set, owned_by(daemon_set, everything))

    def _sync_deployment(self, deployment: Object, own: list[Object]) -> None:
        """The ReplicaSet between a Deployment and its pods is left out."""
        replicas, active = deployment["spec"].get("replicas", 1), list(filter(pods.is_active, own))
        for pod in active[replicas:]:
            self._objects.delete("pods", pod)
        for _ in range(replicas - len(active)):
            self._create(deployment, "Deployment", {})
        ready = _ready(active)
        status = dict(deployment.get("status") or {}) | _counts(deployment, "replicas", len(active), ready)
        status |= {"readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": len(active)}
        available = ready >= replicas
        reason = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
        self._objects.set_status(
            _DEPLOYMENTS, deployment, with_condition(status, "Available", available, reason)
        )

    def _sync_daemon_set(self, daemon_set: Object, own: list[Object]) -> None:
        nodes = self._objects.all("nodes")
        pod = {"spec": daemon_set["spec"]["template"]["spec"]}
        names = [node["metadata"]["name"] for node in nodes if fits(pod, node)] if nodes else [ANY_NODE]
        active = {_wanted_node(one): one for one in own if pods.is_active(one)}
        for name, one in active.items():
            if name not in names:
                self._objects.delete("pods", one)
        for name in names:
            if name not in active:
                self._create(daemon_set, "DaemonSet", {"nodeName": name})
        ready = _ready(one for name, one in active.items() if name in names)
        status = _counts(daemon_set, "desiredNumberScheduled", len(names), ready)
        status |= {"currentNumberScheduled": len(active), "updatedNumberScheduled": len(active)}
        status |= {"numberReady": ready, "numberAvailable": ready, "numberMisscheduled": 0}
        self._objects.set_status(_DAEMON_SETS, daemon_set, dict(daemon_set.get("status") or {}) | status)

    def _create(self, owner: Object, kind: str, extra: Mapping[str, Any]) -> None:
        pod = pods.of_template(owner, "apps/v1", kind, owner["spec"]["template"], owner["metadata"]["name"])
        pod["spec"] |= extra
        self._objects.create("pods", pod)


def _wanted_node(pod: Object) -> str:
    return str(pod["spec"].get("nodeName", ""))


def _ready(own: Iterable[Object]) -> int:
    return sum(holds(pod.get("status") or {}, "Ready") for pod in own)


def _counts(owner: Object, key: str, count: int, ready: int) -> Object:
    missing = "unavailableReplicas" if key == "replicas" else "numberUnavailable"
    generation = owner["metadata"].get("generation", 1)
    return {"observedGeneration": generation, key: count, missing: count - ready}
