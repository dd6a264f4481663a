"""The API server: HTTP/1.1 on a loopback port, with or without TLS, over a store that outlives it."""

from __future__ import annotations

import json
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from fakes.kube.authority import Account, check, reviewed
from fakes.kube.controllers import Controllers, Pace
from fakes.kube.faults import Fault, Faults
from fakes.kube.kinds import Kinds
from fakes.kube.requests import Answer, Request
from fakes.kube.routes import Routes
from fakes.kube.status import Object, Refused
from fakes.kube.store import Store

_OPEN_PATHS = {"/readyz", "/livez", "/healthz", "/version"}
"""Also for those who bring no token."""

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
"""Where anybody may ask what they may do; nothing is kept of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request that arrived, at a time of the monotonic clock. `status` is 0 until it is answered."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    at: float
    user_agent: str
    status: int = 0


class Lost(Exception):
    """The connection shall be closed without an answer."""


class ApiServer:
    """A cluster's API. `pace`, `faults`, `store` and `bookmark_seconds` may be changed while it runs."""

    def __init__(self, tls: bool = False, token: str | Callable[[], str] | None = None) -> None:
        self.store = Store(Kinds())
        self.faults = Faults()
        self.pace = Pace()
        self.requests: list[Record] = []
        self.skew_seconds = 0.0
        """By how much the server's clock is ahead."""
        self.ca_pem = b""
        self._token = token
        self._accounts: dict[str, Account] = {}
        self._routes = Routes(self.store)
        self._controllers = Controllers(self.store, self.pace)
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._listener: _Listener | None = None
        self._tls = self._make_tls() if tls else None
        for name in ("default", "kube-system"):
            self.store.create("namespaces", {"metadata": {"name": name}})

    def __enter__(self) -> ApiServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Listen, on a port of the system's choice for 0; after `stop` again, with all objects."""
        self.store.open()
        self._listener = _Listener(self, port, self._tls)
        self._controllers.start()
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="fake-kube-listener"
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and end every thread."""
        if self._listener is None:
            return
        self.store.close()
        self._running.set()
        self._listener.shutdown()
        self._listener.drop_connections()
        self._listener.server_close()
        self._thread.join()
        self._controllers.stop()
        self._listener = None

    @property
    def port(self) -> int:
        assert self._listener, "the server is not started"
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def deployments_stay_down(self) -> bool:
        return self._controllers.deployments_stay_down

    @deployments_stay_down.setter
    def deployments_stay_down(self, value: bool) -> None:
        self._controllers.deployments_stay_down = value
        self._controllers.look()

    @property
    def bookmark_seconds(self) -> float:
        """How often a watch that allows it gets a bookmark; it gets one at its end in any case."""
        return self._routes.bookmark_seconds

    @bookmark_seconds.setter
    def bookmark_seconds(self, value: float) -> None:
        self._routes.bookmark_seconds = value

    def token(self) -> str | None:
        """Return the bearer token that is let in now."""
        return self._token() if callable(self._token) else self._token

    def account_token(self, namespace: str, name: str) -> str:
        """Return a token of a ServiceAccount, who may do what RBAC allows; nobody else is so confined."""
        token = f"account-{secrets.token_hex(8)}"
        self._accounts[token] = Account(namespace, name)
        return token

    def freeze(self) -> None:
        """Answer nothing: requests and watches wait."""
        self._running.clear()

    def thaw(self) -> None:
        """Answer again, first what came while frozen."""
        self._running.set()

    def drop_connections(self) -> None:
        """Cut every connection, watches too."""
        if self._listener:
            self._listener.drop_connections()

    def compact(self) -> None:
        """Forget the history: watches and pages from before are answered with 410."""
        self.store.compact()

    def write_kubeconfig(self, path: Path, context: str = "fake", token: str = "") -> Path:
        """Write a kubeconfig of mode 0600 with one context and, where there is a token, its user."""
        token = token or self.token() or ""
        cluster: Object = {"server": self.url}
        if self.ca_pem:
            import base64

            cluster["certificate-authority-data"] = base64.b64encode(self.ca_pem).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": {"token": token} if token else {}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        }
        path = Path(path)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def note(self, record: Record) -> int:
        """Keep a request that arrived; return its place."""
        with self._lock:
            self.requests.append(record)
            return len(self.requests) - 1

    def note_status(self, place: int, status: int) -> None:
        with self._lock:
            if place < len(self.requests):
                self.requests[place] = replace(self.requests[place], status=status)

    def answer(self, request: Request, target: str) -> Answer:
        """Return the answer to a request, by way of freeze, faults and token. Raises Lost."""
        self.wait_thawed()
        fault = self.faults.take(request.method, target)
        if fault and (answer := self._befall(fault)):
            return answer
        answer = self._refuse(request) or self._reviewed(request) or self._routes.answer(request)
        if fault and fault.drop == "after":
            raise Lost
        return replace(answer, broken=True) if fault and fault.drop == "within" else answer

    def wait_thawed(self) -> None:
        self._running.wait()

    def _befall(self, fault: Fault) -> Answer | None:
        if fault.delay:
            self.store.wait_closed(fault.delay)
        if fault.drop == "before":
            raise Lost
        if fault.status is None:
            return None
        code, body, retry_after = fault.answer()
        return Answer(code, body, {} if retry_after is None else {"Retry-After": str(retry_after)})

    def _refuse(self, request: Request) -> Answer | None:
        given, wanted = request.headers.get("authorization"), self.token()
        account = self._accounts.get((given or "").removeprefix("Bearer "))
        if account is not None:
            return self._confine(account, request)
        if wanted is None or given == f"Bearer {wanted}":
            return None
        if given is None and request.path.rstrip("/") in _OPEN_PATHS:
            return None
        return Answer(401, Refused(401, "Unauthorized").body())

    def _reviewed(self, request: Request) -> Answer | None:
        if request.method != "POST" or request.path != _REVIEWS:
            return None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return Answer(201, reviewed(self.store, self._accounts.get(token), request.document()))

    def _confine(self, account: Account, request: Request) -> Answer | None:
        try:
            check(self.store, account, request)
        except Refused as refused:
            return Answer(refused.code, refused.body())
        return None

    def _make_tls(self) -> ssl.SSLContext:
        import trustme

        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context


class _Listener(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits only for threads that are none
    request_queue_size = 64

    def __init__(self, api: ApiServer, port: int, tls: ssl.SSLContext | None) -> None:
        self.api = api
        self._tls = tls
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._closing = False
        super().__init__(("127.0.0.1", port), _Conversation)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection; that a client goes away is no error."""
        with suppress(OSError), self._secured(request) as connection, self._tracked(connection):
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            self.finish_request(connection, client_address)

    def drop_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                _shut(connection)

    def shutdown(self) -> None:
        self._closing = True
        super().shutdown()

    def _secured(self, request: socket.socket) -> socket.socket:
        """Return the connection as it is spoken on. A client that is gone already has none to be secured."""
        if self._tls is None:
            return request
        with closing(request):  # which gives its place to what it is wrapped in
            request.getpeername()
            return self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._connections_lock:
            self._connections.add(connection)
            if self._closing:
                _shut(connection)
        try:
            yield
        finally:
            with self._connections_lock:
                self._connections.discard(connection)
            _shut(connection)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Conversation(BaseHTTPRequestHandler):
    """The requests of one connection, one after another."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves as one packet where it fits
    server: _Listener

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return what stands in the header Date."""
        return super().date_time_string((timestamp or time.time()) + self.server.api.skew_seconds)

    def log_message(self, *_: object) -> None:
        """Say nothing; `requests` tells."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _serve(self) -> None:
        request = self._read()
        api = self.server.api
        place = api.note(_record(request))
        try:
            answer = api.answer(request, self.path)
        except Lost:
            self.close_connection = True
            return
        api.note_status(place, answer.code)
        api.wait_thawed()
        if isinstance(answer.body, dict | str):
            self._send(answer)
        else:
            self._stream(answer.body)

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        return Request(self.command, parts.path, query, headers, body, self._is_client_there)

    def _send(self, answer: Answer) -> None:
        is_text = isinstance(answer.body, str)
        body = answer.body.encode() if is_text else json.dumps(answer.body).encode()
        self.send_response(answer.code)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.broken else body)
        self.wfile.flush()
        self.close_connection = self.close_connection or answer.broken

    def _stream(self, events: Iterator[Object]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in events:
            self.server.api.wait_thawed()
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _is_client_there(self) -> bool:
        """Whoever watches sends nothing more, so anything to read is the end."""
        return not select.select([self.connection], [], [], 0)[0]


def _record(request: Request) -> Record:
    body = None
    if request.body:
        try:
            body = request.content()
        except Refused:
            body = request.body
    agent = request.headers.get("user-agent", "")
    return Record(request.method, request.path, request.query, body, time.monotonic(), agent)
