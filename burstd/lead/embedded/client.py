"""The Handle of the embedded instance, over its Unix socket (see `wire`)."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections import deque
from itertools import count
from typing import Any

from burstd.core.errors import LeadLost, LeadRefused
from burstd.lead.embedded.wire import LOCAL_SCHEME, Lines, encode
from burstd.lead.handle import ANY_RANK, Handle, Payload, Stream

RPC_SECONDS = 3.5
"""As over flux-python: with the ping between, a lead that hangs is noticed within 5 s."""


def connect(uri: str, timeout: float = 5.0) -> Handle:
    """Connect to `embedded:///path/to/rundir/local`. Raises LeadLost when nobody listens there."""
    path = uri.removeprefix(LOCAL_SCHEME)
    if path == uri:
        raise LeadLost(f"{uri}: not the address of an embedded instance, which begins with {LOCAL_SCHEME}")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(path)
    except OSError as exc:
        connection.close()
        raise LeadLost(f"no embedded instance answers at {path}: {exc.strerror or exc}") from exc
    return EmbeddedHandle(connection, path)


class EmbeddedHandle:
    """One connection; like every Handle it belongs to one thread."""

    def __init__(self, connection: socket.socket, path: str) -> None:
        self._socket = connection
        self._path = path
        self._lines = Lines()
        self._ids = count(1)
        self._arrived: dict[int, deque[dict[str, Any]]] = {}
        self._lost = ""

    def rpc(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> Payload:
        """Send one request and wait for its response, at most `RPC_SECONDS`."""
        id_ = self._request(topic, payload, nodeid, stream=False)
        message = self.take(id_, RPC_SECONDS)
        del self._arrived[id_]
        if message is None:
            raise LeadLost(f"the lead at {self._path} did not answer {topic} in {RPC_SECONDS:g} s")
        return _payload(topic, message)

    def stream(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> Stream:
        """Send one streaming request."""
        return EmbeddedStream(self, topic, self._request(topic, payload, nodeid, stream=True))

    def close(self) -> None:
        """Drop the connection."""
        self._lost = self._lost or "the handle was closed"
        self._socket.close()

    def take(self, id_: int, timeout: float) -> dict[str, Any] | None:
        """Return the next response to one request, None if none came in time. Raises LeadLost."""
        deadline = time.monotonic() + timeout
        while not self._arrived[id_]:
            left = deadline - time.monotonic()
            if left <= 0 and timeout > 0:
                return None
            if not self._receive(max(left, 0.0)) and left <= 0:
                return None
        return self._arrived[id_].popleft()

    def _request(self, topic: str, payload: Payload | None, nodeid: int, *, stream: bool) -> int:
        id_ = next(self._ids)
        message = {"id": id_, "topic": topic, "payload": payload, "nodeid": nodeid, "stream": stream}
        self._check()
        self._arrived[id_] = deque()
        try:
            self._socket.settimeout(RPC_SECONDS)
            self._socket.sendall(encode(message))
        except OSError as exc:
            raise self._lose(exc.strerror or str(exc)) from exc
        return id_

    def _receive(self, timeout: float) -> bool:
        """Read once and sort what came by request; False when nothing came in time."""
        self._check()
        try:
            self._socket.settimeout(timeout)
            data = self._socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as exc:
            raise self._lose(exc.strerror or str(exc)) from exc
        if not data:
            raise self._lose("it closed the connection")
        try:
            messages = list(self._lines.feed(data))
        except ValueError as exc:
            raise self._lose("what it sends is no answer") from exc
        for message in messages:
            if message.get("id") in self._arrived:
                self._arrived[message["id"]].append(message)
        return True

    def _check(self) -> None:
        if self._lost:
            raise LeadLost(f"the lead at {self._path} is gone: {self._lost}")

    def _lose(self, why: str) -> LeadLost:
        self._lost = why
        self._socket.close()
        return LeadLost(f"the lead at {self._path} is gone: {why}")


class EmbeddedStream:
    """The responses to one streaming request."""

    def __init__(self, handle: EmbeddedHandle, topic: str, id_: int) -> None:
        self._handle = handle
        self._topic = topic
        self._id = id_

    def next(self, timeout: float) -> Payload | None:
        """Return the next response, None when none came in time."""
        message = self._handle.take(self._id, timeout)
        if message is None:
            return None
        if message.get("errno") == errno.ENODATA:
            raise StopIteration
        return _payload(self._topic, message)


def _payload(topic: str, message: dict[str, Any]) -> Payload:
    if "errno" in message:
        number = int(message["errno"])
        raise LeadRefused(topic, number, message["text"] or os.strerror(number))
    payload: Payload = message["payload"] or {}
    return payload
