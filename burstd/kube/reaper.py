"""What stands beside a burst on Kubernetes and ends it when nobody renews its lease, as manifests. Pure.

It is one small pod of burstd's own image that runs `burstd reap`. Its ServiceAccount may read this lease,
read and delete this MiniCluster and this namespace, and nothing else anywhere. It keeps no paid machine: it
does not tolerate what keeps pods off the burst's hosts, and an autoscaler may put it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from burstd.core.silence import LeaseTerms
from burstd.join.papers import Order
from burstd.kube import labels, lease
from burstd.kube.kinds import Manifest
from burstd.kube.options import KubeOptions

NAME = "burstd-reaper"
"""Of the ServiceAccount, the Role, its binding and the Deployment."""

_RBAC = "rbac.authorization.k8s.io"
_NOBODY = 65534


def manifests(order: Order, terms: LeaseTerms, image: str, options: KubeOptions) -> Iterator[Manifest]:
    """Yield all that a burst's reaper needs, in the order in which it is to be made."""
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        **_named(order),
        "automountServiceAccountToken": False,
    }
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", **_named(order), "rules": _rules(order)}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        **_named(order),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": order.site_name}],
    }
    yield _deployment(order, terms, image, options)


def arguments(order: Order, terms: LeaseTerms) -> list[str]:
    """Return the arguments of `burstd` in the reaper's pod."""
    return [
        "reap",
        f"--namespace={order.site_name}",
        f"--owner={order.owner}",
        f"--pool={order.pool.name}",
        f"--generation={order.generation}",
        f"--idle-seconds={terms.idle_seconds:g}",
        f"--with-jobs-seconds={terms.with_jobs_seconds:g}",
    ]


def _rules(order: Order) -> list[Manifest]:
    return [
        _rule("coordination.k8s.io", "leases", lease.NAME, ["get"]),
        _rule("flux-framework.org", "miniclusters", order.pool.name, ["get", "delete"]),
        _rule("", "namespaces", order.site_name, ["get", "delete"]),
    ]


def _rule(group: str, resource: str, name: str, verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": verbs}


def _deployment(order: Order, terms: LeaseTerms, image: str, options: KubeOptions) -> Manifest:
    marks = labels.of_order(order) | {labels.PART: labels.REAPER}
    away = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
    pod: Manifest = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(order, terms, image)],
    }
    pod |= {"imagePullSecrets": [{"name": options.pull_secret}]} if options.pull_secret else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **_named(order),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": marks},
            "template": {"metadata": {"labels": marks, "annotations": away}, "spec": pod},
        },
    }


def _container(order: Order, terms: LeaseTerms, image: str) -> Manifest:
    return {
        "name": "reaper",
        "image": image,
        "command": ["burstd", *arguments(order, terms)],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _named(order: Order) -> Manifest:
    metadata = {"name": NAME, "namespace": order.site_name, "labels": labels.of_order(order)}
    return {"metadata": metadata}
