"""What the API fills into new objects, for the few kinds where burstd or an operator reads it back."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable

from fakes.kube.kinds import CRDS
from fakes.kube.status import Object

_COUNT = itertools.count(1)
CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def fill(resource: str, obj: Object) -> None:
    """Complete a new object in place."""
    if step := _STEPS.get(resource):
        step(obj)


def fold_secret(obj: Object) -> None:
    """Turn `stringData`, which is never shown, into `data`."""
    for key, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _namespace(obj: Object) -> None:
    labels = obj["metadata"].get("labels") or {}
    obj["metadata"]["labels"] = {"kubernetes.io/metadata.name": obj["metadata"]["name"]} | labels
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    obj.setdefault("status", {"phase": "Pending", "qosClass": "BestEffort"})


def _job(obj: Object) -> None:
    obj.setdefault("status", {})
    spec = obj.setdefault("spec", {})
    for key, value in {"parallelism": 1, "completions": 1, "backoffLimit": 6, "suspend": False}.items():
        spec.setdefault(key, value)


def _deployment(obj: Object) -> None:
    obj.setdefault("status", {})
    obj.setdefault("spec", {}).setdefault("replicas", 1)


def _service(obj: Object) -> None:
    obj.setdefault("status", {"loadBalancer": {}})
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    address = f"10.96.{next(_COUNT) // 250 % 250}.{next(_COUNT) % 250 + 1}"
    spec.setdefault("clusterIPs", [spec.setdefault("clusterIP", address)])
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
        if spec["type"] in {"NodePort", "LoadBalancer"}:
            port.setdefault("nodePort", 30000 + next(_COUNT) % 2768)


def _crd(obj: Object) -> None:
    """The list of conditions is null until there is one: the client's models do not take that."""
    spec = obj["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    accepted = {"plural": "", "kind": ""}
    obj["status"] = {"conditions": None, "acceptedNames": accepted, "storedVersions": stored}


_STEPS: dict[str, Callable[[Object], None]] = {
    "namespaces": _namespace,
    "secrets": _secret,
    "pods": _pod,
    "services": _service,
    "jobs.batch": _job,
    "deployments.apps": _deployment,
    CRDS: _crd,
}
