"""Where remote brokers reach the lead: as it is written down, or as the Service in front of it says now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from burstd.config import Config
from burstd.config.model import AUTO
from burstd.core.errors import EffectError
from burstd.join.papers import Join
from burstd.kube import address
from burstd.kube.client import Cluster
from burstd.kube.watcher import Watcher

log = logging.getLogger("burstd")


class LeadAddress:
    """The address that new bursts are given. With `lead.host: auto` it may change while burstd runs."""

    def __init__(self, config: Config) -> None:
        self._config = config.lead.minicluster
        self._auto = config.lead.host == AUTO
        self._cluster: Cluster | None = None
        self._watcher: Watcher | None = None
        self._known: address.Address | None = None
        self._lock = threading.Lock()

    def of(self, join: Join) -> Join:
        """Return the papers with the address as it is now. Raises NotNow, Never where it cannot be told."""
        if not self._auto:
            return join
        with self._lock:
            found = address.find(self._opened(), self._config.namespace, self._config.service)
            self._note(found)
        return replace(join, lead_host=found.host, lead_port=found.port)

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed`, from a thread, when the pod behind the Service has moved."""
        if not self._auto:
            return
        marks = {"kubernetes.io/service-name": self._config.service}
        cluster, namespace = self._opened(), self._config.namespace

        def look() -> None:
            changed()
            resume()

        def resume() -> None:
            try:
                watcher.resume(cluster.list(address.ENDPOINT_SLICE, namespace, marks).version)
            except EffectError as exc:
                log.warning("burstd does not see when the lead moves to another machine: %s", exc)

        watcher = self._watcher = Watcher(cluster, address.ENDPOINT_SLICE, marks, look, namespace)
        resume()

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        if self._cluster is not None:
            self._cluster.close()

    def _opened(self) -> Cluster:
        if self._cluster is None:
            self._cluster = address.open_lead(self._config.kubeconfig)
        return self._cluster

    def _note(self, found: address.Address) -> None:
        if found != self._known:
            before = f", no longer at {self._known}" if self._known else ""
            log.info("remote brokers reach the lead at %s%s", found, before)
        self._known = found
