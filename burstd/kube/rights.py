"""The rights that burstd uses on a burst's cluster: those that deploy/rights.yaml gives."""

from __future__ import annotations

from burstd.kube.answers import Right

_USED = (
    ("", "namespaces", "create delete get list"),
    ("", "secrets", "create get patch"),
    ("", "pods", "list watch"),
    ("", "pods/log", "get"),
    ("", "events", "list"),
    ("apps", "deployments", "create get"),
    ("batch", "jobs", "create get"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "get"),
    ("coordination.k8s.io", "leases", "create get list patch"),
    ("", "serviceaccounts", "create"),
    ("rbac.authorization.k8s.io", "roles", "create"),
    ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ("flux-framework.org", "miniclusters", "create delete get list patch"),
)
_DISPENSABLE = (("", "nodes", "list watch"),)
_INSTALLING = (
    ("apiextensions.k8s.io", "customresourcedefinitions", "create patch"),
    ("rbac.authorization.k8s.io", "clusterroles", "create patch"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "create patch"),
    ("apps", "deployments", "patch"),
)

_Rows = tuple[tuple[str, str, str], ...]


def _rights(rows: _Rows) -> tuple[Right, ...]:
    return tuple(Right(group, kind, verb) for group, kind, verbs in rows for verb in verbs.split())


USED = _rights(_USED)
"""Without one of these a burst cannot be brought up, seen, or removed."""

DISPENSABLE = _rights(_DISPENSABLE)
"""Without these burstd hears of a machine that is taken back only by its pods."""

INSTALLING = _rights(_INSTALLING)
"""What installing the Flux Operator needs beside the others."""
