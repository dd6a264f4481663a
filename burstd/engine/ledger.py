"""The ledger: burstd's durable record of intents, outcomes, bursts and decisions (SQLite, WAL).

The cloud is the truth about what exists; the ledger is the truth about what was meant. Losing it
loses no machine: bursts are found again by the labels on their sites.

Only the main loop writes. Every write is one transaction that is on the disk when the call returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from burstd.core.cooldown import cooled
from burstd.core.errors import LedgerError
from burstd.core.model import Action, Burst, Cooldown, Directory, Failure, Outcome, Phase, Verb

SCHEMA = 1

REMEMBERED = 20
"""How many of a pool's gone bursts are looked at for failures in a row: the pause is longest by then."""

_TABLES = """
CREATE TABLE bursts (
    name TEXT PRIMARY KEY, pool TEXT NOT NULL, generation INTEGER NOT NULL,
    phase TEXT NOT NULL, record TEXT NOT NULL, written REAL NOT NULL);
CREATE INDEX bursts_pool ON bursts (pool, generation);
CREATE TABLE intents (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, verb TEXT NOT NULL,
    action TEXT NOT NULL, ended REAL, failure TEXT);
CREATE TABLE decisions (id INTEGER PRIMARY KEY, at REAL NOT NULL, sentence TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect as it was meant. `ended` is None while its outcome is unknown."""

    id: int
    at: float
    action: Action
    ended: float | None = None
    failure: str | None = None


class Ledger:
    """An open ledger file, used by the thread that opened it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the ledger, making it if it is not there; `read_only` changes nothing on the disk.

        Raises LedgerError where the file is not a ledger of this version or cannot be written.
        """
        self.path = path
        try:
            self._db = _look_into(path) if read_only else _open(path)
            self._check()
        except (sqlite3.Error, OSError) as exc:
            raise LedgerError(f"the ledger {path} cannot be used: {exc}") from exc

    def close(self) -> None:
        self._db.close()

    def bursts(self) -> tuple[Burst, ...]:
        """Return every burst that is not gone."""
        rows = self._db.execute("SELECT record FROM bursts WHERE phase != ? ORDER BY name", (Phase.GONE,))
        return tuple(_burst(json.loads(record)) for (record,) in rows)

    def generations(self) -> tuple[tuple[str, int], ...]:
        """Return the highest generation ever used of each pool."""
        rows = self._db.execute("SELECT pool, max(generation) FROM bursts GROUP BY pool ORDER BY pool")
        return tuple((pool, generation) for pool, generation in rows)

    def cooldowns(self, started: float) -> tuple[Cooldown, ...]:
        """Return the pools whose latest bursts failed, each pause twice as long as the one before.

        A failure for good holds until burstd is started again, at `started`.
        """
        pools = [pool for pool, _ in self.generations()]
        found = (_cooldown(self._ended_bursts(pool), started) for pool in pools)
        return tuple(cooldown for cooldown in found if cooldown is not None)

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents without an outcome: what a crash left unknown."""
        return tuple(self._intents("WHERE ended IS NULL"))

    def intents(self) -> tuple[Intent, ...]:
        """Return every intent, oldest first."""
        return tuple(self._intents(""))

    def record(self, bursts: Iterable[Burst], sentences: Iterable[str], now: float) -> None:
        """Write records as they are now, and the sentences of what was decided."""
        with self._transaction():
            for burst in bursts:
                self._write(burst, now)
            self._db.executemany(
                "INSERT INTO decisions (at, sentence) VALUES (?, ?)", [(now, text) for text in sentences]
            )

    def intend(self, action: Action, burst: Burst | None, now: float) -> int:
        """Write an intent, and the record of the burst it begins, before its call leaves; return its id."""
        with self._transaction():
            if burst is not None:
                self._write(burst, now)
            cursor = self._db.execute(
                "INSERT INTO intents (at, key, verb, action) VALUES (?, ?, ?, ?)",
                (now, action.key, action.verb, json.dumps(asdict(action))),
            )
        return cursor.lastrowid or 0

    def conclude(self, intent: int, outcome: Outcome, burst: Burst | None) -> None:
        """Write how an intent ended, and the record of the burst it was for."""
        failure = outcome.failure.text if outcome.failure else None
        with self._transaction():
            if burst is not None:
                self._write(burst, outcome.at)
            self._db.execute(
                "UPDATE intents SET ended = ?, failure = ? WHERE id = ?", (outcome.at, failure, intent)
            )

    def _check(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA:
            raise LedgerError(f"the ledger {self.path} has version {version}, this burstd writes {SCHEMA}")
        (verdict,) = self._db.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            raise LedgerError(f"the ledger {self.path} is damaged: {verdict}")

    def _write(self, burst: Burst, now: float) -> None:
        record = json.dumps(asdict(replace(burst, site=None)))
        self._db.execute(
            "INSERT OR REPLACE INTO bursts VALUES (?, ?, ?, ?, ?, ?)",
            (burst.name, burst.pool, burst.generation, burst.phase, record, now),
        )

    def _intents(self, where: str) -> Iterator[Intent]:
        rows = self._db.execute(f"SELECT id, at, action, ended, failure FROM intents {where} ORDER BY id")
        for id_, at, action, ended, failure in rows:
            yield Intent(id_, at, _action(json.loads(action)), ended, failure)

    def _ended_bursts(self, pool: str) -> list[tuple[float, Burst]]:
        """Return the latest gone bursts of a pool with the time of their end, oldest first."""
        rows = self._db.execute(
            "SELECT written, record FROM bursts WHERE pool = ? AND phase = ? "
            "ORDER BY generation DESC LIMIT ?",
            (pool, Phase.GONE, REMEMBERED),
        )
        return [(written, _burst(json.loads(record))) for written, record in rows][::-1]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(path, isolation_level=None)
    path.chmod(0o600)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
    return db


def _look_into(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def open_or_set_aside(path: Path, now: float) -> tuple[Ledger, str]:
    """Open the ledger; one that is broken is kept beside under another name and a new one begun.

    Returns the ledger and a sentence that says what was done, "" if nothing was.
    """
    try:
        return Ledger(path), ""
    except LedgerError as exc:
        if not path.is_file():
            raise
        aside = path.with_name(f"{path.name}.broken-{now:.0f}")
        path.rename(aside)
        for rest in (f"{path}-wal", f"{path}-shm"):
            Path(rest).unlink(missing_ok=True)
        text = (
            f"{exc}; it is kept as {aside}, a new ledger is begun, "
            "and bursts are found again by the labels on their sites"
        )
        return Ledger(path), text


def _cooldown(ended: Iterable[tuple[float, Burst]], started: float) -> Cooldown | None:
    """Fold the failures in a row, oldest first; a failure for good is over once burstd restarted."""
    cooldown = None
    for at, burst in ended:
        if burst.failure is None or burst.failure.retry_after is not None or at >= started:
            cooldown = cooled(burst, cooldown, at)
    return cooldown


def _burst(fields: dict[str, Any]) -> Burst:
    outcome = fields["outcome"]
    fields["phase"] = Phase(fields["phase"])
    fields["failure"] = _failure(fields["failure"])
    fields["outcome"] = outcome and Outcome(
        Verb(outcome["verb"]), outcome["at"], _failure(outcome["failure"])
    )
    return Burst(**fields)


def _failure(fields: dict[str, Any] | None) -> Failure | None:
    return Failure(**fields) if fields else None


def _action(fields: dict[str, Any]) -> Action:
    lists = {name: tuple(fields.get(name, ())) for name in ("ranks", "jobs")}
    lists["directories"] = tuple(Directory(**one) for one in fields.get("directories", ()))
    return Action(**{**fields, "verb": Verb(fields["verb"]), **lists})
