"""The ledger's tables, and how those of an earlier version become today's, in one transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from burstd.core.errors import LedgerDamaged, LedgerError

SCHEMA = 2
"""The version that this burstd writes; it reads every one before."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT)
"""What SQLite answers where a file's content is at fault: no database, a torn one, one of other tables."""

_PRIMARY = 0xFF
"""The bits of a SQLite code that tell its kind; the others tell more of it."""

_VERSION_1 = """
CREATE TABLE bursts (
    name TEXT PRIMARY KEY, pool TEXT NOT NULL, generation INTEGER NOT NULL,
    phase TEXT NOT NULL, record TEXT NOT NULL, written REAL NOT NULL);
CREATE INDEX bursts_pool ON bursts (pool, generation);
CREATE TABLE intents (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, verb TEXT NOT NULL,
    action TEXT NOT NULL, ended REAL, failure TEXT);
CREATE TABLE decisions (id INTEGER PRIMARY KEY, at REAL NOT NULL, sentence TEXT NOT NULL);
"""

_VERSION_2 = """
CREATE TABLE notes (key TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE proven (spec TEXT PRIMARY KEY);
CREATE TABLE uses (
    burst TEXT NOT NULL, job INTEGER NOT NULL, userid INTEGER NOT NULL, hosts INTEGER NOT NULL,
    begun REAL NOT NULL, ended REAL, PRIMARY KEY (burst, job, begun));
CREATE INDEX intents_open ON intents (id) WHERE ended IS NULL;
"""

_STEPS = (_VERSION_1, _VERSION_2)
"""What each version adds to the one before it."""


def opened(path: Path) -> sqlite3.Connection:
    """Open the file for writing, its tables brought to this version; every commit reaches the disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        path.chmod(0o600)
        _bring_up(db)
    except BaseException:
        db.close()
        raise
    return db


def _bring_up(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version < SCHEMA:
        steps = " ".join(_STEPS[version:])
        db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA}; COMMIT;")


def looked_into(path: Path) -> sqlite3.Connection:
    """Open the file for reading; nothing on the disk is changed."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def check(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a file that is whole. Raises TooNew for a newer one, LedgerDamaged."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise TooNew(
            f"the ledger {path} was written by a newer burstd (version {version}, this one reads up to "
            f"{SCHEMA}): start that one, or move the file away; bursts are then found by their sites' labels"
        )
    if not version > 0:
        raise LedgerDamaged(f"the ledger {path} has version {version}, which no burstd writes")
    # the quick check would not compare an index with its table, and generations are read from an index
    (verdict, *_) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise LedgerDamaged(f"the ledger {path} is damaged: {verdict}")
    return int(version)


def tells_damage(exc: Exception) -> bool:
    """Tell a file that is broken from one that is whole behind a full disk, a lock or missing rights."""
    if not isinstance(exc, sqlite3.Error):
        return isinstance(exc, ValueError)  # names in the file that are no text
    code = getattr(exc, "sqlite_errorcode", None)
    return code is None or code & _PRIMARY in _DAMAGE


class TooNew(LedgerError):
    """A ledger of a later version: it is whole, and not this burstd's to set aside."""
