"""The Nodes of a cluster, followed for one thing: whose machine the cloud takes back.

They are listed once and then watched, since a large cluster has many and each tells of itself often. Where
the user may not list Nodes, the pods alone tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from burstd.core.errors import EffectError
from burstd.kube.client import Cluster
from burstd.kube.kinds import NODE, Manifest
from burstd.kube.reclaims import told_by_node
from burstd.kube.refusals import Forbidden

log = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0
"""After a watch broke off, before Nodes are listed again."""

FORBIDDEN_SECONDS = 600.0
"""Before Nodes are asked for again that the user may not list."""

UNASKED_SECONDS = 60.0
"""Nodes of which nobody asked for so long are followed to the end of the present watch, and no longer."""


class Nodes:
    """The Nodes that bear some labels; used by worker threads."""

    def __init__(self, cluster: Cluster, labels: Mapping[str, str], changed: Callable[[], None]) -> None:
        """Follow nothing so far. `changed` is called when `taken` would tell something else than before."""
        self._cluster = cluster
        self._labels = dict(labels)
        self._changed = changed
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._following = False
        self._known: dict[str, bool] = {}
        self._gone: set[str] = set()
        self._asked: frozenset[str] = frozenset()
        self._asked_at = 0.0
        self._resting_until = 0.0

    def close(self) -> None:
        """Follow nothing any more."""
        self._closed.set()

    def taken(self, names: Collection[str]) -> frozenset[str]:
        """Return those of the named Nodes whose machine goes, or has gone.

        Of one that was never seen nothing is known, nor where Nodes cannot be listed; that is no error.
        """
        with self._lock:
            self._asked, self._asked_at = frozenset(names), time.monotonic()
            rests = self._following or self._closed.is_set() or time.monotonic() < self._resting_until
        if names and not rests:
            self._begin()
        with self._lock:
            return self._verdict()

    def _begin(self) -> None:
        """List the Nodes here, so that the first answer is complete; then follow them in a thread."""
        version = self._list()
        with self._lock:
            if not version or self._following:
                return
            self._following = True
        threading.Thread(target=self._follow, args=(version,), name="watch Nodes", daemon=True).start()

    def _list(self) -> str:
        """Learn all Nodes; return the version from which to go on, "" where they cannot be listed."""
        try:
            listed = self._cluster.list(NODE, labels=self._labels)
        except Forbidden as exc:
            log.info("which machines the cloud takes back is told by pods alone: %s", exc)
            self._resting_until = time.monotonic() + FORBIDDEN_SECONDS
            return ""
        except EffectError as exc:
            log.debug("the Nodes cannot be seen now: %s", exc)
            return ""
        self._learn(listed.items)
        return listed.version

    def _follow(self, version: str) -> None:
        try:
            while version and not self._closed.is_set():
                self._watch(version)
                if time.monotonic() - self._asked_at > UNASKED_SECONDS:
                    return
                version = self._list()
        finally:
            with self._lock:
                self._following = False

    def _watch(self, version: str) -> None:
        try:
            for event in self._cluster.watch(NODE, version, labels=self._labels):
                if event["type"] != "BOOKMARK":
                    self._note(event["object"], gone=event["type"] == "DELETED")
        except EffectError as exc:
            log.debug("the Nodes are listed again: %s", exc)
            self._closed.wait(AGAIN_SECONDS)

    def _learn(self, nodes: Iterable[Manifest]) -> None:
        found = {node["metadata"]["name"]: told_by_node(node) for node in nodes}
        with self._lock:
            before = self._verdict()
            missing = self._known.keys() - found.keys()
            self._gone = ((self._gone & self._asked) | missing) - found.keys()
            self._known = found
            news = self._verdict() != before
        if news:
            self._changed()

    def _note(self, node: Manifest, *, gone: bool) -> None:
        name = node["metadata"]["name"]
        with self._lock:
            before = self._verdict()
            if gone:
                self._known.pop(name, None)
                self._gone.add(name)
            else:
                self._known[name] = told_by_node(node)
                self._gone.discard(name)
            news = self._verdict() != before
        if news:
            self._changed()

    def _verdict(self) -> frozenset[str]:
        """Return what is to be told of the Nodes that were asked for; under the lock."""
        return frozenset(name for name in self._asked if name in self._gone or self._known.get(name))
