"""The operator's own loop: what it does with each MiniCluster, faults included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zmq

from fakes.operator import manifests
from fakes.operator.objects import Object, Objects, condition, holds, is_going, now
from fakes.operator.settings import Ground
from fakes.operator.spec import completed, is_valid

RESOURCE = "miniclusters.flux-framework.org"
_READY = "JobMiniClusterReady"
_CONDITIONS = ("JobRequested", "JobWaitingForResources", "JobRunning", _READY, "JobFinished")


class MiniClusters:
    """Acts on MiniClusters while the operator's own Deployment is available, if that is asked for."""

    def __init__(self, objects: Objects, ground: Ground, needs_deployment: bool) -> None:
        self._objects = objects
        self._ground = ground
        self._needs_deployment = needs_deployment

    def sync(self) -> None:
        if self._needs_deployment and not self._is_installed():
            return
        for cluster in self._objects.all(RESOURCE):
            if not is_going(cluster):
                self._reconcile(cluster)

    def _is_installed(self) -> bool:
        found = self._objects.find("deployments.apps", "operator-system", "operator-controller-manager")
        return found is not None and holds(found.get("status") or {}, "Available")

    def _reconcile(self, cluster: Object) -> None:
        """Do as the operator does; a size of 0, and what it finds invalid, it only writes to its own log."""
        if not cluster["spec"].get("size", 1):
            return
        whole = completed(cluster)
        if not is_valid(whole):
            return
        status = dict(cluster.get("status") or {})
        status["maximumSize"] = status.get("maximumSize") or whole["spec"]["maxSize"]
        self._ensure_parts(whole)
        job = self._objects.find("jobs.batch", whole["metadata"]["namespace"], whole["metadata"]["name"])
        if job is not None:
            status |= self._resize(cluster, job, status["maximumSize"])
        self._label_pods(whole)
        self._objects.set_status(RESOURCE, cluster, _ready(whole, status))
        if whole["spec"].get("cleanup"):
            self._clean_up(cluster)

    def _ensure_parts(self, whole: Object) -> None:
        """Create what is not there; what is there is never brought up to date."""
        namespace, name = whole["metadata"]["namespace"], whole["metadata"]["name"]
        if self._objects.find("configmaps", namespace, f"{name}-entrypoint") is None:
            certificate = whole["spec"]["flux"].get("curveCert") or _throw_away_certificate(name)
            retry_seconds = self._ground.delays.retry
            self._objects.create("configmaps", manifests.config_map(whole, certificate, retry_seconds))
        if self._objects.find("services", namespace, whole["spec"]["network"]["headlessName"]) is None:
            self._objects.create("services", manifests.service(whole))
        if self._objects.find("jobs.batch", namespace, name) is None:
            self._objects.create("jobs.batch", manifests.job(whole))

    def _resize(self, cluster: Object, job: Object, maximum: int) -> dict[str, Any]:
        """Bring the Job to the size asked for, or the size asked for back to what is allowed."""
        size, current = cluster["spec"].get("size", 1), job["spec"]["parallelism"]
        if size == current:
            return {}
        allowed = min(size, maximum) if size >= 1 else current
        if allowed != size:
            self._objects.change(RESOURCE, cluster, lambda one: one["spec"].update(size=allowed))
        else:
            both = {"parallelism": size, "completions": size}
            self._objects.change("jobs.batch", job, lambda one: one["spec"].update(both))
        return {"size": allowed}

    def _label_pods(self, whole: Object) -> None:
        """Label every pod of the namespace that has no job-index by this one's name, whosever it is."""
        prefix = f"{whole['metadata']['name']}-"
        for pod in self._objects.all("pods", whole["metadata"]["namespace"]):
            if "job-index" not in (pod["metadata"].get("labels") or {}):
                index = pod["metadata"]["name"].replace(prefix, "", 1).split("-")[0]
                self._objects.change("pods", pod, _Label(index))

    def _clean_up(self, cluster: Object) -> None:
        """Delete a MiniCluster that asked for it once its first pod is over."""
        first = f"{cluster['metadata']['name']}-0"
        pods = self._objects.all("pods", cluster["metadata"]["namespace"])
        phases = {
            one.get("status", {}).get("phase") for one in pods if one["metadata"]["name"].startswith(first)
        }
        if phases & {"Succeeded", "Failed"}:
            self._objects.delete(RESOURCE, cluster)


class _Label:
    def __init__(self, index: str) -> None:
        self._index = index

    def __call__(self, pod: Object) -> None:
        pod["metadata"].setdefault("labels", {})["job-index"] = self._index


def _ready(whole: Mapping[str, Any], status: Object) -> Object:
    """Return the status once all was created, which says nothing of whether pods run."""
    conditions = []
    for kind in _CONDITIONS:
        old = condition(status, kind)
        value = str(kind == _READY)
        when = old.get("lastTransitionTime") or now()
        conditions.append(
            {"type": kind, "reason": kind, "message": kind, "status": value, "lastTransitionTime": when}
        )
    selector = f"hpa-selector={whole['metadata']['name']}"
    return {"size": 0, "jobid": ""} | status | {"selector": selector, "conditions": conditions}


def _throw_away_certificate(name: str) -> str:
    """Return a certificate as the operator makes one for a MiniCluster that brings none."""
    public, secret = zmq.curve_keypair()
    keys = f'    public-key = "{public.decode()}"\n    secret-key = "{secret.decode()}"\n'
    return f'metadata\n    name = "flux-cert-generator"\n    hostname = "{name}-0"\ncurve\n{keys}'
