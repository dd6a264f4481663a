"""A cloud that takes a machine back: how that is told on the cluster, and then the Node is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

from fakes.kube.store import Store
from fakes.operator.objects import Object, with_condition

Notice = Literal["GKE", "kubelet", "AKS", "AWS", "Karpenter", "cloud", "autoscaler", "nothing"]
"""Who tells it, in their own way; "nothing": the machine goes without a word."""

_SHUTDOWN = "Pod was terminated in response to imminent node shutdown."

_TAINTS = {
    "GKE": "cloud.google.com/impending-node-termination",
    "AKS": "remediator.kubernetes.azure.com/unschedulable",
    "AWS": "aws-node-termination-handler/spot-itn",
    "Karpenter": "karpenter.sh/disrupted",
    "cloud": "node.cloudprovider.kubernetes.io/shutdown",
    "autoscaler": "ToBeDeletedByClusterAutoscaler",
}


def take_back(store: Store, node: str, seconds: float, notice: Notice = "kubelet") -> None:
    """Have a Node say now, in one of the ways, that its machine goes, and be gone so much later."""
    tell(store, node, notice)
    later(seconds, lambda: store.delete("nodes", "", node))


def later(seconds: float, work: Callable[[], None]) -> None:
    """Do something after so long."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def tell(store: Store, node: str, notice: Notice) -> None:
    """Put the notice on the Node; a kubelet also says it of each pod, which it then ends."""
    if notice == "kubelet":
        store.edit("nodes", "", node, _shut_down)
        _tell_pods(store, node)
    elif notice != "nothing":
        taint = {"key": _TAINTS[notice], "effect": "NoSchedule"}
        store.edit("nodes", "", node, lambda one: _tainted(one, taint))


def _tainted(node: Object, taint: Object) -> None:
    spec: dict[str, Any] = node.setdefault("spec", {})
    spec["taints"] = [*(spec.get("taints") or []), taint]


def _shut_down(node: Object) -> None:
    status = node.get("status") or {}
    node["status"] = with_condition(status, "Ready", False, "KubeletNotReady", "node is shutting down")


def _tell_pods(store: Store, node: str) -> None:
    for pod in store.list("pods"):
        if pod["spec"].get("nodeName") == node:
            meta = pod["metadata"]
            store.edit("pods", meta["namespace"], meta["name"], _disrupted)


def _disrupted(pod: Object) -> None:
    status = pod.get("status") or {}
    pod["status"] = with_condition(status, "DisruptionTarget", True, "TerminationByKubelet", _SHUTDOWN)
