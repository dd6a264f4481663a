"""A Unix socket at which whoever comes is served by a thread; the kernel says who that is.

So many at once are let in as a machine bears; of one user who is not burstd's own, only a few.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from burstd.engine.client import short
from burstd.engine.questions import PATIENCE_SECONDS

PEERS = 64
"""So many are served at once at one door."""

PEERS_OF_ONE = 4
"""So many of these may be of one user who is neither burstd's own nor root."""

REST_SECONDS = 0.01
"""After somebody was turned away, before the next one is looked at."""

_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid of the peer: unix(7), SO_PEERCRED."""

Serve = Callable[[socket.socket, int], None]
"""Serves one peer, whose uid is told, and returns when it is done; an OSError ends it alone."""


class Door:
    """Listens from `open` until `close`, at `path`."""

    def __init__(self, path: Path, mode: int, serve: Serve) -> None:
        self.path = path
        self._mode = mode
        self._serve = serve
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._thread = threading.Thread(target=self._listen, name=path.name, daemon=True)
        self._closing = threading.Event()
        self._bound = False
        self._lock = threading.Lock()
        self._inside: Counter[int] = Counter()

    @property
    def closing(self) -> bool:
        """Whether nobody is let in any more."""
        return self._closing.is_set()

    def open(self) -> None:
        """Begin to listen. Raises OSError where no socket can be made."""
        with short(self.path.parent) as folder:
            self.path.unlink(missing_ok=True)
            self._socket.bind(f"{folder}/{self.path.name}")
            self._bound = True
            self.path.chmod(self._mode)
        self._socket.listen()
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more; those inside are served to the end."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._bound:
            self.path.unlink(missing_ok=True)
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)

    def _listen(self) -> None:
        while not self.closing:
            try:
                peer, _ = self._socket.accept()
            except OSError:  # closed; or this process has no descriptor left for now
                self._closing.wait(REST_SECONDS)
                continue
            if not self._admits(peer):
                # whoever comes again and again must not keep this process busy with turning them away
                self._closing.wait(REST_SECONDS)

    def _admits(self, peer: socket.socket) -> bool:
        userid = _userid(peer)
        if self._enters(userid):
            name = f"{self.path.name} peer"
            threading.Thread(target=self._host, args=(peer, userid), name=name, daemon=True).start()
            return True
        with contextlib.closing(peer), contextlib.suppress(OSError):
            peer.setblocking(False)
            say(peer, ("burstd is asked too much at once: ask again in a moment",), done=True, fine=False)
        return False

    def _enters(self, userid: int) -> bool:
        most = PEERS if userid in (0, os.geteuid()) else PEERS_OF_ONE
        with self._lock:
            if self._inside.total() >= PEERS or self._inside[userid] >= most:
                return False
            self._inside[userid] += 1
            return True

    def _host(self, peer: socket.socket, userid: int) -> None:
        try:
            with contextlib.closing(peer), contextlib.suppress(OSError):
                peer.settimeout(PATIENCE_SECONDS)
                self._serve(peer, userid)
        finally:
            with self._lock:
                self._inside[userid] -= 1
                self._inside += Counter()  # those who are not inside are forgotten


def say(peer: socket.socket, sentences: tuple[str, ...], *, done: bool, fine: bool = True) -> None:
    """Send sentences. Raises OSError."""
    line = json.dumps({"sentences": sentences, "done": done, "fine": fine})
    peer.sendall(line.encode() + b"\n")


def _userid(peer: socket.socket) -> int:
    _, userid, _ = _CREDENTIALS.unpack(
        peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return int(userid)
