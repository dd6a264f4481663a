"""The fake as a whole: one thread that brings every controller forward whenever the cluster changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from burstd.plugins.local import launch, processes
from burstd.plugins.local.broker import FlavorName, executables
from fakes.kube.store import Store
from fakes.operator.daemonsets import DaemonSets
from fakes.operator.jobs import Jobs
from fakes.operator.kubelet import Kubelet
from fakes.operator.minicluster import MiniClusters
from fakes.operator.objects import Objects
from fakes.operator.scheduler import Nodes, Scheduler
from fakes.operator.settings import Delays, Ground, ImageBehaviour


class Operator:
    """A Flux Operator, and what of Kubernetes its MiniClusters need, for as long as the context lasts.

    `directory` should have a short path, for the sockets of brokers in it; it need not be there yet.
    With `needs_deployment` MiniClusters are looked at only while the operator's Deployment is available.
    `images`: all that can be pulled, and the operator's own; None: everything can.
    `nodes`: with "any", pods of a cluster that has no Node objects are placed all the same.
    `one_per_node`: two pods of MiniClusters never share a Node; else the room there is decides, as with the
    real operator, which only prefers it.
    `deaf`: pods never hear SIGTERM, so that each takes its whole grace time to end.
    `attributes` are further arguments of every broker, such as `-Scores=4`. `private` are paths, besides
    volumes, that containers write to.
    `uts`: whether each pod gets a host name of its own, where this is allowed; else its broker does not
    verify it, and the lead's must not either. `port`: where the first broker of a MiniCluster listens.
    """

    def __init__(
        self,
        store: Store,
        *,
        directory: Path,
        flavor: FlavorName = "embedded",
        images: Mapping[str, ImageBehaviour] | None = None,
        delays: Delays = Delays(),  # noqa: B008, RUF100 - frozen
        nodes: Nodes = "any",
        needs_deployment: bool = True,
        one_per_node: bool = False,
        deaf: bool = False,
        attributes: tuple[str, ...] = (),
        private: tuple[str, ...] = ("/etc/munge", "/run/munge"),
        uts: Literal["auto", "never"] = "auto",
        port: int | None = None,
    ) -> None:
        named = uts == "auto" and launch.can_name_hosts()
        self._ground = Ground(
            directory.resolve(), flavor, delays, images, named, deaf, tuple(attributes), tuple(private)
        )
        self._store = store
        self._woken = threading.Event()
        self._closing = False
        objects = Objects(store)
        self._daemon_sets = DaemonSets(objects)
        self._clusters = MiniClusters(objects, self._ground, needs_deployment)
        self._jobs = Jobs(objects)
        self._scheduler = Scheduler(objects, nodes, one_per_node)
        self._kubelet = Kubelet(objects, self._ground, store.logs, self._woken.set, port)
        self._thread = threading.Thread(target=self._run, name="operator", daemon=True)

    def __enter__(self) -> Self:
        self._ground.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store.hold_pods = True
        self._unsubscribe = self._store.subscribe(self._woken.set)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._woken.set()
        self._thread.join()
        self._unsubscribe()
        self._kubelet.close()
        self._store.hold_pods = False
        launch.remove_tree(self._ground.directory)

    @property
    def broker_pids(self) -> dict[int, str]:
        """Return the brokers that run in pods: pid and host."""
        found = processes.find_by_argument(f"-Srundir={self._ground.directory}/", executables())
        return {process.pid: _host(process.pid) for process in found}

    def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            seconds = self._sync()
            self._woken.wait(seconds)

    def _sync(self) -> float | None:
        """Bring all controllers forward; return the seconds until one of them wants to look again."""
        self._daemon_sets.sync()
        self._clusters.sync()
        seconds = self._jobs.sync()
        self._scheduler.sync()
        self._kubelet.sync()
        return None if seconds is None else min(max(seconds, 0.0), threading.TIMEOUT_MAX)


def _host(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return ""
    return next((word.removeprefix("-Shostname=") for word in words if word.startswith("-Shostname=")), "")
