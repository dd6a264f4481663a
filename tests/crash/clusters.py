"""The Kubernetes clusters of a run's place: an API server that is listened to, and pods that just run."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.kube import ApiServer
from fakes.kube.requests import Answer, Request
from fakes.operator.daemonsets import DaemonSets
from fakes.operator.jobs import Jobs
from fakes.operator.minicluster import RESOURCE, MiniClusters
from fakes.operator.objects import Object, Objects, is_going
from fakes.operator.settings import Delays, Ground

from burstd.kube import labels

if TYPE_CHECKING:
    from fakes.kube.store import Store

_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}

_UNHEARD = Answer(403, {"kind": "Status", "reason": "Forbidden", "message": "burstd is dead", "code": 403})


class Ear:
    """Shared by every server of a place: told of each request that changes something, before it is applied.

    `told` says whether burstd dies with it; from then on no request is heard, until `deaf` is False again.
    """

    def __init__(self, told: Callable[[str], bool]) -> None:
        self.told = told
        self.deaf = False


class WatchedServer(ApiServer):
    """An API server that tells of each request that changes something."""

    def __init__(self, ear: Ear, **more: Any) -> None:
        super().__init__(**more)
        self._ear = ear
        self.pace.deployment_seconds = 0.0

    def answer(self, request: Request, target: str) -> Answer:
        if self._ear.deaf:
            return _UNHEARD
        dies = request.method in _CHANGING and self._ear.told(request.path)
        answer = super().answer(request, target)
        if dies:
            self._ear.deaf = True
            return _UNHEARD
        return answer


class QuickOperator:
    """The operator's and Kubernetes' controllers; a pod that is made runs, and is nothing more.

    `needs_deployment`: MiniClusters are looked at only once the operator's own Deployment is available.
    """

    def __init__(self, store: Store, directory: Path, *, needs_deployment: bool = False) -> None:
        self._store = store
        ground = Ground(directory, "embedded", Delays(back_off=0.1, retry=0.1), None, False)
        self._objects = Objects(store)
        self._controllers = (
            MiniClusters(self._objects, ground, needs_deployment),
            Jobs(self._objects),
            DaemonSets(self._objects),
        )
        self._woken = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="quick operator", daemon=True)

    def __enter__(self) -> QuickOperator:
        self._store.hold_pods = True
        self._unsubscribe = self._store.subscribe(self._woken.set)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._woken.set()
        self._thread.join()
        self._unsubscribe()
        self._store.hold_pods = False

    def _work(self) -> None:
        while not self._closing:
            self._woken.clear()
            for controller in self._controllers:
                controller.sync()
            for pod in self._objects.all("pods"):
                self._bring_forward(pod)
            self._woken.wait()

    def _bring_forward(self, pod: Object) -> None:
        if is_going(pod):
            self._objects.finish("pods", pod)
        elif (pod.get("status") or {}).get("phase") != "Running":
            self._objects.change("pods", pod, _run)


def _run(pod: Object) -> None:
    pod["spec"]["nodeName"] = "node-0"
    ready = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]
    pod["status"] = {"phase": "Running", "conditions": ready}


def namespaces(store: Store, owner: str) -> dict[str, Object]:
    """Return the namespaces of an owner's bursts, by name."""
    found = store.list("namespaces")
    return {one["metadata"]["name"]: one for one in found if labels.bears(one, {labels.OWNER: owner})}


def running(store: Store, namespace: str) -> frozenset[str]:
    """Return the hosts whose pods run in a namespace."""
    return frozenset(pod["spec"]["hostname"] for pod in _pods(store, namespace) if not is_going(pod))


def is_settled(store: Store) -> bool:
    """Say whether as many pods run as are asked for, and none is on its way."""
    return all(_has_its_pods(store, burst) for burst in store.list(RESOURCE))


def within(store: Store, names: Collection[str]) -> list[Any]:
    """Return what all the objects are that are these namespaces, or in one of them."""
    found = (one["metadata"] for _, one in store.everything())
    return sorted((one for one in found if {one["name"], one.get("namespace", "")} & set(names)), key=str)


def everything(store: Store) -> list[tuple[str, str]]:
    """Return what there is, by resource and name, but for the machines."""
    found = ((kind, one["metadata"]["name"]) for kind, one in store.everything())
    return sorted(one for one in found if one[0] != "nodes")


def occupy(store: Store, name: str, pool: str, owner: str) -> bool:
    """Make a namespace without labels, or with another owner's; say whether it was not there yet."""
    if store.get("namespaces", "", name) is not None:
        return False
    marks = {labels.OWNER: owner, labels.POOL: pool, labels.GENERATION: name.rpartition("-g")[2]}
    store.create("namespaces", {"metadata": {"name": name, "labels": marks if owner else {}}})
    store.create("configmaps", {"metadata": {"name": "theirs", "namespace": name}})
    return True


def telling(store: Store, secret: str) -> Iterator[str]:
    """Yield which objects have a secret in them, of those that must not."""
    for resource, one in store.everything():
        if resource != "secrets" and secret in json.dumps(one):
            yield f"{resource} {one['metadata']['name']}"


def _pods(store: Store, namespace: str) -> list[Object]:
    return [pod for pod in store.list("pods", namespace) if pod["spec"].get("hostname")]


def _has_its_pods(store: Store, burst: Object) -> bool:
    pods = _pods(store, burst["metadata"]["namespace"])
    run = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    return not (is_going(burst) or any(map(is_going, pods))) and len(run) == burst["spec"]["size"]
