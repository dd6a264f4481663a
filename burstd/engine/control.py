"""The socket in the state directory for orders and questions, from this user or root: lines of JSON.

A thread takes the lines; the main loop obeys and answers, since it alone has the state.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burstd.core.errors import BurstdError
from burstd.engine.orders import Order
from burstd.engine.questions import PATIENCE_SECONDS, Question, Questions

log = logging.getLogger(__name__)

NAME = "control"
"""The name of the socket in the state directory."""

LINE_LIMIT = 65536
_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid of the peer: unix(7), SO_PEERCRED."""


@dataclass(frozen=True, slots=True)
class Call:
    """An order that came in; `answer` says what became of it, and whether that is all."""

    order: Order
    said: queue.SimpleQueue[tuple[tuple[str, ...], bool]] = field(default_factory=queue.SimpleQueue)

    def answer(self, *sentences: str, done: bool = True) -> None:
        self.said.put((sentences, done))


class Control:
    """Listens from `open` until `close`."""

    def __init__(self, state: Path, wake: Callable[[], None], questions: Questions) -> None:
        self._state = state
        self._wake = wake
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._questions = questions
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)
        self._closing = threading.Event()

    def open(self) -> None:
        """Begin to listen. Raises BurstdError where no socket can be made."""
        path = self._state / NAME
        try:
            with short(self._state) as folder:
                path.unlink(missing_ok=True)
                self._socket.bind(f"{folder}/{NAME}")
                path.chmod(0o600)
            self._socket.listen()
        except OSError as exc:
            raise BurstdError(f"no socket for orders can be made at {path}: {exc.strerror}") from exc
        self._thread.start()

    def calls(self) -> Iterator[Call]:
        """Yield the orders that came in since the last time."""
        while not self._calls.empty():
            yield self._calls.get_nowait()

    def close(self) -> None:
        """Listen no more. Who waits for an answer is told that none comes."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        (self._state / NAME).unlink(missing_ok=True)
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        for call in self.calls():
            call.answer("burstd was stopped before it could obey.")
        self._questions.refuse()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), name="control peer", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.closing(peer), contextlib.suppress(OSError):
            peer.settimeout(PATIENCE_SECONDS)
            try:
                heard = _heard(peer)
            except (ValueError, TypeError) as exc:
                _say(peer, (str(exc),), done=True, fine=False)
                return
            self._take(heard, peer)

    def _take(self, heard: Call | Question, peer: socket.socket) -> None:
        if isinstance(heard, Question):
            _tell(self._questions.put(heard), peer)
        else:
            self._calls.put(heard)
            self._wake()
            self._pass_on(heard, peer)

    def _pass_on(self, call: Call, peer: socket.socket) -> None:
        done = False
        while not done:
            try:
                sentences, done = call.said.get(timeout=1.0)
            except queue.Empty:
                if self._closing.is_set():
                    sentences, done = (
                        ("burstd was stopped; the order stands, and the next start takes it up.",),
                        True,
                    )
                else:
                    sentences = ()
            _say(peer, sentences, done=done)


def ask(state: Path, order: Order) -> Iterator[str]:
    """Have a running daemon obey; yield its sentences as they come.

    Raises FileNotFoundError and ConnectionRefusedError where none runs, BurstdError where it refuses.
    """
    with short(state) as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(f"{folder}/{NAME}")
        peer.sendall(json.dumps(order.written()).encode() + b"\n")
        for line in peer.makefile("rb"):
            said = json.loads(line)
            if not said["fine"]:
                raise BurstdError(" ".join(said["sentences"]))
            yield from said["sentences"]
            if said["done"]:
                return
    raise BurstdError("burstd ended before it had answered; the order may stand: ask again")


def question(state: Path, about: str) -> dict[str, Any]:
    """Return what a running daemon answers to a question.

    Raises FileNotFoundError and ConnectionRefusedError where none runs, BurstdError where none answers.
    """
    with short(state) as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(2 * PATIENCE_SECONDS)
        peer.connect(f"{folder}/{NAME}")
        try:
            peer.sendall(json.dumps({"ask": about}).encode() + b"\n")
            line = peer.makefile("rb").readline()
        except TimeoutError as exc:
            raise BurstdError("burstd runs and does not answer; its log may tell why") from exc
    if not line:
        raise BurstdError("burstd ended before it had answered")
    said: dict[str, Any] = json.loads(line)
    if not said["fine"]:
        raise BurstdError(" ".join(said["sentences"]))
    return dict(said["answer"])


@contextlib.contextmanager
def short(folder: Path) -> Iterator[str]:
    """Have another path to a folder, of a few bytes: that of a socket may have 107 at most (unix(7))."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _heard(peer: socket.socket) -> Call | Question:
    """Read the one line. Raises ValueError, TypeError, OSError."""
    _, userid, _ = _CREDENTIALS.unpack(
        peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    # whoever is refused is heard out: what is closed with a line unread reaches the other side as an error
    line = peer.makefile("rb").readline(LINE_LIMIT)
    if userid not in (0, os.geteuid()):
        raise ValueError(f"uid {userid} may not order or ask here: only the user of burstd may, and root")
    fields: Any = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("an order is a JSON object")
    return _question(fields, userid) if "ask" in fields else Call(Order.read(fields, userid))


def _question(fields: Mapping[str, Any], userid: int) -> Question:
    if fields not in ({"ask": "status"}, {"ask": "metrics"}):
        raise ValueError(f"there is no question {fields['ask']!r}")
    return Question(fields["ask"], userid=userid)


def _tell(document: Mapping[str, Any] | None, peer: socket.socket) -> None:
    if document is None:
        _say(peer, ("burstd is busy, or is being stopped: ask again",), done=True, fine=False)
    else:
        peer.sendall(json.dumps({"answer": document, "fine": True}).encode() + b"\n")


def _say(peer: socket.socket, sentences: tuple[str, ...], *, done: bool, fine: bool = True) -> None:
    line = json.dumps({"sentences": sentences, "done": done, "fine": fine})
    peer.sendall(line.encode() + b"\n")
