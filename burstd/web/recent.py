"""Answers that many ask for at once: one asks the daemon, and all get what it said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from burstd.web.sources import Document


class Recent:
    """A document that is at most `seconds` old; one thread at a time asks for another."""

    def __init__(
        self,
        ask: Callable[[], Document],
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._document: Document = {}

    def __call__(self) -> Document:
        """Return it. Raises what asking raises."""
        with self._lock:
            if self._clock() - self._at >= self._seconds:
                self._document = self._ask()
                self._at = self._clock()
            return self._document
