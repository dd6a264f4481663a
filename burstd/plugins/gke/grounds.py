"""Connections to the clusters' own API servers, kept while the clusters are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

from burstd.kube.client import Access, connect
from burstd.kube.ground import Ground
from burstd.plugins.contract import Setting
from burstd.plugins.gke import request
from burstd.plugins.gke.credentials import Credentials
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.seen import ClusterSeen

_Key = tuple[str, ...]
_NAME = 1
"""Where a cluster's name stands in a key."""


class Grounds:
    """What burstd has on each cluster. Used by worker threads."""

    def __init__(
        self, setting: Setting, options: GkeOptions, credentials: Credentials, *, made: bool
    ) -> None:
        """`made`: burstd made the clusters."""
        self._setting = setting
        self._options = options
        self._credentials = credentials
        self._made = made
        self._lock = threading.Lock()
        self._open: dict[_Key, Ground] = {}
        self._silent: dict[_Key, float] = {}

    def of(self, cluster: ClusterSeen, pool: str, node_pool: str) -> Ground:
        """Return what is on a cluster, whose brokers for this pool run in this node pool."""
        key = (*_key(cluster), cluster.endpoint, cluster.ca.decode(), pool, node_pool)
        with self._lock:
            if key not in self._open:
                self._open[key] = self._connect(cluster, pool, node_pool)
            return self._open[key]

    def silence(self, cluster: ClusterSeen, *, answers: bool) -> float:
        """Note whether a cluster's API server answered; return for how long it has not, in seconds."""
        now = time.monotonic()
        with self._lock:
            if answers:
                self._silent.pop(_key(cluster), None)
                return 0.0
            return now - self._silent.setdefault(_key(cluster), now)

    def keep_only(self, names: Collection[str]) -> None:
        """Drop the connections to all but these clusters."""
        with self._lock:
            gone = [key for key in self._open if key[_NAME] not in names]
            closing = [self._open.pop(key) for key in gone]
            self._silent = {key: since for key, since in self._silent.items() if key[_NAME] in names}
        for ground in closing:
            ground.close()

    def close(self) -> None:
        self.keep_only(())

    def _connect(self, cluster: ClusterSeen, pool: str, node_pool: str) -> Ground:
        token = self._credentials.token if self._credentials.found() else None
        access = Access(f"https://{cluster.endpoint}", cluster.ca or None, token, self._credentials.forget)
        machine = request.machine(self._options, pool, node_pool)
        return Ground(
            connect(access),
            self._setting.owner,
            self._options,
            machine,
            made=self._made,
            changed=self._setting.changed,
            lease=self._setting.lease,
        )


def _key(cluster: ClusterSeen) -> _Key:
    return (cluster.location, cluster.name, cluster.id)
