"""What the API fills into new objects, for the few kinds where burstd or an operator reads it back."""

from __future__ import annotations

import base64
from collections.abc import Callable

from fakes.kube.kinds import CRDS
from fakes.kube.status import Object

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
    spec = obj.setdefault("spec", {})
    for key, value in {"parallelism": 1, "completions": 1, "backoffLimit": 6, "suspend": False}.items():
        spec.setdefault(key, value)


def _deployment(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("replicas", 1)


def _crd(obj: Object) -> None:
    obj["metadata"].setdefault("finalizers", [CRD_FINALIZER])
    names = obj["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")


_STEPS: dict[str, Callable[[Object], None]] = {
    "namespaces": _namespace,
    "secrets": _secret,
    "pods": _pod,
    "jobs.batch": _job,
    "deployments.apps": _deployment,
    CRDS: _crd,
}
