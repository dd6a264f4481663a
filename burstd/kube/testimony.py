"""What the brokers of a burst on a cluster wrote, and what its pods' states say beside that."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from burstd.core.errors import EffectError
from burstd.core.model import Site
from burstd.kube import answers, labels, podwords
from burstd.kube.client import Cluster
from burstd.kube.kinds import MINICLUSTER, POD, SECRET, Manifest
from burstd.kube.minicluster import SECRET_NAME
from burstd.kube.pods import index_of

LINES = 200
"""So many lines of each container are read, from its end."""


def logs(cluster: Cluster, site: Site) -> Iterator[tuple[str, str]]:
    """Yield each host that the burst is to have with its log, the pod's present state at the end.

    Raises NotNow, Never where the pods cannot be listed.
    """
    pods = cluster.list(POD, site.name, {labels.PART: labels.BROKER}).items
    by_index = {index: pod for pod in pods if (index := index_of(pod)) is not None}
    made = cluster.get(MINICLUSTER, site.pool, site.name)
    size = int(made["spec"]["size"]) if made else 0
    for index in sorted({*by_index, *range(size)}):
        host = f"{site.pool}-{index}"
        pod = by_index.get(index)
        yield host, _of_pod(cluster, site.name, pod) if pod else f"no pod: {host} has none (yet)"


def certificate(cluster: Cluster, site: Site) -> str | None:
    """Return the certificate in the burst's Secret, None where there is none. Raises NotNow, Never."""
    found = cluster.get(SECRET, SECRET_NAME, site.name)
    text = ((found or {}).get("data") or {}).get("curve.cert")
    return base64.b64decode(text).decode(errors="replace") if text else None


def _of_pod(cluster: Cluster, namespace: str, pod: Manifest) -> str:
    name = pod["metadata"]["name"]
    texts = [_of_container(cluster, namespace, name, one) for one in podwords.containers(pod)]
    return "\n".join([*filter(None, (text.rstrip() for text in texts)), *podwords.lines(pod)])


def _of_container(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    """What cannot be read leaves a gap: the others, and the pod's state, still tell."""
    try:
        return answers.log(cluster, namespace, pod, container, LINES)
    except EffectError:
        return ""
