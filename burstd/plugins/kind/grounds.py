"""Connections to the clusters' own API servers, kept while the clusters are there."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from burstd.kube import kubeconfig
from burstd.kube.ground import Ground, Machine
from burstd.plugins.contract import Setting
from burstd.plugins.kind import program
from burstd.plugins.kind.options import KindOptions

PATIENCE_SECONDS = 10.0
"""How long a call is tried again: the API server is on this machine, so it is there or it is not."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A connection, and the kubeconfig that it was opened by."""

    ground: Ground
    text: str


class Grounds:
    """What burstd has on each cluster. Used by worker threads."""

    def __init__(self, setting: Setting, options: KindOptions) -> None:
        self._setting = setting
        self._options = options
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._silent: dict[str, float] = {}

    def answering(self, name: str) -> Ground | None:
        """Return what is on a cluster; None while its API server does not answer. Raises NotNow, Never.

        A connection that is silent is opened anew where the kubeconfig changed: a cluster of the same name
        may be another one.
        """
        known = self._known(name)
        if known is not None and known.ground.cluster.answers():
            return known.ground
        text = program.kubeconfig(name)
        if text is None or (known is not None and known.text == text):
            return None
        ground = self._opened(name, text)
        return ground if ground.cluster.answers() else None

    def silence(self, name: str, *, answers: bool) -> float:
        """Note whether a cluster's API server answered; return for how long it has not, in seconds."""
        now = time.monotonic()
        with self._lock:
            if answers:
                self._silent.pop(name, None)
                return 0.0
            return now - self._silent.setdefault(name, now)

    def names(self) -> frozenset[str]:
        """Return the clusters of which something is known."""
        with self._lock:
            return frozenset(self._open.keys() | self._silent.keys())

    def drop(self, names: Iterable[str]) -> None:
        """Close the connections to these clusters."""
        with self._lock:
            closing = [(self._open.pop(name, None), self._silent.pop(name, None)) for name in names]
        for known, _ in closing:
            if known is not None:
                known.ground.close()

    def _known(self, name: str) -> _Open | None:
        with self._lock:
            return self._open.get(name)

    def _opened(self, name: str, text: str) -> Ground:
        made = _Open(self._connect(text), text)
        with self._lock:
            before = self._open.get(name)
            first = before is not None and before.text == text  # another thread was first
            kept = before if before is not None and first else made
            self._open[name] = kept
        if before is not None:
            (made if first else before).ground.close()
        return kept.ground

    def _connect(self, text: str) -> Ground:
        setting, options = self._setting, self._options
        with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
            cluster = kubeconfig.connect(str(private(Path(folder), text)), "", PATIENCE_SECONDS)
        return Ground(
            cluster,
            setting.owner,
            options,
            Machine(),
            made=True,
            changed=setting.changed,
            lease=setting.lease,
        )


def private(folder: Path, text: str) -> Path:
    """Write a kubeconfig into a folder so that its owner alone can read it."""
    file = folder / "kubeconfig"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    return file
