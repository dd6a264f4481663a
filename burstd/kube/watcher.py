"""Wakes burstd when pods of its bursts change: a watch that continues where the latest list ended.

A watch only says that something changed; what is so now, the next list shows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from burstd.core.errors import EffectError
from burstd.kube.client import Cluster
from burstd.kube.kinds import Kind

AGAIN_SECONDS = 2.0
"""After a watch broke off, before the list is asked for that the next one continues."""


class Watcher:
    """One watch at a time over the objects of a kind that bear some labels."""

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        labels: Mapping[str, str],
        changed: Callable[[], None],
        namespace: str = "",
    ) -> None:
        self._namespace = namespace
        self._cluster = cluster
        self._kind = kind
        self._labels = labels
        self._changed = changed
        self._lock = threading.Lock()
        self._watching = False
        self._closed = threading.Event()

    def resume(self, version: str) -> None:
        """Watch from the version of a list on, until the first change; unless a watch is under way."""
        with self._lock:
            if self._watching or self._closed.is_set() or not version:
                return
            self._watching = True
        threading.Thread(target=self._watch, args=(version,), name="watch pods", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _watch(self, version: str) -> None:
        try:
            self._until_changed(version)
        except EffectError:
            self._closed.wait(AGAIN_SECONDS)
        finally:
            with self._lock:
                self._watching = False
        if not self._closed.is_set():
            self._changed()

    def _until_changed(self, version: str) -> None:
        """A bookmark only says how far the server got; a watch that ended in order needs a new list, too."""
        for event in self._cluster.watch(self._kind, version, self._namespace, self._labels):
            if event["type"] != "BOOKMARK" or self._closed.is_set():
                return
