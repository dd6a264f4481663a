"""One run of a container: a process in a session of its own, or a pretence of one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from burstd.plugins.local import processes
from fakes.operator.stopping import Stopped, Stopping


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pod has to end; where nobody hears SIGTERM the time passes all the same."""

    seconds: float
    hears: bool = True


@dataclass(frozen=True, slots=True)
class Program:
    """What a container runs."""

    argv: list[str]
    environment: Mapping[str, str]
    directory: Path


def run(
    program: Program,
    hear: Callable[[str], None],
    begun: Callable[[], None],
    stopping: Stopping,
    patience: Callable[[], Patience],
) -> int:
    """Run a program to its end; return its exit code. What it writes goes to `hear`.

    Raises Stopped after it was told to end, and its session with it: SIGTERM, then SIGKILL.
    """
    process = subprocess.Popen(
        program.argv,
        env=dict(program.environment),
        cwd=program.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    listener = threading.Thread(target=_listen, args=(process, hear), daemon=True)
    listener.start()
    pidfd = os.pidfd_open(process.pid)
    try:
        begun()
        stopping.wait_for(pidfd)
    except Stopped:
        _end(process, pidfd, patience())
        raise
    finally:
        os.close(pidfd)
        _signal(process.pid, signal.SIGKILL)  # with its first process a container ends
        code = process.wait()
        listener.join(_LAST_WORDS_SECONDS)
    return 128 - code if code < 0 else code


_LAST_WORDS_SECONDS = 1.0
"""How long what is left in the pipe is waited for: what a job left behind may hold it open."""


def _listen(process: subprocess.Popen[bytes], hear: Callable[[str], None]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            hear(line.decode(errors="replace"))


def _end(process: subprocess.Popen[bytes], pidfd: int, patience: Patience) -> None:
    if patience.hears and patience.seconds > 0:
        _signal(process.pid, signal.SIGTERM)
    processes.wait_for_any([pidfd], patience.seconds)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
