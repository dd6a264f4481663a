"""The machines of one cluster: Nodes that boot, are added for pods that wait, and go when not needed."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakes.gke.bill import Bill
from fakes.gke.faults import Faults
from fakes.gke.settings import Delays
from fakes.kube import Refused, Store
from fakes.operator import quantities, reclaims
from fakes.operator.objects import Objects, condition, is_going, suffix
from fakes.operator.reclaims import Notice
from fakes.operator.scheduler import fits

Object = dict[str, Any]

NODE_POOL = "cloud.google.com/gke-nodepool"

_FAILED = (
    "Node scale up in zones us-central1-a associated with this pod failed: {why}. "
    "Pod is at risk of not being scheduled."
)
_EFFECTS = {1: "NoSchedule", 2: "PreferNoSchedule", 3: "NoExecute"}
_ARM = ("t2a", "c4a", "n4a")
_LOOK_SECONDS = 0.05


@dataclass
class Machine:
    """One machine. It is a Node once it has booted."""

    name: str
    pool: str
    ready_at: float
    booted: bool = False
    idle_since: float = field(default_factory=time.monotonic)


class Machines:
    """The machines and the autoscaler of a cluster; its thread runs from `start` to `stop`."""

    def __init__(self, store: Store, cluster: str, delays: Delays, bill: Bill, faults: Faults) -> None:
        self.pools: dict[str, Any] = {}
        """The NodePool messages, by name."""
        self.exhausted = False
        """Whether the zone has no machines left to add."""
        self._faults = faults
        self._store = store
        self._objects = Objects(store)
        self._cluster = cluster
        self._delays = delays
        self._bill = bill
        self._machines: dict[str, Machine] = {}
        self._lock = threading.RLock()
        self._told: set[str] = set()
        self._woken = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"autoscaler {cluster}", daemon=True)

    def start(self) -> None:
        self._unsubscribe: Callable[[], None] = self._store.subscribe(self._woken.set)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; every machine is gone."""
        self._closing = True
        self._woken.set()
        if self._thread.is_alive():
            self._unsubscribe()
            self._thread.join()
        for name in list(self.pools):
            self.remove_pool(name)

    def add_pool(self, pool: Any, count: int) -> None:
        """Have a node pool, and its first machines booted."""
        with self._lock:
            self.pools[pool.name] = pool
            for _ in range(count):
                if not pool.autoscaling.enabled or self._faults.take_machine():
                    self._boot(pool.name)
        self._woken.set()

    def take_back(self, name: str, seconds: float, notice: Notice = "GKE") -> None:
        """Have the cloud take a machine back: it says so now, and does it so much later."""
        reclaims.tell(self._store, name, notice)

        def end() -> None:
            with self._lock:
                if name in self._machines:
                    self._take_away(self._machines[name])
            self._woken.set()

        reclaims.later(seconds, end)

    def remove_pool(self, name: str) -> None:
        """Take a node pool's machines away."""
        with self._lock:
            self.pools.pop(name, None)
            for machine in [one for one in self._machines.values() if one.pool == name]:
                self._take_away(machine)

    def count(self, pool: str) -> int:
        with self._lock:
            return sum(machine.pool == pool for machine in self._machines.values())

    def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            with self._lock:
                self._finish_boots()
                self._scale_up()
                self._scale_down()
            self._woken.wait(_LOOK_SECONDS)

    def _boot(self, pool: str) -> Machine:
        name = f"gke-{self._cluster}-{pool}-{suffix(8)}"[:63]
        self._machines[name] = Machine(name, pool, time.monotonic() + self._delays.node)
        self._bill.begin(name)
        return self._machines[name]

    def _finish_boots(self) -> None:
        for machine in self._machines.values():
            if not machine.booted and time.monotonic() >= machine.ready_at:
                machine.booted, machine.idle_since = True, time.monotonic()
                self._store.create("nodes", node(self.pools[machine.pool], machine.name))

    def _scale_up(self) -> None:
        """Add machines for the pods that have no place, neither on those there nor on those that boot."""
        rooms = self._rooms()
        for pod in filter(_has_no_place, self._store.list("pods")):
            pool = next((one for one in self.pools.values() if self._is_for(pod, one)), None)
            if pool is None:
                continue
            wanted = quantities.requests(pod)
            room = next((room for name, room in rooms if name == pool.name and _fits_in(wanted, room)), None)
            if room is None:
                room = self._add(pod, pool)
                rooms.append((pool.name, room))
            room.subtract(wanted)

    def _add(self, pod: Object, pool: Any) -> Counter[str]:
        """Add a machine for a pod if that can be; return its room."""
        if self.count(pool.name) >= pool.autoscaling.max_node_count:
            text = "pod didn't trigger scale-up: 1 max node group size reached"
            self._note(pod, "NotTriggerScaleUp", text, "Normal")
            return Counter()
        if self.exhausted or not self._faults.take_machine():
            self._note(pod, "FailedScaleUp", _FAILED.format(why=self._faults.lacking))
            return Counter()
        self._note(pod, "TriggeredScaleUp", f"pod triggered scale-up: [{{{pool.name} +1}}]", "Normal")
        return self._room(self._boot(pool.name))

    def _rooms(self) -> list[tuple[str, Counter[str]]]:
        """Return what is free on each machine, with its pool."""
        rooms = {machine.name: self._room(machine) for machine in self._machines.values()}
        for pod in self._store.list("pods"):
            home = rooms.get(pod["spec"].get("nodeName", ""))
            if home is not None and not _is_over(pod):
                home.subtract(quantities.requests(pod))
        return [(self._machines[name].pool, room) for name, room in rooms.items()]

    def _scale_down(self) -> None:
        now, used = time.monotonic(), self._used()
        for machine in list(self._machines.values()):
            if machine.name in used or not machine.booted:
                machine.idle_since = now
            elif self._autoscales(machine) and now - machine.idle_since >= self._delays.unneeded:
                self._take_away(machine)

    def _autoscales(self, machine: Machine) -> bool:
        return bool(self.pools[machine.pool].autoscaling.enabled)

    def _take_away(self, machine: Machine) -> None:
        self._machines.pop(machine.name, None)
        self._bill.end(machine.name)
        try:
            self._store.delete("nodes", "", machine.name)
        except Refused:
            return

    def _used(self) -> set[str]:
        pods = self._store.list("pods")
        return {pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName") and not _is_over(pod)}

    def _is_for(self, pod: Object, pool: Any) -> bool:
        """Say whether a new machine of a node pool would take a pod: one that names it, as burstd's do."""
        template = node(pool, "template")
        chosen = (pod["spec"].get("nodeSelector") or {}).get(NODE_POOL) == pool.name
        return chosen and pool.autoscaling.enabled and fits(pod, template)

    def _room(self, machine: Machine) -> Counter[str]:
        return quantities.allocatable(node(self.pools[machine.pool], machine.name))

    def _note(self, pod: Object, reason: str, message: str, kind: str = "Warning") -> None:
        key = f"{pod['metadata']['uid']} {reason}"
        if key not in self._told:
            self._told.add(key)
            self._objects.note(pod, reason, message, kind)


def node(pool: Any, name: str) -> Object:
    """Return the Node that a machine of this pool is."""
    cpu = allocatable_millicores(pool)
    gpus = sum(one.accelerator_count for one in pool.config.accelerators)
    allocatable = {"cpu": f"{cpu}m", "memory": "6Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {NODE_POOL: pool.name, **pool.config.labels}},
        "spec": {"taints": _taints(pool)},
        "status": {
            "allocatable": allocatable | ({"nvidia.com/gpu": str(gpus)} if gpus else {}),
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def allocatable_millicores(pool: Any) -> int:
    """Return what GKE leaves to pods: all but 6 % of one core, 1 % of the next, 0.5 % of two, then 0.25 %."""
    threads = pool.config.advanced_machine_features.threads_per_core
    size = re.search(r"-(\d+)(?:-lssd)?$", pool.config.machine_type)
    vcpus = int(size[1]) if size else 4
    cores = max(vcpus // 2, 1) if threads == 1 else vcpus
    parts = (60, 10, 5, 5)
    kept = sum(parts[:cores]) + 2.5 * max(cores - len(parts), 0)
    return int(cores * 1000 - kept)


def _taints(pool: Any) -> list[Object]:
    taints = [
        {"key": one.key, "value": one.value, "effect": _EFFECTS[one.effect]} for one in pool.config.taints
    ]
    if pool.config.machine_type.startswith(_ARM):
        taints.append({"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"})
    if pool.config.accelerators:
        taints.append({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"})
    return taints


def _has_no_place(pod: Object) -> bool:
    """Say whether the scheduler found no Node for a pod."""
    told = condition(pod.get("status") or {}, "PodScheduled")
    unscheduled = told.get("status") == "False" and told.get("reason") == "Unschedulable"
    return unscheduled and not pod["spec"].get("nodeName") and not is_going(pod)


def _is_over(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _fits_in(wanted: Counter[str], room: Counter[str]) -> bool:
    return all(amount <= room[what] for what, amount in wanted.items())
