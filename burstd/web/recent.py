"""Answers that many ask for at once: one asks the daemon, and all get what it said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from burstd.web.sources import Document, NoAnswer

LEAST_SECONDS = 1.0
"""How old an answer may be that is given again."""

SHARE = 0.1
"""The part of its time that a daemon with very many jobs may spend on answers, at the most."""


class Recent:
    """A document that is seldom older than a second; one thread at a time asks for another."""

    def __init__(self, ask: Callable[[], Document], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = float("-inf")
        """When the last answer came, or was given up."""
        self._next = float("-inf")
        """From when on another one is asked for."""
        self._document: Document = {}
        self._trouble = ""

    def __call__(self) -> Document:
        """Return it. Raises what asking raises; who waited for another's question shares what came of it."""
        came = self._clock()
        with self._lock:
            if self._asked < came and self._clock() >= self._next:
                self._renew()
            if self._trouble:
                raise NoAnswer(self._trouble)
            return self._document

    def _renew(self) -> None:
        begun, self._trouble = self._clock(), ""
        try:
            self._document = self._ask()
        except NoAnswer as exc:
            self._trouble = str(exc)
        self._asked = self._clock()
        took = self._asked - begun
        self._next = self._asked + (0.0 if self._trouble else max(LEAST_SECONDS, took / SHARE))
