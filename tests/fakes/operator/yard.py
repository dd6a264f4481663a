"""A cluster with an operator, and a lead beside it that its MiniClusters join: for tests of either."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burstd.join import brokerconfig
from burstd.plugins.local.broker import FlavorName
from burstd.stage.lead import Stage
from fakes.kube.store import Store
from fakes.operator.loop import Operator
from fakes.operator.minicluster import RESOURCE
from fakes.operator.objects import Object, condition
from fakes.operator.settings import Delays

PRE = "install -m 0600 /mnt/burst/curve.cert /mnt/flux/config/curve/curve.cert"
QUICK = Delays(back_off=0.05, retry=0.1)
PATIENCE_SECONDS = 30.0


@dataclass
class Yard:
    """A cluster with an operator, and at times a lead that its MiniClusters join."""

    store: Store
    directory: Path
    stack: ExitStack
    operator: Operator = field(init=False)
    stage: Stage | None = None

    def __post_init__(self) -> None:
        self._changed = threading.Event()
        self.stack.callback(self.store.subscribe(self._changed.set))

    def operate(self, **options: Any) -> Operator:
        given: dict[str, Any] = {"directory": self.directory / "k", "delays": QUICK} | options
        self.operator = self.stack.enter_context(Operator(self.store, **given))
        return self.operator

    def lead(self, flavor: FlavorName, **options: Any) -> Stage:
        """Start a lead, and put its certificate where MiniClusters find it."""
        self.stage = self.stack.enter_context(Stage(self.directory / "s", flavor, **options))
        self.give_secret()
        return self.stage

    def give_secret(self) -> None:
        assert self.stage is not None
        metadata = {"name": "burst-secrets", "namespace": "burst"}
        data = {"curve.cert": self.stage.curve_cert.read_text()}
        self.store.create("secrets", {"metadata": metadata, "stringData": data})

    def burst(self, size: int = 4, **spec: Any) -> None:
        """Create the MiniCluster `burst-0`; keywords change its spec, `pre` and `post` its commands."""
        commands = {"pre": spec.pop("pre", PRE), "post": spec.pop("post", "")}
        volume = {"secretName": "burst-secrets", "path": "/mnt/burst", "readOnly": True}
        container = {"image": "app", "volumes": {"burst-secrets": volume}, "commands": commands}
        container |= spec.pop("container", {})
        whole = {"size": size, "interactive": True, "containers": [container], "flux": self.flux()} | spec
        metadata = {"name": "burst-0", "namespace": "burst"}
        self.store.create(RESOURCE, {"metadata": metadata, "spec": whole})

    def flux(self) -> Object:
        if self.stage is None:
            return {}
        curve = "/mnt/flux/config/curve/curve.cert"
        toml = brokerconfig.render_burst(self.stage.join, curve, ignore_hostname=False)
        return {"brokerConfig": toml, "bursting": {"hostlist": "flux-sample-[0-3],burst-0-[0-3]"}}

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until something is so of the cluster; return what the condition returned."""
        deadline = time.monotonic() + seconds
        while True:
            self._changed.clear()
            if found := condition():
                return found
            left = deadline - time.monotonic()
            assert left > 0, f"it is still not so; pods: {self.phases()}; logs: {self.store.logs}"
            self._changed.wait(min(left, 0.5))

    def minicluster(self) -> Object:
        return self.store.get(RESOURCE, "burst", "burst-0") or {}

    def job(self, name: str = "burst-0") -> Object:
        return {"spec": {}, "status": {}} | (self.store.get("jobs.batch", "burst", name) or {})

    def pods(self) -> list[Object]:
        return self.store.list("pods", "burst")

    def hostnames(self) -> list[str]:
        return [pod["spec"].get("hostname", "") for pod in self.pods()]

    def phases(self) -> dict[str, str]:
        return {pod["metadata"]["name"]: pod["status"].get("phase", "") for pod in self.pods()}

    def waiting(self, container: int = 0) -> str:
        """Return why the first pod's container waits; "" if it does not."""
        for pod in self.pods()[:1]:
            for status in pod["status"].get("containerStatuses", [])[container:]:
                return str(status["state"].get("waiting", {}).get("reason", ""))
        return ""

    def events(self, reason: str) -> list[str]:
        return [one["message"] for one in self.store.list("events", "burst") if one["reason"] == reason]

    def log(self, host: str, container: str = "burst-0") -> str:
        logs = self.store.logs.items()
        return "".join(text for key, text in logs if key[1].startswith(f"{host}-") and key[2] == container)

    def restarts(self, host: str) -> int:
        """Return how often the container of a host was started again."""
        pods = [one for one in self.pods() if one["spec"].get("hostname") == host]
        statuses = [status for one in pods for status in one["status"].get("containerStatuses", [])]
        return sum(status["restartCount"] for status in statuses)

    def refusals(self) -> list[str]:
        """Return why pods are not scheduled, a line for each that is not."""
        conditions = [condition(pod["status"], "PodScheduled") for pod in self.pods()]
        return [one["message"] for one in conditions if one.get("reason") == "Unschedulable"]

    def labels(self, key: str) -> list[str]:
        """Return a label of each pod."""
        return [(pod["metadata"].get("labels") or {}).get(key, "") for pod in self.pods()]

    def resize(self, size: int) -> None:
        def change(one: Object) -> None:
            one["spec"]["size"] = size

        self.store.edit(RESOURCE, "burst", "burst-0", change)

    def add_node(
        self, name: str, cpu: str = "8", labels: Mapping[str, str] | None = None, **spec: Any
    ) -> None:
        """Add a Node that is ready; keywords are its spec."""
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name} | dict(labels or {})}
        status = {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": "True"}]}
        self.store.create("nodes", {"metadata": metadata, "spec": spec, "status": status})
