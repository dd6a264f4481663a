"""The processes of jobs on one broker: started, their output read line by line, their end noticed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from burstd.core.jobid import f58
from burstd.lead.embedded.loop import Loop

_KILL_SECONDS = 5.0
"""How long after SIGTERM a task gets SIGKILL: Flux's own kill-timeout."""

_NOT_STARTED = 127 << 8


@dataclass(frozen=True, slots=True)
class Work:
    """What one broker runs of a job: the tasks with these ranks, of `size` in all on `hosts` hosts."""

    job: int
    ranks: Sequence[int]
    size: int
    hosts: int
    command: Sequence[str]
    cwd: str
    environment: Mapping[str, str]


@dataclass(slots=True)
class _Running:
    work: Work
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    status: int = 0
    killed: bool = False


class Tasks:
    """Runs the tasks of jobs; says what happens to them through `tell`, one JSON-able message at a time.

    Messages: `output` (task, stream, data), `eof` (task, stream), `log` (level, text), `failed` (text: a
    command did not start) and last of all, once for each work, `exit` (status as of waitpid). Each has `job`.
    """

    def __init__(
        self, loop: Loop, tell: Callable[[dict[str, Any]], None], surroundings: Mapping[str, str]
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._surroundings = surroundings
        self._running: dict[int, _Running] = {}

    def start(self, work: Work) -> None:
        """Start the tasks, each in a session of its own."""
        running = self._running[work.job] = _Running(work)
        cwd = self._usable_cwd(work)
        for rank in work.ranks:
            try:
                running.processes[rank] = self._spawn(work, rank, cwd)
            except OSError as exc:
                self._not_started(running, rank, exc)
                break
        for rank, process in list(running.processes.items()):
            self._follow(running, rank, process)
        self._end_if_done(running)

    def kill(self, job: int) -> None:
        """SIGTERM now, SIGKILL later, to all that the job has here; harmless when it has nothing."""
        running = self._running.get(job)
        if running and not running.killed:
            running.killed = True
            self._signal(running, signal.SIGTERM)
            self._loop.after(_KILL_SECONDS, lambda: self._signal(running, signal.SIGKILL))

    def end_all(self) -> None:
        """SIGKILL whatever still runs; for the end of the broker."""
        for running in self._running.values():
            self._signal(running, signal.SIGKILL)
            for process in running.processes.values():
                process.wait()

    def _usable_cwd(self, work: Work) -> str:
        try:
            Path(work.cwd).stat()
        except OSError as exc:
            where = f"host {socket.gethostname()}: Could not change dir to {work.cwd}"
            text = f"{where}: {exc.strerror}. Going to /tmp instead"
            self._tell({"type": "log", "job": work.job, "level": 3, "text": text})
            return "/tmp"
        return work.cwd

    def _spawn(self, work: Work, rank: int, cwd: str) -> subprocess.Popen[bytes]:
        job = {
            "FLUX_JOB_ID": f58(work.job),
            "FLUX_JOB_SIZE": str(work.size),
            "FLUX_JOB_NNODES": str(work.hosts),
            "FLUX_TASK_RANK": str(rank),
            "FLUX_TASK_LOCAL_ID": str(list(work.ranks).index(rank)),
        }
        environment = {**work.environment, **self._surroundings, **job}
        path = {"PATH": os.defpath} if "PATH" not in environment else {}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            _found(work.command, environment),
            cwd=cwd,
            env=environment | path,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )

    def _not_started(self, running: _Running, rank: int, exc: OSError) -> None:
        name = running.work.command[0] if running.work.command else ""
        start = f"task {rank} (host {socket.gethostname()}): start failed: {name}"
        running.status = _NOT_STARTED
        self._signal(running, signal.SIGKILL)
        text = f"{start}: {exc.strerror}"
        self._tell({"type": "log", "job": running.work.job, "level": 0, "text": text})
        self._tell({"type": "failed", "job": running.work.job, "text": text})

    def _follow(self, running: _Running, rank: int, process: subprocess.Popen[bytes]) -> None:
        channels = [
            Channel(self._loop, stream, lambda message: self._tell_of(running, rank, message), name)
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            if stream
        ]
        pidfd = os.pidfd_open(process.pid)

        def ended(_: int) -> None:
            if process.poll() is None:
                return
            self._loop.unwatch(pidfd)
            os.close(pidfd)
            for channel in channels:
                channel.finish()
            running.status = max(running.status, _shell_status(process.returncode))
            del running.processes[rank]
            self._end_if_done(running)

        self._loop.watch(pidfd, ended)

    def _tell_of(self, running: _Running, rank: int, message: dict[str, Any]) -> None:
        self._tell({"job": running.work.job, "task": rank, **message})

    def _end_if_done(self, running: _Running) -> None:
        if not running.processes:
            del self._running[running.work.job]
            self._tell({"type": "exit", "job": running.work.job, "status": running.status})

    def _signal(self, running: _Running, number: signal.Signals) -> None:
        for process in running.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)


class Channel:
    """One pipe of one process, read line by line."""

    def __init__(
        self, loop: Loop, stream: IO[bytes], tell: Callable[[dict[str, Any]], None], name: str
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._tell = tell
        self._name = name
        self._rest = b""
        os.set_blocking(stream.fileno(), False)
        loop.watch(stream.fileno(), self._ready)

    def finish(self) -> None:
        """Read what is still there, and close."""
        while not self._stream.closed and self._read():
            pass
        self._close()

    def _ready(self, _: int) -> None:
        if self._read() == b"":
            self._close()

    def _read(self) -> bytes | None:
        """Return what was read, b"" at the end of the stream, None when there is nothing yet."""
        try:
            data = os.read(self._stream.fileno(), 65536)
        except BlockingIOError:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._output(line + b"\n")
        return data

    def _output(self, data: bytes) -> None:
        text = data.decode("utf-8", "backslashreplace")
        self._tell({"type": "output", "stream": self._name, "data": text})

    def _close(self) -> None:
        if self._stream.closed:
            return
        if self._rest:
            self._output(self._rest)
        self._loop.unwatch(self._stream.fileno())
        self._stream.close()
        self._tell({"type": "eof", "stream": self._name})


def _found(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Look the command up in the job's PATH; Popen would use the broker's own."""
    if not command:
        raise FileNotFoundError(2, os.strerror(2))
    name, *rest = command
    if "/" in name:
        return [name, *rest]
    folders = os.get_exec_path(environment)
    paths = [os.path.join(folder, name) for folder in folders]  # noqa: PTH118 - PATH entries are text
    return [next((path for path in paths if os.access(path, os.X_OK)), name), *rest]


def _shell_status(returncode: int) -> int:
    """Return the wait status of a Flux job shell whose task ended so: a signal counts as 128 + its number."""
    return (returncode if returncode >= 0 else 128 - returncode) << 8
