"""What burstd says and is told, listened to on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from burstd.plugins.contract import Listing


class Listened:
    """A provider whose listings are told to the run, too."""

    def __init__(self, real: Any, pool: str, told: Callable[[str, Listing], None]) -> None:
        self._real = real
        self._pool = pool
        self._told = told

    def observe(self) -> Listing:
        listing: Listing = self._real.observe()
        self._told(self._pool, listing)
        return listing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Listening(logging.Handler):
    """Keeps what burstd says while the context lasts."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.getMessage()}")

    def __enter__(self) -> None:
        root = logging.getLogger("burstd")
        self._before = root.level, root.propagate
        root.setLevel(logging.INFO)
        root.propagate = False
        root.addHandler(self)

    def __exit__(self, *_: object) -> None:
        if not hasattr(self, "_before"):
            return
        root = logging.getLogger("burstd")
        root.removeHandler(self)
        root.level, root.propagate = self._before
