"""What burstd knows of its clusters while they cannot be asked: a directory for each, under the owner's.

A cluster's own nodes say by their labels whose it is, but only once its API server answers. Until then the
mark counts, a file that is written before `kind` is called. Whoever makes the cluster holds a lock: `kind`
inherits it, so that it is held, and seen to be, for as long as that runs, also when burstd is gone meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from burstd.core.errors import NotNow
from burstd.kube import labels, patience
from burstd.kube.kinds import Manifest
from burstd.plugins.contract import Setting

_MARK = "mark.json"
_LOCK = "making"
_KUBECONFIG = "kubeconfig"

_LOCK_SECONDS = 5.0
"""How long the lock is waited for: who only looks whether it is held has it for a moment."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose a cluster is, since when (seconds since the epoch); `made`: `kind` has told that it is whole."""

    owner: str
    pool: str
    generation: int
    created: float
    made: bool

    def is_of(self, owner: str, pool: str, generation: int) -> bool:
        return (self.owner, self.pool, self.generation) == (owner, pool, generation)


def borne(nodes: tuple[Manifest, ...]) -> Mark | None:
    """Return what the labels of a cluster's nodes say; None where none bears burstd's."""
    for node in nodes:
        found = labels.read(node)
        generation = labels.generation(node)
        if generation and labels.OWNER in found and labels.POOL in found:
            return Mark(found[labels.OWNER], found[labels.POOL], generation, _created(node), made=True)
    return None


def _created(node: Manifest) -> float:
    text = node["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(text).timestamp() if text else 0.0


class Marks:
    """The marks of one owner's clusters. Used by worker threads."""

    def __init__(self, setting: Setting) -> None:
        self._state = setting.state_dir.expanduser().resolve()
        self._root = self._state / setting.owner / "kind"

    def kubeconfig(self, name: str) -> Path:
        """Return where `kind` writes the cluster's kubeconfig, mode 0600."""
        return self._root / name / _KUBECONFIG

    def read(self, name: str) -> Mark | None:
        """Return a cluster's mark; None where there is none that can be read."""
        try:
            return _parsed(json.loads((self._root / name / _MARK).read_bytes()))
        except (OSError, ValueError):
            return None

    def owners(self, name: str) -> set[str]:
        """Return who says on this machine's disk that a cluster is theirs."""
        files = self._state.glob(f"*/kind/{name}/{_MARK}")
        return {file.parents[2].name for file in files}

    def write(self, name: str, mark: Mark) -> None:
        """Write a cluster's mark, whole or not at all. Raises NotNow."""
        directory = self._root / name
        fresh = directory / f"{_MARK}.new"
        try:
            _make(directory)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(asdict(mark), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(directory / _MARK)
        except OSError as exc:
            raise NotNow(f"the mark of cluster {name} cannot be written to {directory}: {exc}") from exc

    def forget(self, name: str) -> None:
        """Remove all that is kept about a cluster."""
        shutil.rmtree(self._root / name, ignore_errors=True)

    @contextmanager
    def making(self, name: str) -> Iterator[int]:
        """Hold the cluster's lock; yield its descriptor, for `kind` to inherit. Raises NotNow."""
        directory = self._root / name
        try:
            _make(directory)
            held = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise NotNow(f"nothing can be written to {directory}: {exc.strerror}") from exc
        try:
            if not patience.until(lambda: _locks(held), _LOCK_SECONDS):
                raise NotNow(f"the cluster {name} is being made already")
            yield held
        finally:
            os.close(held)  # this alone: to unlock would take the lock from `kind`, too

    def is_making(self, name: str) -> bool:
        """Say whether somebody makes the cluster now."""
        try:
            held = os.open(self._root / name / _LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            return not _locks(held)
        finally:
            os.close(held)


def _make(directory: Path) -> None:
    """Make a cluster's directory and those above it, for the owner's eyes only."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)


def _locks(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parsed(found: Any) -> Mark:
    """Return the mark that JSON tells. Raises ValueError."""
    try:
        return Mark(
            str(found["owner"]),
            str(found["pool"]),
            int(found["generation"]),
            float(found["created"]),
            found["made"] is True,
        )
    except (KeyError, TypeError) as exc:
        raise ValueError("not a mark") from exc
