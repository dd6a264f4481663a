"""The machine itself for a run: the provider `local`, and a Flux whose brokers only wait, as processes."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from burstd.plugins.contract import Provider, Setting
from burstd.plugins.local import make
from crash.place import Place, Standing

_FLUX = """#!/bin/sh
case "$1" in
env) echo 'export FLUX_EXEC_PATH="'{here}'"' ;;
broker) exec {here}/flux-broker {here}/wait "$@" ;;
esac
"""

_WAIT = """for word; do
  case "$word" in -Srundir=*) rundir=${word#-Srundir=} ;; esac
done
mkdir -p "$rundir" && echo "$$ $rundir" >> {here}/started
read -r _ < {here}/alive
"""


class LocalPlace(Place):
    """A machine on which each burst has a directory, and a process for each host."""

    def _open(self) -> None:
        self._bin = self._directory / "bin"
        self._bin.mkdir()
        here = shlex.quote(str(self._bin))
        self._write("flux", _FLUX.format(here=here))
        self._write("wait", _WAIT.replace("{here}", here))
        self._write("started", "")
        self._live()
        shutil.copy(Path("/bin/sh").resolve(), self._bin / "flux-broker")
        self._stack.callback(os.environ.__setitem__, "PATH", os.environ["PATH"])
        os.environ["PATH"] = os.pathsep.join((str(self._bin), os.environ["PATH"]))
        self._stack.callback(self._end_brokers)
        self._foreign: list[Path] = []

    def _write(self, name: str, text: str) -> None:
        (self._bin / name).write_text(text)
        (self._bin / name).chmod(0o755)

    def _live(self) -> None:
        """Hold what brokers read from: they end with this process at the latest."""
        os.mkfifo(self._bin / "alive")
        self._stack.callback(os.close, os.open(self._bin / "alive", os.O_RDWR))

    def _make(self, setting: Setting) -> Provider:
        return make(setting)

    def _options(self) -> dict[str, Any]:
        return {"flux": "real", "uts": "never", "stop_seconds": 2.0}

    def _standing(self) -> dict[str, Standing]:
        root = self._directory / self._run.cloud.owner
        brokers = [rundir for rundir, _ in self._brokers() if rundir.is_relative_to(root)]
        bursts = {etc.parent for etc in root.glob("*-g*/etc")} | {rundir.parent for rundir in brokers}
        return {f"{self._run.prefix}-{burst.name}": _on(burst, brokers) for burst in bursts}

    def _is_settled(self) -> bool:
        return True

    def _occupy(self, name: str, owner: str) -> None:
        """Have another owner's burst there with a broker, or a directory of one's own that is none's."""
        burst = self._directory / (owner or self._run.cloud.owner) / name.removeprefix(f"{self._run.prefix}-")
        if burst.exists():
            return
        burst.mkdir(parents=True)
        (burst / "theirs").touch()
        if owner:
            (burst / "etc").mkdir()
            self._start(burst / "burst-0-0")
        self._foreign.append(burst)

    def _start(self, rundir: Path) -> None:
        """Start a broker, and wait until it waits."""
        child = subprocess.Popen(
            [self._bin / "flux", "broker", f"-Srundir={rundir}"], stdin=subprocess.DEVNULL, cwd="/"
        )
        self._stack.callback(child.wait)
        self._stack.callback(child.kill)
        self._wait_for(lambda: (rundir, child.pid) in self._brokers())

    def _strangers(self) -> list[Any]:
        brokers = self._brokers()
        return [
            (sorted(burst.rglob("*")), [one for one in brokers if one[0].parent == burst])
            for burst in self._foreign
        ]

    def _telling(self, secret: str) -> Iterator[str]:
        for file in (self._directory / self._run.cloud.owner).glob("*-g*/*"):
            if file.is_file() and secret in file.read_text():
                yield file.name

    def _brokers(self) -> list[tuple[Path, int]]:
        """Return the rundir and the pid of each broker that runs, whatever became of its files."""
        started = (line.split() for line in (self._bin / "started").read_text().splitlines())
        return [(Path(rundir), int(pid)) for pid, rundir in started if _runs(pid, f"-Srundir={rundir}")]

    def _end_brokers(self) -> None:
        for _, pid in self._brokers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _on(burst: Path, brokers: list[Path]) -> Standing:
    pool, _, generation = burst.name.rpartition("-g")
    return Standing(pool, int(generation), frozenset(one.name for one in brokers if one.parent == burst))


def _runs(pid: str, argument: str) -> bool:
    try:
        return argument in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False
