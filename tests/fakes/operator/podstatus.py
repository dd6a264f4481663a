"""What the kubelet tells of a pod: phase, conditions, and the state of each container."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fakes.operator.objects import Object, Objects, now, with_condition


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended."""

    code: int
    started: str
    finished: str
    message: str = ""

    def state(self) -> Object:
        told = {"message": self.message} if self.message else {}
        times = {"startedAt": self.started, "finishedAt": self.finished}
        reason = "Completed" if self.code == 0 else "Error"
        return {"terminated": {"exitCode": self.code, "reason": reason, **told, **times}}


class PodStatus:
    """Keeps the states of a pod's containers, and publishes the pod's status at each change."""

    def __init__(self, objects: Objects, pod: Object) -> None:
        self._objects = objects
        self._pod = pod
        self._lock = threading.Lock()
        self._started = now()
        spec = pod["spec"]
        waiting = "PodInitializing" if spec.get("initContainers") else "ContainerCreating"
        self._init = {one["name"]: _fresh(one, waiting) for one in spec.get("initContainers") or []}
        self._main = {one["name"]: _fresh(one, waiting) for one in spec["containers"]}

    def publish(self) -> None:
        with self._lock:
            self._publish()

    def wait(self, name: str, reason: str, message: str = "") -> None:
        """Say why a container does not run."""
        told = {"message": message} if message else {}
        self._set(name, {"state": {"waiting": {"reason": reason, **told}}, "ready": False, "started": False})

    def run(self, name: str) -> None:
        ready = name in self._main
        self._set(name, {"state": {"running": {"startedAt": now()}}, "ready": ready, "started": True})

    def end(self, name: str, ended: Ended) -> None:
        """Say that a container ended. An init container that did well is ready."""
        ready = name in self._init and ended.code == 0
        self._set(name, {"state": ended.state(), "ready": ready, "started": False})

    def restart(self, name: str, ended: Ended, waiting: str) -> None:
        """Say that a container ended and is started again; `waiting`: not at once, and why."""
        with self._lock:
            status = self._of(name)
            status["restartCount"] += 1
            status |= {"lastState": ended.state(), "ready": False, "started": False}
            status["state"] = (
                {"waiting": {"reason": "CrashLoopBackOff", "message": waiting}} if waiting else ended.state()
            )
            self._publish()

    def _set(self, name: str, change: Mapping[str, Any]) -> None:
        with self._lock:
            status = self._of(name)
            status |= change
            self._publish()

    def _of(self, name: str) -> Object:
        return self._init.get(name) or self._main[name]

    def _publish(self) -> None:
        metadata = self._pod["metadata"]
        current = self._objects.find("pods", metadata["namespace"], metadata["name"])
        if current is None:
            return
        phase = _phase(
            self._init.values(), self._main.values(), self._pod["spec"].get("restartPolicy", "Always")
        )
        status: Object = {"conditions": list((current.get("status") or {}).get("conditions") or [])}
        status = _with_conditions(status, phase, self._init, self._main)
        status |= {"phase": phase, "startTime": self._started, "hostIP": "127.0.0.1", "podIP": "127.0.0.1"}
        status |= {"podIPs": [{"ip": "127.0.0.1"}], "containerStatuses": list(self._main.values())}
        if self._init:
            status["initContainerStatuses"] = list(self._init.values())
        self._objects.set_status("pods", self._pod, status)


def _fresh(container: Mapping[str, Any], waiting: str) -> Object:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": waiting}},
        "lastState": {},
    }


def _phase(init: Iterable[Object], main: Iterable[Object], restart_policy: str) -> str:
    codes = [_code(one) for one in init]
    if restart_policy == "Never" and any(codes):
        return "Failed"
    if any(code != 0 for code in codes) or any(_never_ran(one) for one in main):
        return "Pending"
    codes = [_code(one) for one in main]
    if None in codes or restart_policy == "Always":
        return "Running"
    if not any(codes):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def _code(status: Object) -> int | None:
    code: int | None = status["state"].get("terminated", {}).get("exitCode")
    return code


def _never_ran(status: Object) -> bool:
    return "waiting" in status["state"] and not status["lastState"]


def _with_conditions(
    status: Object, phase: str, init: Mapping[str, Object], main: Mapping[str, Object]
) -> Object:
    status = with_condition(status, "PodScheduled", True)
    done = [name for name, one in init.items() if _code(one) == 0]
    left = [name for name in init if name not in done]
    text = f"containers with incomplete status: [{' '.join(left)}]"
    status = with_condition(
        status, "Initialized", not left, *(("ContainersNotInitialized", text) if left else ())
    )
    unready = [name for name, one in main.items() if not one["ready"]]
    text = f"containers with unready status: [{' '.join(unready)}]"
    why = ("ContainersNotReady", text) if unready else ("", "")
    why = ("PodCompleted", "") if phase == "Succeeded" else why
    for kind in ("Ready", "ContainersReady"):
        status = with_condition(status, kind, not unready and phase == "Running", *why)
    return status
