"""Who carries notices away from the main loop: a thread and a short queue for each target."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from burstd.core.errors import Undelivered
from burstd.core.notices import Notice

log = logging.getLogger("burstd")

QUEUED = 100
"""Notices that wait for one target; beyond that the oldest are dropped: the newest tell what is so now."""

CLOSE_SECONDS = 5.0
"""How long burstd, when it stops, waits for notices that are under way."""


class Target(Protocol):
    """Whom something is told, and how."""

    @property
    def name(self) -> str:
        """What it is called, with nothing that is secret."""

    def deliver(self, notice: Notice, stop: threading.Event) -> None:
        """Tell it; return early, or raise Undelivered, once `stop` is set. Raises Undelivered."""


class Courier:
    """Tells one target, one notice after the other; no other target waits for it."""

    def __init__(self, place: str, target: Target, events: Iterable[str], most: int = QUEUED) -> None:
        """Begin. `place` is where the configuration names the target, `events` what it is told of."""
        self.name = f"{place} ({target.name})"
        self._target = target
        self._events = frozenset(map(str, events))
        self._most = most
        self._queue: deque[Notice] = deque()
        self._news = threading.Condition()
        self._closing = False
        self._dropping = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def post(self, notice: Notice) -> None:
        """Have it told, if it is of an event that the target hears of; returns at once."""
        if notice.event not in self._events:
            return
        with self._news:
            if len(self._queue) >= self._most:
                self._queue.popleft()
                self._say_dropped()
            self._queue.append(notice)
            self._news.notify()

    def begin_close(self) -> None:
        """Take what is queued as all there is."""
        with self._news:
            self._closing = True
            self._news.notify()

    def close(self, deadline: float) -> None:
        """Wait until all was told, or until the deadline (of time.monotonic); what is left then is lost."""
        self._thread.join(max(deadline - time.monotonic(), 0.0))
        self._stop.set()
        with self._news:
            left, under_way = len(self._queue), self._thread.is_alive()
            self._queue.clear()
        if left or under_way:
            log.warning("%s: burstd stops; notices not delivered in time: %d", self.name, left + under_way)
        self._thread.join(1.0)  # a command that was killed is waited for, an answer is not

    def _say_dropped(self) -> None:
        if not self._dropping:
            text = "%s: it takes notices more slowly than they come; the oldest are dropped"
            log.warning(text, self.name)
        self._dropping = True

    def _run(self) -> None:
        while (notice := self._next()) is not None:
            try:
                self._target.deliver(notice, self._stop)
            except Undelivered as exc:
                if not self._stop.is_set():
                    log.warning("%s: %s was not delivered: %s", self.name, about(notice), exc)

    def _next(self) -> Notice | None:
        with self._news:
            self._news.wait_for(lambda: bool(self._queue) or self._closing)
            if not self._queue:
                return None
            notice = self._queue.popleft()
            self._dropping = self._dropping and bool(self._queue)
            return notice


def about(notice: Notice) -> str:
    """Say which notice it is."""
    subject = notice.burst or notice.pool
    return f"{notice.event} of {subject}" if subject else str(notice.event)


def close(couriers: Iterable[Courier], seconds: float = CLOSE_SECONDS) -> None:
    """Let all end together, in so many seconds or hardly more."""
    all_of_them = tuple(couriers)
    deadline = time.monotonic() + seconds
    for one in all_of_them:
        one.begin_close()
    for one in all_of_them:
        one.close(deadline)
