"""Whoever takes notices over HTTP: a real server on a socket of this machine, with or without TLS."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request: its path, its headers, its document."""

    path: str
    headers: dict[str, str]
    document: Any


@dataclass
class Listener:
    """Answers each request with the next of `answers`, then with 200; `release` lets held ones go on."""

    answers: list[int] = field(default_factory=list)
    location: str = ""
    tls: ssl.SSLContext | None = None
    held: bool = False
    heard: list[Heard] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Listener:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "/hook") -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://localhost:{self._server.server_port}{path}"

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Hear one request and answer it."""
        content = request.rfile.read(int(request.headers["Content-Length"]))
        with self.came:
            self.heard.append(Heard(request.path, dict(request.headers), json.loads(content)))
            code = self.answers.pop(0) if self.answers else 200
            self.came.notify_all()
        if self.held:
            self.release.wait(60)
        request.send_response(code)
        if self.location:
            request.send_header("Location", self.location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def until(self, count: int, seconds: float = 30.0) -> list[Heard]:
        """Return what was heard once it is so many requests."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.heard) >= count, seconds), self.heard
            return list(self.heard)
