"""The server: a socket, and a thread of its own with its own event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from burstd.config.http import HttpConfig
from burstd.web.access import Access
from burstd.web.api import application
from burstd.web.doorway import Doorway
from burstd.web.sources import Sources

CONNECTIONS = 64
"""At once. More are closed at once: whoever reaches the port must not use up the daemon's files."""

REQUEST_SECONDS = 10.0
"""How long a connection may take to send its first request."""

KEEP_SECONDS = 15
"""How long a connection is kept for the next request."""

STOP_SECONDS = 10.0


class Server:
    """Listens from `start` until `stop`."""

    def __init__(self, http: HttpConfig, sources: Sources) -> None:
        self._http = http
        self._server = uvicorn.Server(_settings(http, sources))
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[bool, str]:
        """Begin to listen; return whether it does, and a sentence: where, or why not."""
        try:
            opened = _listening(self._http.bind, self._http.port)
        except OSError as exc:
            return False, self._not_opened(exc)
        port = opened.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(opened,), name="http", daemon=True)
        self._thread.start()
        return True, f"the page is at {_address(self._http.bind, port)}"

    def stop(self) -> None:
        """Listen no more; requests that are being answered have a moment to end."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _serve(self, opened: socket.socket) -> None:
        with opened:
            self._server.run(sockets=[opened])

    def _not_opened(self, exc: OSError) -> str:
        place = f"port {self._http.port} of {self._http.bind}"
        return (
            f"HTTP cannot be served at {place} ({exc.strerror}), and burstd goes on without it: "
            "name another port with http.port, or set http.off"
        )


class Connection(H11Protocol):
    """One connection: closed at once where there are too many, and where it asks nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(REQUEST_SECONDS, self._end_unless_asked)

    def _end_unless_asked(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.abort()


def _settings(http: HttpConfig, sources: Sources) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    options: dict[str, Any] = {
        "http": Connection,
        "loop": "asyncio",
        "ws": "none",
        "lifespan": "off",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "timeout_keep_alive": KEEP_SECONDS,
        "timeout_graceful_shutdown": 2,
    }
    return uvicorn.Config(Doorway(application(sources), Access.of(http)), **options)


def _listening(bind: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    opened = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(CONNECTIONS)
    except OSError:
        opened.close()
        raise
    return opened


def _address(bind: str, port: int) -> str:
    return f"http://[{bind}]:{port}/" if ":" in bind else f"http://{bind}:{port}/"
