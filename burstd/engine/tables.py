"""The ledger's tables, and how those of an earlier version become today's, in one transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from burstd.core.errors import LedgerError

SCHEMA = 2
"""The version that this burstd writes; it reads every one before."""

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
    path.chmod(0o600)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version < SCHEMA:
        steps = " ".join(_STEPS[version:])
        db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA}; COMMIT;")
    return db


def looked_into(path: Path) -> sqlite3.Connection:
    """Open the file for reading; nothing on the disk is changed."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def check(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a file that is whole. Raises LedgerError for a newer one, and a damaged one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise TooNew(
            f"the ledger {path} was written by a newer burstd (version {version}, this one reads up to "
            f"{SCHEMA}): start that one, or move the file away; bursts are then found by their sites' labels"
        )
    if not version > 0:
        raise LedgerError(f"the ledger {path} has version {version}, which no burstd writes")
    (verdict,) = db.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise LedgerError(f"the ledger {path} is damaged: {verdict}")
    return int(version)


class TooNew(LedgerError):
    """A ledger of a later version: it is whole, and not this burstd's to set aside."""
