"""Starts brokers as processes that outlive this one, each with the host name that the lead knows it by."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from burstd.core.errors import Never, NotNow
from burstd.plugins.local import processes
from burstd.plugins.local.broker import Broker

_CLONE_NEWUTS = 0x04000000
_SETTLING_SECONDS = 0.2
"""A broker that has read its papers and cannot use them ends well within this time."""

_PAPERS_SECONDS = 3.0
"""A broker that has not read its papers by then is only slow: whether it joins is seen at the lead."""

_LOOK_SECONDS = 0.02

_GRACE_SECONDS = 0.5
"""What a job left behind has this long after SIGTERM."""

_KILL_SECONDS = 5.0
"""A process that was killed is gone well within this time, unless the kernel holds it."""

_LOG_TAIL = 4096
_LASTING = ("Config file error", "loading certificate", "unknown option", "is not TOML")
"""What a broker says when starting it again would end the same way."""


@dataclass(frozen=True, slots=True)
class Started:
    """A broker that was started, and its pidfd, readable once it ended."""

    broker: Broker
    pidfd: int


def start(brokers: Sequence[Broker], *, uts: bool, heed: Callable[[], None] = lambda: None) -> None:
    """Start brokers, all at once; return when each was seen to live for a moment.

    With `uts` each has a UTS namespace of its own in which it is called as the lead calls it. Raises Never
    or NotNow, with the last words of its log, where one ended at once or could not be started; and what
    `heed` raises, with the brokers left as they are.
    """
    if not brokers:
        return
    with contextlib.ExitStack() as stack:
        started = []
        for broker in brokers:
            one = _start_one(broker, uts)
            stack.callback(os.close, one.pidfd)
            started.append(one)
        _watch(started, heed)


def can_name_hosts() -> bool:
    """Say whether this process may give what it starts a host name of its own: try it, in a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_try_namespace).result()


def clear(gone: Sequence[Broker]) -> None:
    """End what the jobs of brokers that are gone left running, and take their rundirs away. Raises NotNow."""
    traces = [trace for broker in gone for trace in broker.traces()]
    left = processes.stop(lambda: processes.find_of_jobs(traces), _GRACE_SECONDS, _KILL_SECONDS)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise NotNow(f"what jobs left behind on {gone[0].host} does not end, even when killed: pid {pids}")
    for broker in gone:
        remove_tree(broker.rundir)


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it; one that is gone is no error. Raises NotNow."""
    try:
        if path.exists():
            shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise NotNow(f"{path} cannot be removed: {exc}") from exc


def last_words(log: Path) -> str:
    """Return the last line of a log that is not empty; "" if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _start_one(broker: Broker, uts: bool) -> Started:
    launch = _Launch(broker, uts)
    launch.start()
    try:
        return Started(broker, launch.pidfd())
    except OSError as exc:
        raise Never(f"{broker.host}: its broker cannot be started: {exc}") from exc


def _spawn(broker: Broker, uts: bool) -> subprocess.Popen[bytes]:
    """Start the broker from a thread that is already in the new namespace, so that no launcher is needed."""
    if uts:
        _new_uts_namespace()
        socket.sethostname(broker.host)
    log = os.open(broker.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            broker.command(),
            env=broker.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


class _Launch(threading.Thread):
    """A thread in which one broker is started, and then waited for so that it leaves no zombie.

    Only this thread is in the broker's namespace; the rest of the process keeps its own.
    """

    def __init__(self, broker: Broker, uts: bool) -> None:
        super().__init__(name=f"broker {broker.host}", daemon=True)
        self._broker = broker
        self._uts = uts
        self._outcome: queue.SimpleQueue[int | OSError] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            child = _spawn(self._broker, self._uts)
            # before the wait: afterwards the pid may be another's
            self._outcome.put(os.pidfd_open(child.pid))
        except OSError as exc:
            self._outcome.put(exc)
            return
        child.wait()

    def pidfd(self) -> int:
        """Return the broker's pidfd. Raises OSError where it could not be started."""
        outcome = self._outcome.get()
        if isinstance(outcome, OSError):
            raise outcome
        return outcome


def _watch(started: Sequence[Started], heed: Callable[[], None]) -> None:
    """Wait until all have read their papers, which is when they make their rundirs, or one ended."""
    began, pidfds = time.monotonic(), [one.pidfd for one in started]
    ended: set[int] = set()
    while not ended and (seconds := time.monotonic() - began) < _PAPERS_SECONDS:
        if seconds > _SETTLING_SECONDS and all(one.broker.rundir.exists() for one in started):
            break
        heed()
        ended = processes.wait_for_any(pidfds, _LOOK_SECONDS)
    for one in started:
        if one.pidfd in ended:
            raise _failure(one.broker)


def _failure(broker: Broker) -> Never | NotNow:
    words = last_words(broker.log) or "it said nothing"
    text = f"{broker.host}: its broker ended at once: {words}"
    return Never(text) if any(mark in words for mark in _LASTING) else NotNow(text)


def _try_namespace() -> bool:
    try:
        _new_uts_namespace()
        socket.sethostname(socket.gethostname())
    except OSError:
        return False
    return True


def _new_uts_namespace() -> None:
    """Put the calling thread alone into a UTS namespace of its own: unshare(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUTS) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
