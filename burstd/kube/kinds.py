"""The kinds of Kubernetes objects that burstd speaks of, and their paths in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object: its apiVersion, its name, its plural in paths, whether it lives in namespaces."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True


NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
POD = Kind("v1", "Pod", "pods")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
EVENT = Kind("v1", "Event", "events")
JOB = Kind("batch/v1", "Job", "jobs")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
CRD = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
MINICLUSTER = Kind("flux-framework.org/v1alpha2", "MiniCluster", "miniclusters")

_KNOWN = {
    (kind.api_version, kind.name): kind
    for kind in (
        *(NAMESPACE, NODE, POD, SECRET, SERVICE, EVENT, JOB, DEPLOYMENT, CRD, LEASE, MINICLUSTER),
        Kind("batch/v1", "CronJob", "cronjobs"),
        Kind("v1", "ConfigMap", "configmaps"),
        Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Kind("v1", "ServiceAccount", "serviceaccounts"),
        Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
        Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
        Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False),
        Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    )
}


def kind_of(manifest: Manifest) -> Kind | None:
    """Return the kind of a manifest, None where it is not one of those known here."""
    return _KNOWN.get((manifest["apiVersion"], manifest["kind"]))


def path_of(kind: Kind, namespace: str = "", name: str = "") -> str:
    """Return the path of an object, or of all of a kind: in one namespace, or "" for every namespace."""
    root = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
    inside = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
    return f"{root}{inside}/{kind.plural}" + (f"/{name}" if name else "")
