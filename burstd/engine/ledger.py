"""The ledger: burstd's durable record of intents, outcomes, bursts and decisions (SQLite, WAL).

The cloud is the truth about what exists; the ledger is the truth about what was meant. Losing it
loses no machine: bursts are found again by the labels on their sites.

Only the main loop writes. Every write is one transaction that is on the disk when the call returns. It raises
TurnLost where another burstd has begun an epoch in the ledger: what one does that was paused must not undo
what another has written meanwhile.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from burstd.core.cooldown import CLOSE_AFTER, cooled
from burstd.core.errors import LedgerDamaged, LedgerError, TurnLost
from burstd.core.model import Action, Burst, Cooldown, Directory, Failure, Outcome, Phase, Span, Verb
from burstd.core.report import Use
from burstd.engine import tables
from burstd.engine.seal import seal, unseal

EPOCH = "epoch"
"""The key under which stands whose turn it is: see burstd.engine.turn."""

REOPENED = "reopened:{pool}"
"""The key under which stands when a pool was last opened by hand."""

_NOTES_SINCE = 2
"""The first version with notes, uses and what is proven: an earlier one is only looked into as it is."""

KEPT_SECONDS = 30 * 86400.0
"""How long an effect that ended is remembered, and the sentence of a decision."""

KEPT_OFTEN_SECONDS = 86400.0
"""The same for effects of which there are many and that cost nothing."""

REMEMBERED = 20
"""How many of a pool's gone bursts are looked at for failures in a row: the pause is longest by then."""


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

        Raises LedgerDamaged where the file holds no whole ledger, LedgerError where it cannot be read or
        written now, TooNew for one of a later version.
        """
        self.path = path
        self.wrote: Callable[[float], None] = lambda _: None
        """Told after each write how many seconds it took until it was on the disk."""
        self._epoch: str | None = None
        try:
            self._db = tables.looked_into(path) if read_only else tables.opened(path)
            self._check()
        except (sqlite3.Error, OSError, ValueError) as exc:
            kind = LedgerDamaged if tables.tells_damage(exc) else LedgerError
            raise kind(f"the ledger {path} cannot be used: {exc}") from exc

    def close(self) -> None:
        self._db.close()

    def bursts(self) -> tuple[Burst, ...]:
        """Return every burst that is not gone."""
        rows = self._db.execute("SELECT record FROM bursts WHERE phase != ? ORDER BY name", (Phase.GONE,))
        return tuple(_burst(unseal(record)) for (record,) in rows)

    def gone(self, name: str) -> Burst | None:
        """Return a burst that is gone, None if none of that name is."""
        row = self._db.execute(
            "SELECT record FROM bursts WHERE name = ? AND phase = ?", (name, Phase.GONE)
        ).fetchone()
        return None if row is None else _burst(unseal(row[0]))

    def generations(self) -> tuple[tuple[str, int], ...]:
        """Return the highest generation ever used of each pool."""
        rows = self._db.execute("SELECT pool, max(generation) FROM bursts GROUP BY pool ORDER BY pool")
        return tuple((pool, generation) for pool, generation in rows)

    def past(self, since: float) -> tuple[Burst, ...]:
        """Return the bursts that went after this moment."""
        rows = self._db.execute(
            "SELECT record FROM bursts WHERE phase = ? AND written >= ? ORDER BY name", (Phase.GONE, since)
        )
        return tuple(_burst(unseal(record)) for (record,) in rows)

    def latest(self, count: int) -> tuple[Burst, ...]:
        """Return of each pool the latest bursts, living or gone, oldest first."""
        rows = self._db.execute(
            "SELECT record FROM (SELECT record, generation, row_number() OVER "
            "(PARTITION BY pool ORDER BY generation DESC) AS place FROM bursts) "
            "WHERE place <= ? ORDER BY generation",
            (count,),
        )
        return tuple(_burst(unseal(record)) for (record,) in rows)

    def cooldowns(self, started: float, close_after: int = CLOSE_AFTER) -> tuple[Cooldown, ...]:
        """Return the pools whose latest bursts failed, each pause twice as long as the one before.

        A failure for good holds until burstd is started again, at `started`. What failed before a pool was
        opened by hand counts no more.
        """
        pools = [pool for pool, _ in self.generations()]
        found = (_cooldown(self._ended_bursts(pool), started, close_after) for pool in pools)
        return tuple(cooldown for cooldown in found if cooldown is not None)

    def note(self, key: str) -> str | None:
        """Return what stands under a key, None if nothing does."""
        if self._version < _NOTES_SINCE:
            return None
        row = self._db.execute("SELECT text FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, text: str | None) -> None:
        """Let a text stand under a key; None takes it away."""
        with self._transaction():
            self._db.execute("DELETE FROM notes WHERE key = ?", (key,))
            if text is not None:
                self._db.execute("INSERT INTO notes VALUES (?, ?)", (key, text))

    def begin_epoch(self, epoch: str) -> None:
        """Take the ledger for this burstd alone: no other one that has it open may write to it again."""
        self._epoch = None
        self.put(EPOCH, epoch)
        self._epoch = epoch

    def _check_epoch(self) -> None:
        if self._epoch is not None and self.note(EPOCH) != self._epoch:
            raise TurnLost(f"another burstd has taken the ledger {self.path}")

    def proven(self) -> frozenset[str]:
        """Return the fingerprint of every way of making a burst that has served."""
        rows = self._db.execute("SELECT spec FROM proven") if self._version >= _NOTES_SINCE else ()
        return frozenset(spec for (spec,) in rows)

    def uses(self, *, open_only: bool = False) -> tuple[Use, ...]:
        """Return which jobs were on which bursts, when; with `open_only` those that still are."""
        where = "WHERE ended IS NULL" if open_only else ""
        found = f"SELECT burst, job, userid, hosts, begun, ended FROM uses {where} ORDER BY begun, job"
        return tuple(Use(*row) for row in self._db.execute(found)) if self._version >= _NOTES_SINCE else ()

    def use(self, uses: Iterable[Use]) -> None:
        """Write that jobs came to bursts or left them."""
        with self._transaction():
            rows = [(use.burst, use.job, use.userid, use.hosts, use.begun, use.ended) for use in uses]
            self._db.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?, ?, ?)", rows)

    def prune(self, now: float) -> None:
        """Forget effects and decisions of long ago: bursts and what they cost are kept."""
        with self._transaction():
            ended = "DELETE FROM intents WHERE ended IS NOT NULL AND ended < ?"
            self._db.execute(ended, (now - KEPT_SECONDS,))
            often = f"{ended} AND verb IN ('tell', 'renew', 'checkpoint')"
            self._db.execute(often, (now - KEPT_OFTEN_SECONDS,))
            self._db.execute("DELETE FROM decisions WHERE at < ?", (now - KEPT_SECONDS,))

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
        """Write an intent, and the record of the burst it begins, before its call leaves; return its id.

        Raises TurnLost where another burstd has begun an epoch in this ledger since `begin_epoch`.
        """
        with self._transaction():
            if burst is not None:
                self._write(burst, now)
            cursor = self._db.execute(
                "INSERT INTO intents (at, key, verb, action) VALUES (?, ?, ?, ?)",
                (now, action.key, action.verb, seal(asdict(action))),
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
        try:
            self._version = tables.check(self._db, self.path)
            self._check_rows()
        except BaseException:
            self._db.close()
            raise

    def _check_rows(self) -> None:
        """Read what a start goes by. Raises LedgerDamaged where a row is not what was written."""
        rows = self._db.execute("SELECT name, pool, generation, phase, record FROM bursts")
        try:
            for name, pool, generation, phase, record in rows:
                burst = _burst(unseal(record))
                if (name, pool, generation, phase) != (burst.name, burst.pool, burst.generation, burst.phase):
                    raise ValueError(f"the row of {name} holds the record of another")
            self.open_intents()
            self._read_the_rest()
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as exc:
            raise LedgerDamaged(f"the ledger {self.path} is damaged: {exc}") from exc

    def _read_the_rest(self) -> None:
        """Read what is not sealed once: damage to it is then met here, where the file can be set aside."""
        self.uses()
        self.proven()
        self.cooldowns(0.0)
        if self._version >= _NOTES_SINCE:
            self._db.execute("SELECT key, text FROM notes").fetchall()

    def _write(self, burst: Burst, now: float) -> None:
        record = seal(asdict(replace(burst, site=None)))
        self._db.execute(
            "INSERT OR REPLACE INTO bursts VALUES (?, ?, ?, ?, ?, ?)",
            (burst.name, burst.pool, burst.generation, burst.phase, record, now),
        )
        if burst.served and burst.spec:
            self._db.execute("INSERT OR IGNORE INTO proven VALUES (?)", (burst.spec,))

    def _intents(self, where: str) -> Iterator[Intent]:
        rows = self._db.execute(f"SELECT id, at, action, ended, failure FROM intents {where} ORDER BY id")
        for id_, at, action, ended, failure in rows:
            yield Intent(id_, at, _action(unseal(action)), ended, failure)

    def _ended_bursts(self, pool: str) -> list[tuple[float, Burst]]:
        """Return the latest gone bursts of a pool with the time of their end, oldest first."""
        rows = self._db.execute(
            "SELECT written, record FROM bursts WHERE pool = ? AND phase = ? AND written > ? "
            "ORDER BY generation DESC LIMIT ?",
            (pool, Phase.GONE, float(self.note(REOPENED.format(pool=pool)) or 0.0), REMEMBERED),
        )
        return [(written, _burst(unseal(record))) for written, record in rows][::-1]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        begun = time.monotonic()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._check_epoch()
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self.wrote(time.monotonic() - begun)


def open_or_set_aside(path: Path, now: float) -> tuple[Ledger, str]:
    """Open the ledger; one that is damaged is kept beside under another name and a new one begun.

    Returns the ledger and a sentence that says what was done, "" if nothing was. Raises LedgerError where
    the file may be whole, but cannot be read or written now, or is a later version's.
    """
    try:
        return Ledger(path), ""
    except LedgerDamaged as exc:
        aside = path.with_name(f"{path.name}.broken-{now:.0f}")
        path.rename(aside)
        for rest in (f"{path}-wal", f"{path}-shm"):
            Path(rest).unlink(missing_ok=True)
        text = (
            f"{exc}; it is kept as {aside}, a new ledger is begun, "
            "and bursts are found again by the labels on their sites"
        )
        return Ledger(path), text


def past_and_present(db: sqlite3.Connection, since: float, most: int) -> tuple[Burst, ...]:
    """Return the bursts that live, and of those that went after a moment the latest, `most` in all."""
    rows = db.execute(
        "SELECT record FROM bursts WHERE phase != ? OR written >= ? ORDER BY phase = ?, written DESC LIMIT ?",
        (Phase.GONE, since, Phase.GONE, most),
    )
    return tuple(_burst(unseal(record)) for (record,) in rows)


def _cooldown(ended: Iterable[tuple[float, Burst]], started: float, close_after: int) -> Cooldown | None:
    """Fold the failures in a row, oldest first; a failure for good is over once burstd restarted."""
    cooldown = None
    for at, burst in ended:
        if burst.failure is None or burst.failure.retry_after is not None or at >= started:
            cooldown = cooled(burst, cooldown, at, close_after)
    return cooldown


def _burst(fields: dict[str, Any]) -> Burst:
    outcome = fields["outcome"]
    fields["phase"] = Phase(fields["phase"])
    fields["failure"] = _failure(fields["failure"])
    fields["outcome"] = outcome and Outcome(
        Verb(outcome["verb"]), outcome["at"], _failure(outcome["failure"])
    )
    fields["reclaimed"] = tuple(fields.get("reclaimed", ()))
    fields["spans"] = tuple(Span(**span) for span in fields.get("spans", ()))
    fields["payers"] = tuple((userid, hosts) for userid, hosts in fields.get("payers", ()))
    return Burst(**fields)


def _failure(fields: dict[str, Any] | None) -> Failure | None:
    return Failure(**fields) if fields else None


def _action(fields: dict[str, Any]) -> Action:
    lists = {name: tuple(fields.get(name, ())) for name in ("ranks", "jobs")}
    lists["directories"] = tuple(Directory(**one) for one in fields.get("directories", ()))
    return Action(**{**fields, "verb": Verb(fields["verb"]), **lists})
