"""The program `kind`: each call has a timeout, and fails as NotNow or Never in the program's own last words.

Arguments, outputs and messages are those of kind 0.33; older releases from 0.20 on have the same.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from burstd.core.errors import Never, NotNow, Problem
from burstd.kube.patience import HEED_SECONDS, Heed, always

QUICK_SECONDS = 60.0
"""What a call may take that only asks Docker something."""

DELETE_SECONDS = 180.0

_RUNTIMES = ("docker", "podman", "nerdctl")
"""What kind runs its nodes with: the first that there is, unless KIND_EXPERIMENTAL_PROVIDER names one."""

_INSTALL_KIND = "install it where burstd runs: https://kind.sigs.k8s.io/docs/user/quick-start/"
_INSTALL_DOCKER = "install Docker where burstd runs, and let burstd's user speak to it"

_LONGEST_TEXT = 500

_TAKEN = "already exist for a cluster with the name"
_FOR_GOOD = re.compile(
    r"is not a valid cluster name|invalid configuration for node|unable to decode config|unknown apiVersion"
    r"|must have at least one|invalid (pod|service) subnet|invalid kubeProxyMode|invalid ipFamily"
    r"|rootless provider requires|not present locally"
)
_NO_NODE = re.compile(
    r"could not locate any control plane nodes|failed to get cluster internal kubeconfig"
    r"|failed to get api server"
)


class Taken(Never):
    """There are nodes of this cluster name already."""


class BrokenOff(NotNow):
    """The program was ended before it was done, by burstd for the time it took or by somebody else."""


def problems(images: Sequence[str]) -> Iterator[Problem]:
    """Yield which program is missing; loading images needs Docker itself."""
    if shutil.which("kind") is None:
        yield Problem("provider", "the program `kind` is not installed here", _INSTALL_KIND)
    wanted = ("docker",) if images else _runtimes()
    if not any(shutil.which(name) for name in wanted):
        what = "`kind` runs its nodes with Docker, and the program `docker` is not installed here"
        yield Problem("provider", what, _INSTALL_DOCKER)


def clusters() -> tuple[str, ...]:
    """Return the names of all kind clusters of this machine, half-made ones too. Raises NotNow, Never."""
    return tuple(_run(("get", "clusters"), QUICK_SECONDS).split())


def kubeconfig(name: str) -> str | None:
    """Return a cluster's kubeconfig; None where the cluster is not there, or not so far yet."""
    try:
        return _run(("get", "kubeconfig", "--name", name), QUICK_SECONDS)
    except _Failed as exc:
        if _NO_NODE.search(exc.words):
            return None
        raise


def create(
    name: str, config: str, file: Path, image: str, seconds: float, held: int, heed: Heed = always
) -> None:
    """Make a cluster, and write its kubeconfig into a file of its own.

    What fails is taken away again by kind itself, unless it is broken off. `held` is a descriptor that
    the program inherits. Raises Taken, BrokenOff, NotNow, Never; and what `heed` raises, when it has ended
    the program.
    """
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)  # left by a kind that was killed
    words = ["create", "cluster", "--name", name, "--config", "-", "--kubeconfig", str(file), "--wait", "0s"]
    _run((*words, *(("--image", image) if image else ())), seconds, config, (held,), heed)


def load(name: str, images: Sequence[str], seconds: float, heed: Heed = always) -> None:
    """Put images of the local Docker on every node of a cluster; those that are there already stay."""
    _run(("load", "docker-image", *images, "--name", name), seconds, heed=heed)


def delete(name: str, file: Path) -> None:
    """Delete a cluster; one that is gone already is no error. Raises NotNow."""
    _run(("delete", "cluster", "--name", name, "--kubeconfig", str(file)), DELETE_SECONDS)


class _Failed(NotNow):
    """The program ended with an error; `words` is all that it wrote to stderr."""

    def __init__(self, doing: str, words: str) -> None:
        super().__init__(f"{doing} failed: {_last(words)}", 15.0)
        self.words = words


def _run(
    arguments: Sequence[str],
    seconds: float,
    text: str = "",
    held: tuple[int, ...] = (),
    heed: Heed = always,
) -> str:
    """Run `kind` so that it goes on if burstd is gone: in a session of its own, and writing to no pipe."""
    doing = f"`kind {' '.join(arguments[:2])}`"
    with TemporaryFile() as output, TemporaryFile() as words:
        with _started(arguments, output, words, held) as process:
            try:
                _wait(process, text, seconds, heed)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise BrokenOff(f"{doing} was not done after {seconds:.0f} s and was ended", 15.0) from None
            except NotNow:
                _kill(process)
                raise
        if process.returncode < 0:
            name = signal.Signals(-process.returncode).name
            raise BrokenOff(f"{doing} was ended by {name}", 15.0)
        if process.returncode:
            raise _error(doing, _written(words))
        return _written(output)


def _wait(process: subprocess.Popen[bytes], text: str, seconds: float, heed: Heed) -> None:
    """Wait for the program's end. Raises TimeoutExpired, and what `heed` raises."""
    deadline = time.monotonic() + seconds
    given: bytes | None = text.encode()
    while process.poll() is None or given is not None:
        left = deadline - time.monotonic()
        try:
            process.communicate(given, timeout=min(HEED_SECONDS, max(left, 0.0)))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise
            given = None
            heed()
        else:
            return


def _started(
    arguments: Sequence[str], output: IO[bytes], words: IO[bytes], held: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ("kind", *arguments),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=words,
            start_new_session=True,
            pass_fds=held,
        )
    except FileNotFoundError as exc:
        raise Never(f"the program `kind` is not installed here: {_INSTALL_KIND}") from exc
    except OSError as exc:
        raise Never(f"the program `kind` cannot be run: {exc.strerror}") from exc


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _error(doing: str, words: str) -> NotNow | Never:
    if _TAKEN in words:
        return Taken(f"{doing} failed: {_last(words)}")
    if "failed to detect any supported node provider" in words or "executable file not found" in words:
        return Never(f"{doing} failed: {_last(words)}; {_INSTALL_DOCKER}")
    if _FOR_GOOD.search(words):
        return Never(f"{doing} failed: {_last(words)}")
    return _Failed(doing, words)


def _last(words: str) -> str:
    """Return the line that kind marks as its error, and the last line of what it ran, if it shows that."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    place = next((place for place, line in enumerate(lines) if line.startswith("ERROR: ")), len(lines) - 1)
    told = [lines[place].removeprefix("ERROR: ")]
    if place < len(lines) - 1:
        told.append(lines[-1].removeprefix("Command Output: "))
    return ": ".join(told)[:_LONGEST_TEXT]


def _runtimes() -> tuple[str, ...]:
    named = os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "")
    return (named,) if named else _RUNTIMES
