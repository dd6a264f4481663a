"""The Unix socket that clients connect to, and one connection each."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import zmq

from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.wire import Lines, encode

log = logging.getLogger("burstd.embedded")

_LONGEST_PATH = 107
"""What a Unix socket address holds."""


class Connection:
    """One client. What it cannot take at once is kept until it can."""

    def __init__(
        self, loop: Loop, connection: socket.socket, serve: Callable[[Connection, Any], None]
    ) -> None:
        self.gone = False
        self.on_gone: list[Callable[[], None]] = []
        self._loop = loop
        self._socket = connection
        self._serve = serve
        self._lines = Lines()
        self._unsent = bytearray()
        connection.setblocking(False)
        loop.watch(connection.fileno(), self._ready)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message, now or as soon as the client takes it."""
        if not self.gone:
            self._unsent += encode(message)
            self._flush()

    def close(self) -> None:
        """Drop the connection, and let go of what belongs to it."""
        if self.gone:
            return
        self.gone = True
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        for action in self.on_gone:
            action()

    def _ready(self, events: int) -> None:
        if events & zmq.POLLOUT:
            self._flush()
        if not self.gone and events & (zmq.POLLIN | zmq.POLLERR):
            self._receive()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for message in self._lines.feed(data):
                self._serve(self, message)
        except (ValueError, KeyError) as exc:
            log.error("clients.err: a client does not speak the protocol: %s", exc)
            self.close()

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._unsent) if self._unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        wanted = zmq.POLLIN | (zmq.POLLOUT if self._unsent else 0)
        self._loop.watch(self._socket.fileno(), self._ready, wanted)


class Clients:
    """Listens at a path and gives every request to `serve`. Raises OSError when it cannot listen."""

    def __init__(self, loop: Loop, path: Path) -> None:
        if len(str(path)) > _LONGEST_PATH:
            raise OSError(f"{path}: longer than the {_LONGEST_PATH} bytes that a Unix socket's path may have")
        self._loop = loop
        self._path = path
        self._connections: list[Connection] = []
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o600)

    def open(self, serve: Callable[[Connection, Any], None]) -> None:
        """Begin to let clients in."""
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._loop.watch(self._listener.fileno(), lambda _: self._accept(serve))

    def close(self) -> None:
        """Drop every client and take the socket away."""
        for connection in self._connections:
            connection.close()
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self, serve: Callable[[Connection, Any], None]) -> None:
        try:
            accepted, _ = self._listener.accept()
        except BlockingIOError:
            return
        self._connections = [connection for connection in self._connections if not connection.gone]
        self._connections.append(Connection(self._loop, accepted, serve))
