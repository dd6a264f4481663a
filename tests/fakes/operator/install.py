"""Puts the operator into a cluster, for tests that are not about how it gets there."""

from __future__ import annotations

from typing import Any

from fakes.kube.store import Store
from fakes.operator.minicluster import RESOURCE

NAMESPACE, DEPLOYMENT = "operator-system", "operator-controller-manager"
IMAGE = "ghcr.io/flux-framework/flux-operator:latest"


def install(store: Store) -> None:
    """Create the kind MiniCluster, and the operator's namespace and Deployment; do not wait for any of it."""
    store.create("namespaces", {"metadata": {"name": NAMESPACE}})
    store.create("customresourcedefinitions.apiextensions.k8s.io", crd())
    store.create("deployments.apps", deployment())


def crd() -> dict[str, Any]:
    """Return a definition of MiniClusters that takes any spec with containers."""
    open_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = open_schema | {
        "required": ["containers"],
        "properties": {"size": {"type": "integer", "default": 1}},
    }
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    version = {
        "name": "v1alpha2",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": open_schema}}
        },
        "subresources": {"status": {}, "scale": scale | {"labelSelectorPath": ".status.selector"}},
    }
    return {
        "metadata": {"name": RESOURCE},
        "spec": {
            "group": "flux-framework.org",
            "names": {"kind": "MiniCluster", "plural": "miniclusters", "singular": "minicluster"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def deployment() -> dict[str, Any]:
    labels = {"control-plane": "controller-manager"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "manager", "image": IMAGE}]}}
    return {
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod},
    }
