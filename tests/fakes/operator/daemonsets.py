"""DaemonSets, as far as somebody waits for them: a pod on each Node that its pods may go to."""

from __future__ import annotations

from typing import Any

from fakes.operator import pods
from fakes.operator.objects import Object, Objects, holds, is_going, owned_by
from fakes.operator.scheduler import ANY_NODE, fits

RESOURCE = "daemonsets.apps"


class DaemonSets:
    """A cluster without Node objects counts as one Node."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def sync(self) -> None:
        everything = self._objects.all("pods")
        for daemon_set in self._objects.all(RESOURCE):
            if not is_going(daemon_set):
                self._sync_one(daemon_set, owned_by(daemon_set, everything))

    def _sync_one(self, daemon_set: Object, own: list[Object]) -> None:
        names = self._nodes(daemon_set)
        active = {str(pod["spec"].get("nodeName")): pod for pod in own if pods.is_active(pod)}
        for name in active.keys() - names:
            self._objects.delete("pods", active[name])
        for name in sorted(names - active.keys()):
            self._objects.create("pods", _pod(daemon_set, name))
        ready = sum(holds(pod.get("status") or {}, "Ready") for name, pod in active.items() if name in names)
        status = dict(daemon_set.get("status") or {}) | _counts(len(names), len(names & active.keys()), ready)
        status["observedGeneration"] = daemon_set["metadata"].get("generation", 1)
        self._objects.set_status(RESOURCE, daemon_set, status)

    def _nodes(self, daemon_set: Object) -> set[str]:
        nodes, template = self._objects.all("nodes"), daemon_set["spec"]["template"]
        if not nodes:
            return {ANY_NODE}
        return {node["metadata"]["name"] for node in nodes if fits(template, node)}


def _pod(daemon_set: Object, node: str) -> Object:
    name, template = daemon_set["metadata"]["name"], daemon_set["spec"]["template"]
    pod = pods.of_template(daemon_set, "apps/v1", "DaemonSet", template, name)
    pod["spec"]["nodeName"] = node
    return pod


def _counts(wanted: int, current: int, ready: int) -> dict[str, Any]:
    return {
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": current,
        "updatedNumberScheduled": current,
        "numberReady": ready,
        "numberAvailable": ready,
        "numberUnavailable": wanted - ready,
        "numberMisscheduled": 0,
    }
