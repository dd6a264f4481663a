"""The ledger as others than the main loop read it: by a connection of their own, which changes nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from burstd.core.errors import LedgerError
from burstd.core.model import Burst
from burstd.core.timeline import BurstLines, lines
from burstd.engine.ledger import past_and_present
from burstd.engine.tables import looked_into

DAY_SECONDS = 86400.0

MOST = 500
"""The most events of one page, and the most bursts of the time line."""

_LEAST_BLOCKS = 64
"""A disk with fewer free blocks than these counts as full: SQLite needs some for each write."""

_LOCK_SECONDS = 0.2


class History:
    """The ledger's file; each question opens it anew, so any thread may ask. Raises LedgerError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def bursts(self, now: float) -> BurstLines:
        """Return the bursts that live, and those that went within a day, with their phases."""
        since = now - DAY_SECONDS
        with self._opened() as db:
            found = past_and_present(db, since, MOST)
            return lines(found, _told(db, found), now, since)

    def events(self, limit: int, before: int | None) -> dict[str, Any]:
        """Return the latest sentences, the newest first, of those before one if it is named."""
        most = min(limit, MOST)
        query = "SELECT id, at, sentence FROM decisions WHERE id < ? ORDER BY id DESC LIMIT ?"
        with self._opened() as db:
            rows = db.execute(query, (before if before is not None else 1 << 62, most + 1)).fetchall()
        events = [{"id": id_, "at": at, "sentence": sentence} for id_, at, sentence in rows[:most]]
        return {"events": events, "before": events[-1]["id"] if len(rows) > most else None}

    def trouble(self) -> str:
        """Say what keeps the ledger from being written; "" if nothing does."""
        try:
            return _full(self._path) or _unwritable(self._path)
        except OSError as exc:
            return f"the ledger {self._path} cannot be written: {exc.strerror}"

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(looked_into(self._path)) as db:
                yield db
        except (sqlite3.Error, ValueError, KeyError, TypeError) as exc:
            raise LedgerError(f"the ledger {self._path} cannot be read now: {exc}") from exc


def _told(db: sqlite3.Connection, bursts: tuple[Burst, ...]) -> list[tuple[float, str]]:
    """Return what was decided since the oldest of these bursts was planned."""
    oldest = min((burst.created for burst in bursts), default=0.0)
    query = "SELECT at, sentence FROM decisions WHERE at >= ? ORDER BY id"
    return [(at, text) for at, text in db.execute(query, (oldest,))] if bursts else []


def _full(path: Path) -> str:
    found = os.statvfs(path)
    if found.f_flag & os.ST_RDONLY:
        return f"the ledger {path} cannot be written: its file system is read-only"
    if found.f_blocks and found.f_bavail < _LEAST_BLOCKS:
        return f"the ledger {path} cannot be written: its disk is full"
    return ""


def _unwritable(path: Path) -> str:
    """Take the ledger's lock for a moment, as a write does; where somebody else has it, it is written now."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            db.isolation_level = None
            db.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000:.0f}")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.Error as exc:
        busy = getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        return "" if busy else f"the ledger {path} cannot be written: {exc}"
    return ""
