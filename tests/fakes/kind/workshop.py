"""Where a test finds the fake: a directory for PATH, the state, the faults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.kind.state import VARIABLE, ClusterDirectory, State

_TESTS = Path(__file__).parents[2]

_KIND = """\
#!/bin/sh
PYTHONPATH="{tests}${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONSAFEPATH=1 exec {python} -m fakes.kind "$@"
"""
_DOCKER = """\
#!/bin/sh
echo "Docker version 29.0.0, build 0000000"
"""


class Workshop:
    """The fake below one directory; on leaving, every cluster of it is gone."""

    def __init__(self, directory: Path) -> None:
        """Take a directory whose path is short, for the sockets of brokers below it."""
        self.bin = directory / "bin"
        self.state = State(directory / "kind")

    def __enter__(self) -> Self:
        (self.state.root / "faults").mkdir(parents=True)
        self.bin.mkdir()
        self._write("kind", _KIND.format(tests=_TESTS, python=sys.executable))
        self._write("docker", _DOCKER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for cluster in self.state.clusters():
            cluster.remove()

    def environment(self) -> Mapping[str, str]:
        """Return what a process needs to find the fake."""
        path = os.pathsep.join((str(self.bin), os.environ["PATH"]))
        return {"PATH": path, VARIABLE: str(self.state.root)}

    def clusters(self) -> list[str]:
        return [cluster.name for cluster in self.state.clusters()]

    def cluster(self, name: str) -> ClusterDirectory:
        return self.state.cluster(name)

    def set_fault(self, name: str, words: str = "") -> None:
        """Have calls fail: `docker`, `pull`, `init`, `delete`, `images` (absent ones); or a create `hang`."""
        (self.state.root / "faults" / name).write_text(words)

    def clear_fault(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self.state.root / "faults" / name).unlink()

    def creating(self) -> int | None:
        """Return the pid of the latest `kind create` that has made its nodes."""
        file = self.state.root / "creating"
        text = file.read_text() if file.exists() else ""
        return int(text) if text else None

    def remove_program(self, name: str) -> None:
        (self.bin / name).unlink()

    def _write(self, name: str, text: str) -> None:
        file = self.bin / name
        file.write_text(text)
        file.chmod(0o755)
