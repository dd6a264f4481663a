"""What the fake keeps on disk: a directory for each cluster, and what a test wants to go wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "FAKE_KIND_STATE"
"""The environment variable that names the directory."""

END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ClusterDirectory:
    """The nodes of one cluster: there as soon as the directory is."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def admin_conf(self) -> Path:
        """What the control plane has once it runs."""
        return self.path / "admin.conf"

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "config.json").read_text())
        return found

    @property
    def images(self) -> list[str]:
        """What `kind load` put on the nodes."""
        file = self.path / "images"
        return file.read_text().split() if file.exists() else []

    @property
    def pid(self) -> int | None:
        """The process of the API server, None where none was started."""
        file = self.path / "pid"
        return int(file.read_text()) if file.exists() else None

    def node_names(self) -> list[str]:
        counts: dict[str, int] = {}
        names = []
        for node in self.config["nodes"]:
            role = node.get("role", "control-plane")
            counts[role] = counts.get(role, 0) + 1
            suffix = "" if counts[role] == 1 else str(counts[role])
            names.append(f"{self.name}-{role}{suffix}")
        return names

    def end(self, signum: int = signal.SIGTERM) -> None:
        """End the API server's process, and wait until it is gone."""
        pid = self.pid
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
        deadline = time.monotonic() + END_SECONDS
        while _lives(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def remove(self) -> None:
        self.end()
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class State:
    """All clusters, and the faults: files whose presence counts, read anew at each call."""

    root: Path

    def clusters(self) -> list[ClusterDirectory]:
        folder = self.root / "clusters"
        return [ClusterDirectory(path) for path in sorted(folder.iterdir())] if folder.exists() else []

    def cluster(self, name: str) -> ClusterDirectory:
        return ClusterDirectory(self.root / "clusters" / name)

    def fault(self, name: str) -> str | None:
        """Return what a fault says, None where it is not set."""
        file = self.root / "faults" / name
        return file.read_text() if file.exists() else None


def _lives(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not waited for does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
