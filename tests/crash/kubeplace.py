"""Kubernetes for a run: the real provider over real sockets, a fake API server, pods that just run.

What is there is mirrored into the run's cloud, so that every invariant looks at both alike.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.kube import ApiServer
from fakes.kube.requests import Answer, Request
from fakes.kube.server import Lost
from fakes.operator.daemonsets import DaemonSets
from fakes.operator.install import install
from fakes.operator.jobs import Jobs
from fakes.operator.minicluster import MiniClusters
from fakes.operator.objects import Object, Objects, is_going
from fakes.operator.settings import Delays, Ground

from burstd.core.model import Pool, Verb
from burstd.join import curve
from burstd.join.papers import Declared, Join
from burstd.kube import labels
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.kubernetes import make
from crash.cloud import Plot
from crash.points import Occurrence, Point

if TYPE_CHECKING:
    from fakes.kube.store import Store

    from crash.run import Run

IMAGE = "registry.example.org/flux:0.88.0"

ON_CLUSTER = (Verb.PROVISION, Verb.LAUNCH, Verb.RESIZE, Verb.REMOVE, Verb.RENEW)

SETTLED_SECONDS = 2.0
"""The longest that pods are waited for which are about to run, or to go."""

_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


class QuickOperator:
    """The operator's and Kubernetes' controllers; a pod that is made runs, and is nothing more."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        ground = Ground(directory, "embedded", Delays(back_off=0.1, retry=0.1), None, False)
        self._objects = Objects(store)
        self._controllers = (
            MiniClusters(self._objects, ground, needs_deployment=False),
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


def _namespace(one: Object) -> str:
    return str(one["metadata"].get("namespace", ""))


def _run(pod: Object) -> None:
    pod["spec"]["nodeName"] = "node-0"
    ready = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]
    pod["status"] = {"phase": "Running", "conditions": ready}


class WatchedServer(ApiServer):
    """An API server that tells of each request that changes something, and may then be heard no more."""

    def __init__(self) -> None:
        super().__init__()
        self.changing: Callable[[Request], bool] = lambda _: False
        """Told of a request before it is applied; says whether burstd dies with it."""
        self.deaf = False

    def answer(self, request: Request, target: str) -> Answer:
        if self.deaf:
            raise Lost
        dies = request.method in _CHANGING and self.changing(request)
        answer = super().answer(request, target)
        if dies:
            self.deaf = True
            raise Lost
        return answer


class KubernetesPlace:
    """One cluster, on which burstd has a namespace for each burst."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="k-"))
        self._directory = Path(folder).resolve()
        self.api = self._stack.enter_context(WatchedServer())
        self.api.pace.deployment_seconds = 0.0
        install(self.api.store)
        self._stack.enter_context(QuickOperator(self.api.store, self._directory))
        self.api.write_kubeconfig(self._directory / "kubeconfig")
        curve.write(self._directory / "curve.cert", "matrix")
        self._providers: list[Any] = []
        self._requests = 0
        self.under_way: Occurrence | None = None
        self.api.changing = self._see_request
        self._foreign: list[str] = []
        self._before: list[Any] = []
        self._add_foreign()

    @property
    def secret(self) -> str:
        """What must be told nowhere but in a Secret."""
        text = (self._directory / "curve.cert").read_text()
        return next(line.split('"')[1] for line in text.splitlines() if "secret-key" in line)

    def join(self, pool: Pool) -> Join:
        hosts = f"{pool.name}-[0-{pool.size - 1}]"
        declared = (Declared("lead-0", pool.shape), Declared(hosts, pool.shape))
        certificate = self._directory / "curve.cert"
        return Join("127.0.0.1", 8050, declared, certificate, version="0.88.0", image=IMAGE)

    def provider(self, owner: str, prefix: str) -> Provider:
        """Return a provider as a burstd that has just started has it."""
        options = {
            "kubeconfig": str(self._directory / "kubeconfig"),
            "listing_seconds": 5.0,
            "patience_seconds": 0.05,
            "paid": True,
            "prepull": False,
        }
        made = make(Setting(owner, prefix, self._directory, options, "pools[0].options"))
        self._providers.append(made)
        return made

    def begin(self, one: Occurrence) -> None:
        """An effect is about to be made."""
        self.under_way, self._requests = one, 0

    def end_life(self) -> None:
        """Burstd is dead: its connections are gone, and who comes next is heard."""
        for provider in self._providers:
            provider.close()
        self._providers.clear()
        self.api.deaf = False
        self.mirror()

    def close(self) -> None:
        self.end_life()
        self._stack.close()

    def mirror(self) -> None:
        """Show what is there in the run's cloud."""
        self._settle()
        cloud, there = self._run.cloud, self._namespaces()
        for plot in [plot for plot in cloud.ours() if plot.name not in there]:
            cloud.drop(plot)
        for name, namespace in there.items():
            plot = cloud.find(name)
            if plot is None:
                marks = labels.read(namespace)
                pool, generation = marks.get(labels.POOL, ""), labels.generation(namespace)
                plot = Plot(name, self._run.cloud.owner, pool, generation, self._run.clock())
                cloud.add(plot)
            self._mirror_hosts(plot)

    def _mirror_hosts(self, plot: Plot) -> None:
        running = {pod["spec"]["hostname"] for pod in self._pods(plot.name) if not is_going(pod)}
        for host in [host for host in plot.hosts if host not in running]:
            self._run.cloud.take_host(plot, host)
        for host in running - plot.hosts.keys():
            plot.hosts[host] = self._run.clock()
        plot.size = len(plot.hosts)

    def _namespaces(self) -> dict[str, Object]:
        found = self.api.store.list("namespaces")
        return {
            one["metadata"]["name"]: one
            for one in found
            if labels.bears(one, {labels.OWNER: self._run.cloud.owner})
        }

    def _pods(self, namespace: str) -> list[Object]:
        return [pod for pod in self.api.store.list("pods", namespace) if pod["spec"].get("hostname")]

    def _settle(self) -> None:
        """Wait until as many pods run as are asked for."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while not self._is_settled() and time.monotonic() < deadline:
            time.sleep(0.002)

    def _is_settled(self) -> bool:
        for burst in self.api.store.list("miniclusters.flux-framework.org"):
            pods = self._pods(burst["metadata"]["namespace"])
            running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
            if is_going(burst) or any(map(is_going, pods)) or len(running) != burst["spec"]["size"]:
                return False
        return True

    def _see_request(self, request: Request) -> bool:
        one, named = self.under_way, self._named(request.path)
        self._run.see_call(ON_CLUSTER, **named)
        if one is None:
            return False
        self._requests += 1
        half = Occurrence(f"{one.what} request {self._requests}", one.number)
        return self._run.fate.meets(half, Point.HALF)

    def _named(self, path: str) -> dict[str, Any]:
        """Return what an intent must name for a request within a burst's namespace."""
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        for pool in self._run.policy.pools:
            stem = f"{self._run.prefix}-{pool.name}-g"
            if namespace.startswith(stem) and namespace.removeprefix(stem).isdigit():
                return {"pool": pool.name, "generation": int(namespace.removeprefix(stem))}
        return {}

    def _add_foreign(self) -> None:
        """Have namespaces there that look like burstd's, without its labels, or with another owner's."""
        pool = self._run.policy.pools[0]
        for number, owner in ((1, ""), (2, "somebody-else")):
            self.occupy(f"{self._run.prefix}-{pool.name}-g{number}", owner)

    def occupy(self, name: str, owner: str) -> None:
        """Make a namespace without labels, or with another owner's; one that is there stays."""
        if self.api.store.get("namespaces", "", name) is not None:
            return
        pool, generation = self._run.policy.pools[0].name, name.rpartition("-g")[2]
        marks = {labels.OWNER: owner, labels.POOL: pool, labels.GENERATION: generation}
        metadata = {"name": name, "labels": marks if owner else {}}
        self.api.store.create("namespaces", {"metadata": metadata})
        self.api.store.create("configmaps", {"metadata": {"name": "theirs", "namespace": name}})
        self._foreign.append(name)
        self._before = self._strangers()

    def _strangers(self) -> list[Any]:
        """Return all that is in namespaces of others."""
        found = [one["metadata"] for name in self._foreign for one in self._within(name)]
        return sorted(found, key=str)

    def _within(self, namespace: str) -> list[Object]:
        everything = (one for _, one in self.api.store.everything())
        return [one for one in everything if namespace in (_namespace(one), one["metadata"]["name"])]

    def check(self) -> None:
        """Look at what only this place can tell."""
        if self._strangers() != self._before:
            self._run.say("nothing foreign is touched", "a namespace of somebody else's was changed")
        for resource, one in self.api.store.everything():
            if resource != "secrets" and self.secret in str(one):
                self._run.say("secrets", f"{resource} {one['metadata']['name']} has the secret key")
