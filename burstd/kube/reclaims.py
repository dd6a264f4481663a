"""Machines that the cloud takes back: how a pod, or the Node under it, says so. Pure.

A pod says it by its condition DisruptionTarget, or by its reason where a kubelet shuts down with its Node; a
Node by taints of the cloud's controllers and of autoscalers, or by not being ready since it shuts down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from burstd.kube.kinds import Manifest
from burstd.kube.pods import has_machine, index_of, lives

TAINTS = frozenset(
    {
        "cloud.google.com/impending-node-termination",  # GKE
        "node.cloudprovider.kubernetes.io/shutdown",  # any cloud's controller: the machine is switched off
        "node.kubernetes.io/out-of-service",  # a person, or a controller: it will not come back
        "remediator.kubernetes.azure.com/unschedulable",  # AKS, for scheduled events such as a preemption
        "aws-node-termination-handler/spot-itn",
        "aws-node-termination-handler/scheduled-maintenance",
        "aws-node-termination-handler/asg-lifecycle-termination",
        "karpenter.sh/disrupted",
        "karpenter.sh/disruption",  # before Karpenter 1.0
        "ToBeDeletedByClusterAutoscaler",
    }
)
"""Taints of a Node whose machine goes; advice such as AWS's rebalance recommendation is none of them."""

_TAKEN = frozenset(
    {"PreemptionByScheduler", "DeletionByTaintManager", "DeletionByPodGC", "EvictionByEvictionAPI"}
)
"""Reasons of the condition DisruptionTarget; the kubelet's own counts where it speaks of a shutdown."""

_SHUTDOWN_REASONS = frozenset({"Shutdown", "NodeShutdown"})


def hosts_of(hosts: Sequence[str], pods: Iterable[Manifest], taken: Collection[str]) -> tuple[str, ...]:
    """Return the hosts whose machine goes or has gone, until another pod of theirs has one.

    `taken` names the Nodes that are known to go, or to be gone.
    """
    told: set[int | None] = set()
    returned: set[int | None] = set()
    for pod in pods:
        goes = told_by_pod(pod) or pod["spec"].get("nodeName") in taken
        if goes:
            told.add(index_of(pod))
        elif lives(pod) and has_machine(pod):
            returned.add(index_of(pod))
    return tuple(host for index, host in enumerate(hosts) if index in told - returned)


def told_by_pod(pod: Manifest) -> bool:
    """Say whether a pod tells that it loses its machine."""
    status = pod.get("status") or {}
    if status.get("reason") in _SHUTDOWN_REASONS or _speaks_of_shutdown(status, "Terminated"):
        return True
    for condition in status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            reason = condition.get("reason")
            return reason in _TAKEN or _speaks_of_shutdown(condition, "TerminationByKubelet")
    return False


def told_by_node(node: Manifest) -> bool:
    """Say whether a Node tells that its machine goes."""
    if "deletionTimestamp" in node["metadata"]:
        return True
    taints = (node.get("spec") or {}).get("taints") or ()
    if any(taint.get("key") in TAINTS for taint in taints):
        return True
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(
        one.get("type") == "Ready" and one.get("status") != "True" and "shutting down" in _message(one)
        for one in conditions
    )


def _speaks_of_shutdown(told: Manifest, reason: str) -> bool:
    """A kubelet ends pods for want of memory under the same reason; that takes no machine away."""
    return told.get("reason") == reason and "shutdown" in _message(told)


def _message(told: Manifest) -> str:
    return str(told.get("message") or "").lower()
