"""The CURVE sockets between the brokers, and the gate (ZAP, ZeroMQ RFC 27) that lets in one key alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message
from zmq.utils.z85 import decode

from burstd.join.curve import Certificate
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.settings import SettingsError

_ZAP_ENDPOINT = "inproc://zeromq.zap.01"
_SILENCE_MS = 20_000
"""After how long a connection that says nothing is given up: Flux's tbon.tcp_user_timeout."""


def listen(context: zmq.Context[zmq.Socket[bytes]], certificate: Certificate, uri: str) -> zmq.Socket[bytes]:
    """Return a ROUTER bound to `uri`. Raises SettingsError when it cannot be bound."""
    router = _secured(context, zmq.ROUTER, certificate)
    router.curve_server = True
    router.router_mandatory = True
    try:
        router.bind(uri)
    except zmq.ZMQError as exc:
        raise SettingsError(f"cannot listen at {uri}: {exc.strerror}; see bind in [bootstrap]") from exc
    return router


def dealer(context: zmq.Context[zmq.Socket[bytes]], certificate: Certificate) -> zmq.Socket[bytes]:
    """Return a DEALER that lets in the certificate's own key alone; it is not connected yet."""
    made = _secured(context, zmq.DEALER, certificate)
    made.curve_serverkey = certificate.public_key
    made.reconnect_ivl = 100
    return made


def connect(dealer: zmq.Socket[bytes], uri: str) -> None:
    """Keep trying to reach `uri` from now on; neither a closed port nor a wrong key ends that.

    Watch the socket's events before: the handshake is done in another thread, and may be over when this
    returns. Raises SettingsError where `uri` is none.
    """
    try:
        dealer.connect(uri)
    except zmq.ZMQError as exc:
        raise SettingsError(f"cannot connect to {uri!r}: {exc.strerror}; see connect in [bootstrap]") from exc


def _secured(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, certificate: Certificate
) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.curve_publickey = certificate.public_key
    socket.curve_secretkey = certificate.secret_key
    socket.linger = 500
    socket.sndhwm = socket.rcvhwm = 0
    socket.heartbeat_ivl = _SILENCE_MS // 4
    socket.heartbeat_timeout = _SILENCE_MS
    socket.heartbeat_ttl = _SILENCE_MS
    return socket


def guard(loop: Loop, context: zmq.Context[zmq.Socket[bytes]], certificate: Certificate) -> zmq.Socket[bytes]:
    """Answer the ZAP requests of this process: the certificate's own key is let in, no other."""
    gate: zmq.Socket[bytes] = context.socket(zmq.REP)
    gate.bind(_ZAP_ENDPOINT)
    wanted = decode(certificate.public_key)

    def answer(_: int) -> None:
        version, request, _domain, _address, _identity, mechanism, *credentials = gate.recv_multipart()
        known = mechanism == b"CURVE" and credentials == [wanted]
        verdict = [b"200", b"OK"] if known else [b"400", b"No access"]
        gate.send_multipart([version, request, *verdict, b"", b""])

    loop.watch(gate, answer)
    return gate


def monitor(
    loop: Loop, socket: zmq.Socket[bytes], events: int, action: Callable[[], None]
) -> zmq.Socket[bytes]:
    """Call `action` on each of the socket's own events (handshake done, connection gone, ...)."""
    watched: zmq.Socket[bytes] = socket.get_monitor_socket(events)

    def happened(_: int) -> None:
        recv_monitor_message(watched)
        action()

    loop.watch(watched, happened)
    return watched


def receive(socket: zmq.Socket[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield (sender, message) for all that has arrived; the sender is b"" on a DEALER."""
    while int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
        *sender, body = socket.recv_multipart()
        yield b"".join(sender), json.loads(body)


def send(socket: zmq.Socket[bytes], message: dict[str, Any], to: bytes = b"") -> bool:
    """Send a message; False when the peer is not there any more."""
    body = json.dumps(message).encode()
    try:
        socket.send_multipart([to, body] if to else [body], zmq.NOBLOCK)
    except zmq.ZMQError as exc:
        if exc.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
            return False
        raise
    return True
