"""The API server of the cluster in which this process runs as a pod, met as the pod's ServiceAccount."""

from __future__ import annotations

import os
from pathlib import Path

from burstd.kube.client import Access

_IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def access() -> Access | None:
    """Return how the cluster around this pod is reached; None where this is no pod with a token."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    token = _IN_POD / "token"
    if not host or not token.is_file():
        return None
    bracketed = f"[{host}]" if ":" in host else host
    ca = (_IN_POD / "ca.crt").read_bytes()
    return Access(f"https://{bracketed}:{port}", ca, token.read_text)
