"""Pods as their owners make them of a template, and what a pod's status says."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from fakes.operator.objects import Object, is_going, owner_reference, suffix

INDEX = "batch.kubernetes.io/job-completion-index"
_OVER = ("Succeeded", "Failed")


def of_template(owner: Object, api_version: str, kind: str, template: Mapping[str, Any], stem: str) -> Object:
    """Return a new pod of an owner, named after `stem`."""
    template = copy.deepcopy(dict(template))
    marks = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{stem}-{suffix()}",
            "namespace": owner["metadata"]["namespace"],
            "labels": dict(marks.get("labels") or {}),
            "annotations": dict(marks.get("annotations") or {}),
            "ownerReferences": [owner_reference(owner, api_version, kind)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }


def of_job(job: Object, index: int | None) -> Object:
    """Return a new pod of a Job, for an index if it is an Indexed one."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    stem = name if index is None else f"{name}-{index}"
    pod = of_template(job, "batch/v1", "Job", job["spec"]["template"], stem)
    labels = {"job-name": name, "controller-uid": uid}
    labels |= {f"batch.kubernetes.io/{key}": value for key, value in labels.items()}
    pod["metadata"]["labels"] |= labels
    if index is not None:
        _give_index(pod, index, f"{name}-{index}")
    return pod


def index_of(pod: Object) -> int:
    """Return a pod's completion index; -1 where it has none."""
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", "Pending"))


def is_over(pod: Object) -> bool:
    return phase(pod) in _OVER


def is_active(pod: Object) -> bool:
    return not is_over(pod) and not is_going(pod)


def restarts(pod: Object) -> int:
    """Return how often containers of a pod were started again."""
    status = pod.get("status") or {}
    lists = (status.get("initContainerStatuses") or [], status.get("containerStatuses") or [])
    return sum(one.get("restartCount", 0) for statuses in lists for one in statuses)


def is_of_minicluster(pod: Object) -> bool:
    return (pod["metadata"].get("labels") or {}).get("app") == "flux-operator"


def _give_index(pod: Object, index: int, hostname: str) -> None:
    pod["metadata"]["labels"][INDEX] = str(index)
    pod["metadata"]["annotations"][INDEX] = str(index)
    pod["spec"]["hostname"] = hostname
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
    for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
        container["env"] = [*(container.get("env") or []), variable]
