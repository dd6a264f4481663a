"""Commands that the instance owner runs beside any job: the service `rexec` (RFC 42), as `flux exec` uses it.

Whichever rank is asked, the command runs on the lead's machine.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.clients import Connection
from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.tasks import Channel
from burstd.lead.embedded.wire import Refusal, Reply

_STDOUT, _STDERR = 1, 2
"""Flags by which a stream is asked for."""


def execute(instance: Instance, payload: Mapping[str, Any], reply: Reply) -> None:
    """Start a command, and send what it writes and how it ends. A client that goes away takes it along."""
    cmd = payload["cmd"]
    if not {"cmdline", "env", "opts", "channels"} <= cmd.keys():
        raise Refusal(errno.EPROTO, "error parsing command string")
    try:
        process = _spawn(cmd, int(payload["flags"]))
    except OSError as exc:
        raise Refusal(exc.errno or 0, f"error launching process: {exc.strerror}") from exc
    _Command(instance.loop, process, int(payload["nodeid"]), reply).follow()


def _spawn(cmd: Mapping[str, Any], flags: int) -> subprocess.Popen[bytes]:
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(
        list(cmd["cmdline"]),
        env=dict(cmd["env"]) or None,
        cwd=cmd.get("cwd"),
        stdin=nowhere,
        stdout=pipe if flags & _STDOUT else nowhere,
        stderr=pipe if flags & _STDERR else nowhere,
        start_new_session=True,
    )


class _Command:
    """One process, from `started` to the end of its stream of responses."""

    def __init__(self, loop: Loop, process: subprocess.Popen[bytes], rank: int, reply: Reply) -> None:
        self._loop = loop
        self._process = process
        self._rank = rank
        self._reply = reply
        self._pidfd = os.pidfd_open(process.pid)
        self._channels: list[Channel] = []

    def follow(self) -> None:
        self._reply.respond({"type": "started", "pid": self._process.pid})
        for name, stream in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            if stream:
                self._channels.append(Channel(self._loop, stream, self._heard, name))
        self._loop.watch(self._pidfd, lambda _: self._ended())
        if isinstance(self._reply.client, Connection):
            self._reply.client.on_gone.append(self._kill)

    def _heard(self, message: Mapping[str, Any]) -> None:
        written = {"eof": True} if message["type"] == "eof" else {"data": message["data"]}
        io = {"stream": message["stream"], "rank": str(self._rank)} | written
        self._reply.respond({"type": "output", "pid": self._process.pid, "io": io})

    def _ended(self) -> None:
        if self._process.poll() is None:
            return
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._reply.respond({"type": "finished", "status": _wait_status(self._process.returncode)})
        for channel in self._channels:
            channel.finish()
        if isinstance(self._reply.client, Connection):
            self._reply.client.on_gone.remove(self._kill)
        self._reply.end()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _wait_status(returncode: int) -> int:
    return returncode << 8 if returncode >= 0 else -returncode
