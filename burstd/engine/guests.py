"""The socket at which other users of the machine may ask, where the configuration names one: never order.

Each is answered in a thread of its own from the last tick, a few at once and not too often, and is told what
others may know: the main loop is not kept busy by strangers.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from burstd.core.errors import ConfigError, Problem
from burstd.engine.client import short
from burstd.engine.control import read_question, tell
from burstd.engine.door import Door, say
from burstd.engine.window import Window

LINE_LIMIT = 1024
"""Bytes of a question: what is longer is none."""

QUESTIONS_AT_ONCE = 20
"""So many questions one user may ask in a row."""

QUESTIONS_PER_SECOND = 2.0
"""So many more each second after that."""

log = logging.getLogger("burstd")

PENALTY_SECONDS = 1.0
"""How long who asks too often waits to be told so, with a connection less meanwhile."""

_WRITABLE_BY_OTHERS = 0o022


class Pace:
    """How often each user may ask. Any thread may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._left: dict[int, tuple[float, float]] = {}
        """How many questions each user may still ask, as of a moment; who may ask all is not kept."""

    def admits(self, userid: int) -> bool:
        """Count one question, and say whether it is one too many."""
        with self._lock:
            now = self._clock()
            grown = {user: self._grown(user, now) for user in (*self._left, userid)}
            admitted = grown[userid] >= 1
            grown[userid] -= admitted
            self._left = {user: (left, now) for user, left in grown.items() if left < QUESTIONS_AT_ONCE}
            return admitted

    def _grown(self, userid: int, now: float) -> float:
        left, at = self._left.get(userid, (float(QUESTIONS_AT_ONCE), now))
        return min(left + (now - at) * QUESTIONS_PER_SECOND, QUESTIONS_AT_ONCE)


class Guests:
    """Listens from `open` until `close`."""

    def __init__(
        self,
        path: Path,
        window: Window,
        pace: Pace | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._door = Door(path, 0o666, self._serve)
        self._window = window
        self._pace = pace or Pace()
        self._pause = pause

    def open(self) -> None:
        """Begin to listen. Raises ConfigError where the socket's place is not burstd's, or not to be had."""
        try:
            self._check_place()
            self._door.open()
        except OSError as exc:
            raise _problem(f"no socket can be made at {self._door.path}: {exc.strerror}") from exc

    def close(self) -> None:
        """Listen no more."""
        self._door.close()

    def _check_place(self) -> None:
        """See that nobody else can put, or has, a socket in this one's place. Raises ConfigError, OSError."""
        path = self._door.path
        path.parent.mkdir(mode=0o755, exist_ok=True)
        folder = path.parent.resolve()
        for place in (folder, *folder.parents):
            if _is_changeable(place.stat(), sticky=place != folder):
                raise _problem(f"{place} can be changed by others, who could answer in burstd's name")
        if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
            raise _problem(f"{path} is there, and is no socket")
        if _is_answered(path):
            raise _problem(f"somebody answers at {path} already; every burstd needs a socket of its own")

    def _serve(self, peer: socket.socket, userid: int) -> None:
        line = peer.makefile("rb").readline(LINE_LIMIT)
        if userid not in (0, os.geteuid()) and not self._pace.admits(userid):
            self._pause(PENALTY_SECONDS)
            say(peer, ("You ask too often: ask again in a moment.",), done=True, fine=False)
            return
        try:
            asked = read_question(_fields(line), userid)
        except (ValueError, RecursionError) as exc:
            say(peer, (str(exc),), done=True, fine=False)
            return
        tell(self._window.answer(asked), peer)


@contextmanager
def answered(path: Path | None, window: Window) -> Iterator[None]:
    """Have guests answered at a path, if there is one. Raises ConfigError as `Guests.open` does."""
    if path is None:
        yield
        return
    guests = Guests(path, window)
    guests.open()
    log.info("every user of this machine may ask at %s; nobody orders there", path)
    try:
        yield
    finally:
        guests.close()


def _fields(line: bytes) -> dict[str, object]:
    """Read a question. Raises ValueError, RecursionError."""
    fields = json.loads(line)
    if not isinstance(fields, dict) or "ask" not in fields:
        raise ValueError("only questions are answered here; orders are for burstd's user, in its state_dir")
    return fields


def _is_changeable(found: os.stat_result, *, sticky: bool) -> bool:
    """Say whether others can change a directory; `sticky`: one in which each changes only its own will do."""
    if found.st_uid not in (0, os.geteuid()):
        return True
    return bool(found.st_mode & _WRITABLE_BY_OTHERS) and not (sticky and found.st_mode & stat.S_ISVTX)


def _is_answered(path: Path) -> bool:
    with short(path.parent) as folder, socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(f"{folder}/{path.name}")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def _problem(what: str) -> ConfigError:
    hint = "name a file in a directory that only burstd's user may change and everybody may enter"
    return ConfigError((Problem("guests.socket", what, hint),))
