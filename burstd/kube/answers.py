"""What an API server answers about itself and about whoever asks. Nothing is changed by any of it.

Formats: RFC 9110 (Date), SelfSubjectAccessReview of authorization.k8s.io/v1, which is a question although it
is posted: it is kept nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from burstd.core.errors import Never
from burstd.kube.client import Cluster

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource, of an API group ("" is the core's), below it or not: `pods/log`."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


@dataclass(frozen=True, slots=True)
class Server:
    """An API server's version, and what time it has, in epoch seconds; None: it does not say."""

    version: str
    time: float | None


def server(cluster: Cluster) -> Server:
    """Ask an API server who it is. Raises NotNow, Never."""
    headers, body = cluster.raw("GET", "/version")
    date = headers.get("Date")
    told = _document(body, cluster)
    return Server(str(told.get("gitVersion") or "of unknown version"), _moment(date))


def lacking(cluster: Cluster, rights: Iterable[Right]) -> tuple[Right, ...]:
    """Return which of the rights whoever asks does not have in all namespaces. Raises NotNow, Never."""
    return tuple(right for right in rights if not _may(cluster, right))


def log(cluster: Cluster, namespace: str, pod: str, container: str, lines: int) -> str:
    """Return the last lines of a container's run before and of this one. Raises NotNow, Never."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    text = ""
    for previous in ("true", "false"):
        query = {"container": container, "tailLines": str(lines), "previous": previous}
        try:
            text += cluster.raw("GET", path, query)[1].decode(errors="replace")
        except Never:
            continue  # a container that did not run before, or does not run yet, is a bad request
    return text


def _may(cluster: Cluster, right: Right) -> bool:
    resource, _, below = right.resource.partition("/")
    asked = {"group": right.group, "resource": resource, "verb": right.verb}
    asked |= {"subresource": below} if below else {}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    told = _document(cluster.raw("POST", _REVIEWS, {}, review)[1], cluster)
    return bool((told.get("status") or {}).get("allowed"))


def _document(body: bytes, cluster: Cluster) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Never(f"what answers at {cluster.url} is no API server of Kubernetes: check the address")
    return found


def _moment(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
