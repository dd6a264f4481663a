"""Who is in: the leaves that said hello, the lead's end of their connections, and when they are gone.

A leaf says `hello` (rank, host, hosts, hostname, cores, gpus, shape, any_hostname, noverify, met) and
gets `welcome` (uri, lead) or `disconnect` (why). It answers a welcome with `here`, and only then is in: as in
Flux, a host that is online knows its lead. Then it sends what its tasks say (see `Tasks`), is sent `run` and
`kill`, and ends with `goodbye`, which is answered by `goodbye`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import zmq

from burstd.core.hosts import expand
from burstd.join.curve import Certificate
from burstd.lead.embedded import sockets
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.settings import SettingsError

log = logging.getLogger("burstd.embedded")

_PROBE_SECONDS = (0.0, 0.05, 0.5)
"""When to ask which peer it was after a connection broke: the pipe is dropped a moment later."""


class Court(Protocol):
    """Who is told of joins and losses: the instance."""

    def joined(self, rank: int, hello: Mapping[str, Any]) -> None: ...

    def left(self, rank: int) -> None: ...

    def told(self, rank: int, message: dict[str, Any]) -> None: ...


@dataclass(slots=True)
class _Peer:
    rank: int
    hello: Mapping[str, Any]
    is_in: bool = False


class Overlay:
    """The lead's side. `uuid` is this lead's generation: a leaf that met another one is sent away."""

    def __init__(
        self, loop: Loop, certificate: Certificate, bind: str, hosts: tuple[str, ...], uuid: str
    ) -> None:
        self._loop = loop
        self._hosts = hosts
        self._uuid = uuid
        self._peers: dict[bytes, _Peer] = {}
        self._court: Court | None = None
        self._local_uri = ""
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gate = sockets.guard(loop, self._context, certificate)
        try:
            self._router = sockets.listen(self._context, certificate, bind)
        except SettingsError:
            self._context.destroy(linger=0)
            raise
        self._monitor = sockets.monitor(loop, self._router, zmq.EVENT_DISCONNECTED, self._connection_broke)
        self.endpoint = str(self._router.getsockopt_string(zmq.LAST_ENDPOINT)).rstrip("\0")

    def open(self, court: Court, local_uri: str) -> None:
        """Begin to let leaves in."""
        self._court, self._local_uri = court, local_uri
        self._loop.watch(self._router, lambda _: self._receive())

    def send(self, rank: int, message: dict[str, Any]) -> None:
        """Send to a leaf; one that is gone is noticed by its connection."""
        for identity, peer in self._peers.items():
            if peer.rank == rank:
                sockets.send(self._router, message, identity)

    def close(self) -> None:
        """Send every leaf away and stop listening."""
        for identity in self._peers:
            sockets.send(self._router, {"type": "disconnect", "why": "the lead shuts down"}, identity)
        self._router.disable_monitor()
        for socket in (self._gate, self._monitor, self._router):
            self._loop.unwatch(socket)
            socket.close()
        self._context.term()

    def _receive(self) -> None:
        for identity, message in sockets.receive(self._router):
            if message["type"] == "hello":
                self._hello(identity, message)
            elif identity in self._peers and self._court:
                self._heard(identity, message)

    def _heard(self, identity: bytes, message: dict[str, Any]) -> None:
        peer = self._peers[identity]
        if message["type"] == "here":
            self._let_in(peer)
        elif message["type"] == "goodbye":
            sockets.send(self._router, {"type": "goodbye"}, identity)
            self._drop(identity, "administrative shutdown")
        elif self._court:
            self._court.told(peer.rank, message)

    def _let_in(self, peer: _Peer) -> None:
        peer.is_in = True
        if self._court:
            self._court.joined(peer.rank, peer.hello)

    def _hello(self, identity: bytes, hello: Mapping[str, Any]) -> None:
        rank, host = int(hello["rank"]), str(hello["host"])
        why = self._objection(rank, host, hello)
        if why:
            log.error("overlay.err: rejecting connection from %s (rank %d): %s", host, rank, why)
            sockets.send(self._router, {"type": "disconnect", "why": why}, identity)
            return
        for old, peer in list(self._peers.items()):
            if peer.rank == rank:
                log.error(
                    "overlay.err: %s (rank %d) reconnected after crash, dropping old connection state",
                    host,
                    rank,
                )
                sockets.send(self._router, {"type": "disconnect", "why": "another one took its place"}, old)
                self._drop(old, "lost connection")
        log.info("overlay.debug: accepting connection from %s (rank %d) status full", host, rank)
        self._peers[identity] = _Peer(rank, hello)
        sockets.send(self._router, {"type": "welcome", "uri": self._local_uri, "lead": self._uuid}, identity)

    def _objection(self, rank: int, host: str, hello: Mapping[str, Any]) -> str:
        if hello["met"]:
            return f"it was connected before, to lead {hello['met']}; this is lead {self._uuid}"
        if not 0 < rank < len(self._hosts):
            return "no such rank: mismatched config?"
        if self._hosts[rank] != host:
            return f"{self._hosts[rank]} is configured as rank {rank}: mismatched config?"
        theirs = len(expand(str(hello["hosts"])))
        if theirs < len(self._hosts):
            return (
                f"error reranking R: Number of hosts ({theirs}) is less than node count ({len(self._hosts)})"
            )
        return ""

    def _connection_broke(self) -> None:
        for seconds in _PROBE_SECONDS:
            self._loop.after(seconds, self._probe)

    def _probe(self) -> None:
        """Find whom ROUTER cannot reach any more: that is at once, where a heartbeat takes its time."""
        for identity in list(self._peers):
            if not sockets.send(self._router, {"type": "ping"}, identity):
                self._drop(identity, "lost connection")

    def _drop(self, identity: bytes, why: str) -> None:
        peer = self._peers.pop(identity)
        log.info("overlay.info: %s (rank %d) is gone: %s", self._hosts[peer.rank], peer.rank, why)
        if self._court and peer.is_in:
            self._court.left(peer.rank)
