"""Processes of this machine: found by scanning /proc, known again before each signal, never by pid alone."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")
_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the scan saw it: it is the same one for as long as `known` says so of its pid."""

    pid: int
    token: str
    known: Callable[[int], bool] = field(repr=False, compare=False)


def find_by_argument(prefix: str, executables: frozenset[str]) -> Iterator[Process]:
    """Yield each of our own processes that runs one of the executables with an argument that begins so.

    `token` is that argument, whole. Zombies have no arguments, so they are not found.
    """
    for pid in _own_pids():
        token = _argument(pid, prefix)
        if token and _executable(pid) in executables:
            yield Process(pid, token, _KnownByArgument(token, executables))


def find_of_jobs(entries: Iterable[str]) -> Iterator[Process]:
    """Yield each of our own processes that a Flux job left, with one of these entries in its environment.

    An entry reads NAME=VALUE and must stand there exactly so. Of a job is what has a job id in its
    environment, or is a job's shell. This process and its parents are spared.
    """
    known = _KnownOfJob(frozenset(os.fsencode(entry) for entry in entries))
    spared = set(_line_of(os.getpid()))
    for pid in _own_pids():
        if pid not in spared and known(pid):
            yield Process(pid, "", known)


def send(processes: Iterable[Process], number: signal.Signals) -> list[int]:
    """Signal each process through a pidfd, after making sure that the pidfd is of the process that was meant.

    Return the pidfds of those that were signalled; the caller closes them.
    """
    signalled = []
    for process in processes:
        pidfd = _open(process.pid)
        if pidfd is None:
            continue
        if process.known(process.pid) and _deliver(pidfd, number):
            signalled.append(pidfd)
        else:
            os.close(pidfd)
    return signalled


def wait_for_exit(pidfds: Iterable[int], seconds: float) -> list[int]:
    """Wait until every process ended, at most so long; return the pidfds of those that did not."""
    alive, deadline = list(pidfds), time.monotonic() + seconds
    while alive and (left := deadline - time.monotonic()) > 0:
        ended = wait_for_any(alive, left)
        alive = [pidfd for pidfd in alive if pidfd not in ended]
    return alive


def wait_for_any(pidfds: Iterable[int], seconds: float) -> set[int]:
    """Wait until a process ended, at most so long; return the pidfds of those that did."""
    poll = select.poll()
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    return {pidfd for pidfd, _ in poll.poll(max(0.0, seconds) * 1000)}


def stop(find: Callable[[], Iterable[Process]], term_seconds: float, kill_seconds: float) -> list[Process]:
    """End what `find` finds: SIGTERM to all at once, then SIGKILL. Return what it still finds after that."""
    _end(find(), signal.SIGTERM, term_seconds)
    return kill(find, kill_seconds)


def kill(find: Callable[[], Iterable[Process]], seconds: float) -> list[Process]:
    """End what `find` finds with SIGKILL. Return what it still finds after so long."""
    _end(find(), signal.SIGKILL, seconds)
    return list(find())


def _end(found: Iterable[Process], number: signal.Signals, seconds: float) -> None:
    pidfds = send(found, number)
    wait_for_exit(pidfds, seconds)
    for pidfd in pidfds:
        os.close(pidfd)


@dataclass(frozen=True, slots=True)
class _KnownByArgument:
    token: str
    executables: frozenset[str]

    def __call__(self, pid: int) -> bool:
        return self.token in _arguments(pid) and _is_own(pid) and _executable(pid) in self.executables


@dataclass(frozen=True, slots=True)
class _KnownOfJob:
    entries: frozenset[bytes]

    def __call__(self, pid: int) -> bool:
        environment = _read(pid, "environ").split(b"\0")
        return not self.entries.isdisjoint(environment) and _is_own(pid) and self._of_job(pid, environment)

    def _of_job(self, pid: int, environment: list[bytes]) -> bool:
        marked = any(entry.startswith(b"FLUX_JOB_ID=") for entry in environment)
        return marked or Path(_executable(pid)).name == "flux-shell"


def _own_pids() -> list[int]:
    pids = (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - names are enough
    return [pid for pid in pids if _is_own(pid)]


def _is_own(pid: int) -> bool:
    try:
        return (_PROC / str(pid)).stat().st_uid == os.geteuid()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _argument(pid: int, prefix: str) -> str:
    return next((word for word in _arguments(pid) if word.startswith(prefix)), "")


def _arguments(pid: int) -> list[str]:
    return [os.fsdecode(word) for word in _read(pid, "cmdline").split(b"\0")]


def _read(pid: int, name: str) -> bytes:
    """Return a file of a process; b"" when it has ended, or does not let us look (then it is not ours)."""
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def _executable(pid: int) -> str:
    """Return what the process runs, also when the file has been replaced since; "" as in `_read`."""
    try:
        return str((_PROC / str(pid) / "exe").readlink()).removesuffix(_DELETED)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _line_of(pid: int) -> Iterator[int]:
    """Yield a process and its parents up to the first: proc_pid_stat(5), fourth field."""
    while pid > 0:
        yield pid
        fields = _read(pid, "stat").rpartition(b")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _deliver(pidfd: int, number: signal.Signals) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    return True
