"""The scheduler: which Node a pod goes to, or why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fakes.operator import pods, quantities
from fakes.operator.manifests import APP_NAME
from fakes.operator.objects import Object, Objects, condition, holds, is_going, with_condition

ANY_NODE = "any-node"
"""Where pods run as long as a cluster has no Node objects."""

Nodes = Literal["any", "listed"]


class Scheduler:
    """Binds pods to Nodes that are ready, that they select and tolerate, and that have room.

    The operator's anti-affinity is only a preference: with `one_per_node` it is a must.
    """

    def __init__(self, objects: Objects, nodes: Nodes, one_per_node: bool) -> None:
        self._objects = objects
        self._nodes = nodes
        self._one_per_node = one_per_node

    def sync(self) -> None:
        nodes = self._objects.all("nodes")
        everything = self._objects.all("pods")
        bound = [pod for pod in everything if pod["spec"].get("nodeName") and not pods.is_over(pod)]
        for pod in sorted(filter(_waits, everything), key=lambda one: one["metadata"]["name"]):
            name, why = self._choose(pod, nodes, bound)
            if name:
                pod["spec"]["nodeName"] = name
                bound.append(pod)
                self._bind(pod, name)
            else:
                self._refuse(pod, why)

    def _choose(self, pod: Object, nodes: list[Object], bound: list[Object]) -> tuple[str, str]:
        """Return the name of a Node, or "" and why there is none."""
        if not nodes:
            return (ANY_NODE, "") if self._nodes == "any" else ("", "no nodes available to schedule pods")
        faults = {node["metadata"]["name"]: self._fault(pod, node, bound) for node in nodes}
        good = [name for name, fault in faults.items() if not fault]
        if good:
            return min(good, key=lambda name: (_neighbours(pod, name, bound), name)), ""
        counted = Counter(faults.values())
        told = ", ".join(f"{count} {fault}" for fault, count in sorted(counted.items()))
        return "", f"0/{len(nodes)} nodes are available: {told}."

    def _fault(self, pod: Object, node: Object, bound: list[Object]) -> str:
        """Return what is wrong with a Node for a pod, in the scheduler's words; "" if nothing is."""
        name = node["metadata"]["name"]
        fault = fault_of(pod, node)
        if fault:
            return fault
        here = [one for one in bound if one["spec"]["nodeName"] == name]
        if self._one_per_node and pods.is_of_minicluster(pod) and any(map(pods.is_of_minicluster, here)):
            return _TOO_NEAR
        if any(_shuns(pod, one) for one in here):
            return _TOO_NEAR
        free = quantities.allocatable(node)
        for one in here:
            free.subtract(quantities.requests(one))
        short = [what for what, wanted in quantities.requests(pod).items() if wanted > free[what]]
        return f"Insufficient {short[0]}" if short else ""

    def _bind(self, pod: Object, name: str) -> None:
        self._objects.change("pods", pod, lambda one: one["spec"].update(nodeName=name))
        self._write(pod, True)
        self._objects.note(pod, "Scheduled", f"Successfully assigned {_full_name(pod)} to {name}", "Normal")

    def _refuse(self, pod: Object, why: str) -> None:
        said = condition(pod.get("status") or {}, "PodScheduled").get("message")
        self._write(pod, False, "Unschedulable", why)
        if said != why:
            self._objects.note(pod, "FailedScheduling", why)

    def _write(self, pod: Object, value: bool, reason: str = "", message: str = "") -> None:
        status = {"phase": "Pending"} | (pod.get("status") or {})
        self._objects.set_status("pods", pod, with_condition(status, "PodScheduled", value, reason, message))


def fits(pod: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Say whether a Node is one that a pod may go to, room aside."""
    return not fault_of(pod, node)


def fault_of(pod: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return why a pod may not go to a Node, room aside; "" if it may."""
    if not holds(node.get("status") or {}, "Ready"):
        return "node(s) were not ready"
    if (node.get("spec") or {}).get("unschedulable"):
        return "node(s) were unschedulable"
    taint = next((one for one in _taints(node) if not _tolerates(pod, one)), None)
    if taint:
        return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    return "" if _selects(pod, node) else "node(s) didn't match Pod's node affinity/selector"


def _waits(pod: Object) -> bool:
    spec = pod["spec"]
    ours = spec.get("schedulerName") in (None, "", "default-scheduler")
    return ours and not spec.get("nodeName") and not is_going(pod)


def _taints(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    taints = (node.get("spec") or {}).get("taints") or []
    return [one for one in taints if one["effect"] != "PreferNoSchedule"]


def _tolerates(pod: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    return any(_is_tolerated(taint, one) for one in pod["spec"].get("tolerations") or [])


def _is_tolerated(taint: Mapping[str, Any], toleration: Mapping[str, Any]) -> bool:
    exists = toleration.get("operator") == "Exists"
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key", "") != taint["key"]:
        return exists and not toleration.get("key")
    return exists or toleration.get("value", "") == taint.get("value", "")


def _selects(pod: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    labels, spec = node["metadata"].get("labels") or {}, pod["spec"]
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = (affinity or {}).get("nodeSelectorTerms")
    return not terms or any(all(_meets(labels, one) for one in term["matchExpressions"]) for term in terms)


def _meets(labels: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    value, values = labels.get(wanted["key"]), wanted.get("values") or []
    match wanted["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise NotImplementedError(f"operator {other} of a node affinity")


_TOO_NEAR = "node(s) didn't match pod anti-affinity rules"


def _shuns(pod: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether a pod must not be on a Node with another (required anti-affinity, by host name)."""
    rules = ((pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    labels = (other["metadata"].get("labels") or {}).items()
    same_namespace = pod["metadata"]["namespace"] == other["metadata"]["namespace"]
    wanted = (term["labelSelector"]["matchLabels"].items() for term in rules or ())
    return same_namespace and any(one <= labels for one in wanted)


def _neighbours(pod: Object, name: str, bound: Iterable[Object]) -> int:
    """Return how many pods of the same MiniCluster a Node has: the fewer the better."""
    own = _app(pod)
    return sum(one["spec"]["nodeName"] == name and bool(own) and _app(one) == own for one in bound)


def _app(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(APP_NAME, ""))


def _full_name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
