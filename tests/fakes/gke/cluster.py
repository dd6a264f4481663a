"""One cluster of the fake: what GKE shows of it, its API server, its machines."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.cloud import container_v1 as gke

from burstd.stage import machine
from fakes.gke.bill import Bill
from fakes.gke.faults import Faults
from fakes.gke.machines import Machines
from fakes.gke.settings import Delays
from fakes.kube import ApiServer

Attach = Callable[[str, ApiServer], Any]
"""Puts something on a new cluster, told its name and API server; a context manager ends with it."""

State = gke.Cluster.Status


class Cluster:
    """`shown` is the message that GKE shows. Changed under the fake's lock alone."""

    def __init__(
        self,
        asked: Any,
        zone: str,
        delays: Delays,
        bill: Bill,
        faults: Faults,
        api: ApiServer,
    ) -> None:
        self.shown = type(asked)()
        self.shown.CopyFrom(asked)
        self.zone = zone
        self.operation = ""
        """The operation that runs on it, by its name; "" if none does."""
        self.made_at = time.monotonic()
        self.api = api
        self.machines = Machines(self.api.store, asked.name, delays, bill, faults)
        self._attached: Any = None
        self._tearing = threading.Lock()
        self._answers = False
        self._dress()

    @property
    def name(self) -> str:
        return str(self.shown.name)

    @property
    def path(self) -> str:
        return f"clusters/{self.name}"

    def reserve(self) -> int:
        """Show an address at which nobody answers yet; return its port."""
        port = machine.free_port()
        self._show(f"127.0.0.1:{port}")
        return port

    def open(self, port: int, attach: Attach | None) -> None:
        """Have the API server answer."""
        self.api.start(port)
        self._answers = True
        self.machines.start()
        self._attached = attach(self.name, self.api) if attach else None
        if hasattr(self._attached, "__enter__"):
            self._attached.__enter__()

    def close(self) -> None:
        """End everything that runs on it."""
        with self._tearing:
            if hasattr(self._attached, "__exit__"):
                self._attached.__exit__(None, None, None)
            self._attached = None
            self.machines.stop()
            if self._answers:
                self.api.stop()
            self._answers = False

    def show_address(self) -> None:
        self._show(self.api.url.removeprefix("https://"))

    def set_labels(self, labels: dict[str, str]) -> None:
        self.shown.resource_labels.clear()
        self.shown.resource_labels.update(labels)
        self.shown.label_fingerprint = secrets.token_hex(4)

    def pool(self, name: str) -> Any:
        return next((pool for pool in self.shown.node_pools if pool.name == name), None)

    def _show(self, endpoint: str) -> None:
        self.shown.endpoint = endpoint
        self.shown.master_auth.cluster_ca_certificate = base64.b64encode(self.api.ca_pem).decode()

    def _dress(self) -> None:
        """Fill in what GKE says of every cluster."""
        shown = self.shown
        shown.id = secrets.token_hex(32)
        shown.location = shown.zone = self.zone
        shown.create_time = datetime.now(UTC).isoformat()
        shown.status = int(State.PROVISIONING)
        shown.label_fingerprint = secrets.token_hex(4)
        for pool in shown.node_pools:
            pool.status = int(gke.NodePool.Status.PROVISIONING)
