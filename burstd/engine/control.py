"""The socket in the state directory for orders and questions, from this user or root: lines of JSON.

A thread takes the lines; the main loop obeys and answers, since it alone has the state. What can be told from
the last tick is told at once, at the window.
"""

from __future__ import annotations

import json
import os
import queue
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burstd.core.errors import BurstdError
from burstd.engine.client import NAME as NAME
from burstd.engine.client import ask as ask
from burstd.engine.client import question as question
from burstd.engine.client import short as short
from burstd.engine.door import Door, say
from burstd.engine.orders import Order
from burstd.engine.questions import Question, Questions
from burstd.engine.window import Window

LINE_LIMIT = 65536

FOR_GUESTS = ("status", "waiting", "why")
"""The questions whose answers depend on who asks, so that everybody may."""

QUESTIONS = (*FOR_GUESTS, "metrics")


@dataclass(frozen=True, slots=True)
class Call:
    """An order that came in; `answer` says what became of it, and whether that is all."""

    order: Order
    said: queue.SimpleQueue[tuple[tuple[str, ...], bool]] = field(default_factory=queue.SimpleQueue)

    def answer(self, *sentences: str, done: bool = True) -> None:
        self.said.put((sentences, done))


class Control:
    """Listens from `open` until `close`."""

    def __init__(
        self, state: Path, wake: Callable[[], None], questions: Questions, window: Window | None = None
    ) -> None:
        self._door = Door(state / NAME, 0o600, self._serve)
        self._wake = wake
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._questions = questions
        self._window = window

    def open(self) -> None:
        """Begin to listen. Raises BurstdError where no socket can be made."""
        try:
            self._door.open()
        except OSError as exc:
            what = f"no socket for orders can be made at {self._door.path}"
            raise BurstdError(f"{what}: {exc.strerror}") from exc

    def calls(self) -> Iterator[Call]:
        """Yield the orders that came in since the last time."""
        while not self._calls.empty():
            yield self._calls.get_nowait()

    def close(self) -> None:
        """Listen no more. Who waits for an answer is told that none comes."""
        self._door.close()
        for call in self.calls():
            call.answer("burstd was stopped before it could obey.")
        self._questions.refuse()

    def _serve(self, peer: socket.socket, userid: int) -> None:
        try:
            heard = _heard(peer, userid)
        except (ValueError, TypeError, RecursionError) as exc:
            say(peer, (str(exc),), done=True, fine=False)
            return
        self._take(heard, peer)

    def _take(self, heard: Call | Question, peer: socket.socket) -> None:
        if isinstance(heard, Question):
            at_once = self._window is not None and heard.ask in self._window.answers
            tell(self._window.answer(heard) if self._window and at_once else self._questions.put(heard), peer)
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
                if self._door.closing:
                    sentences, done = (
                        ("burstd was stopped; the order stands, and the next start takes it up.",),
                        True,
                    )
                else:
                    sentences = ()
            say(peer, sentences, done=done)


def read_question(fields: Mapping[str, Any], userid: int, kinds: Collection[str] = FOR_GUESTS) -> Question:
    """Return a question of these kinds as it came over a socket. Raises ValueError where it is none."""
    kind, about = str(fields.get("ask")), fields.get("about", {})
    if kind not in kinds:
        raise ValueError(f"there is no question {kind!r}")
    if fields.keys() - {"ask", "about"} or not isinstance(about, dict):
        raise ValueError("a question has `ask`, and perhaps `about`, and nothing else")
    if about.keys() != ({"job"} if kind == "why" else set()):
        raise ValueError(f"question {kind!r} is about {'one job' if kind == 'why' else 'nothing more'}")
    if kind == "why" and not _is_job_id(about["job"]):
        raise ValueError("a job id is a whole number of 64 bits (RFC 19)")
    return Question(kind, about, userid)


def tell(document: Mapping[str, Any] | None, peer: socket.socket) -> None:
    """Send the answer to a question; None: there is none. Raises OSError."""
    if document is None:
        say(peer, ("burstd is busy, or is being stopped: ask again",), done=True, fine=False)
    else:
        peer.sendall(json.dumps({"answer": document, "fine": True}).encode() + b"\n")


def _heard(peer: socket.socket, userid: int) -> Call | Question:
    """Read the one line. Raises ValueError, TypeError, RecursionError, OSError."""
    # whoever is refused is heard out: what is closed with a line unread reaches the other side as an error
    line = peer.makefile("rb").readline(LINE_LIMIT)
    if userid not in (0, os.geteuid()):
        raise ValueError(f"uid {userid} may not order or ask here: only the user of burstd may, and root")
    fields: Any = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("an order is a JSON object")
    return read_question(fields, userid, QUESTIONS) if "ask" in fields else Call(Order.read(fields, userid))


def _is_job_id(job: Any) -> bool:
    return isinstance(job, int) and not isinstance(job, bool) and 0 <= job < 1 << 64
