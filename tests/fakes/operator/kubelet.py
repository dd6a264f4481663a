"""The kubelets of all Nodes: begin the life of each pod that is bound, end it when the pod is to go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, MutableMapping

from burstd.stage import machine
from fakes.operator import pods
from fakes.operator.objects import Object, Objects, is_going
from fakes.operator.podlife import Node, PodLife
from fakes.operator.scheduler import ANY_NODE
from fakes.operator.settings import Ground


class Kubelet:
    """Has a thread for each pod that lives."""

    def __init__(
        self,
        objects: Objects,
        ground: Ground,
        logs: MutableMapping[tuple[str, str, str], str],
        wake: Callable[[], None],
        port: int | None = None,
    ) -> None:
        """`port` is where the first broker of every Job listens; None: each has a port of its own."""
        self._only_port = port
        self._objects = objects
        self._ground = ground
        self._wake = wake
        self._ports: dict[str, int] = {}
        self._node = Node(set(), logs, self._port)
        self._lives: dict[str, PodLife] = {}
        self._numbers = itertools.count(1)

    def sync(self) -> None:
        found = {pod["metadata"]["uid"]: pod for pod in self._objects.all("pods")}
        nodes = {node["metadata"]["name"] for node in self._objects.all("nodes")} | {ANY_NODE}
        for uid, pod in found.items():
            self._sync_one(uid, pod, nodes)
        for uid in self._lives.keys() - found.keys():
            self._end(uid, at_once=True)

    def close(self) -> None:
        """End every pod; return when nothing of any is left."""
        for life in self._lives.values():
            life.stop()
        for life in self._lives.values():
            life.discard()
        self._lives.clear()

    def _sync_one(self, uid: str, pod: Object, nodes: set[str]) -> None:
        bound, life = pod["spec"].get("nodeName"), self._lives.get(uid)
        if bound and bound not in nodes:
            if not is_going(pod):
                self._objects.delete("pods", pod)
            if self._end(uid, at_once=True):
                self._objects.finish("pods", pod)
        elif is_going(pod):
            if self._end(uid, at_once=pod["metadata"].get("deletionGracePeriodSeconds") == 0):
                self._objects.finish("pods", pod)
        elif life is not None:
            life.note_change()
        elif bound and not pods.is_over(pod):
            self._begin(uid, pod)

    def _begin(self, uid: str, pod: Object) -> None:
        directory = self._ground.directory / str(next(self._numbers))
        life = PodLife(self._objects, self._ground, self._node, pod, directory, self._wake)
        self._lives[uid] = life
        life.start()

    def _end(self, uid: str, *, at_once: bool) -> bool:
        """Have a pod end; say whether nothing of it is left."""
        life = self._lives.get(uid)
        if life is None:
            return True
        if not life.over.is_set():
            life.stop(at_once=at_once)
            return False
        del self._lives[uid]
        life.discard()
        return True

    def _port(self, owner: str) -> int:
        """Return where the first broker of a Job's pods listens."""
        return self._only_port or self._ports.setdefault(owner, machine.free_port())
