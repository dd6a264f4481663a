"""A ledger outlives the burstd that wrote it: an earlier version's is read, a newer one's is refused."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from burstd.core.errors import LedgerError
from burstd.core.model import Action, Burst, Directory, Failure, Outcome, Phase, Verb
from burstd.engine.ledger import Ledger, open_or_set_aside
from burstd.engine.tables import SCHEMA
from burstd.testing.builders import NOW, a_burst

RECORDED = Path(__file__).with_name("ledgers")
"""Ledgers as earlier versions left them: `schema-N.db` was written by the first burstd of that schema.

Each holds bursts in every phase, failures that pass and that do not, and an intent of every verb, a third of
them without an outcome.
"""

COOLDOWNS = [
    ("burst-0", "quota exceeded", NOW + 120),
    ("burst-1", "forbidden: container.clusters.create", None),
]


def burst(phase: Phase, pool: str, generation: int, **changes: object) -> Burst:
    """Return a burst as the first schema knew it: nothing of what it costs."""
    return replace(a_burst(phase, pool=pool, generation=generation, **changes), spans=(), served=False)


BURSTS = (
    burst(Phase.PLANNED, pool="pool-0", generation=1),
    burst(Phase.PROVISIONING, pool="pool-1", generation=2),
    burst(Phase.LAUNCHING, pool="pool-2", generation=3),
    burst(Phase.JOINING, pool="pool-3", generation=4),
    burst(
        Phase.SERVING,
        pool="pool-4",
        generation=5,
        keep=2,
        resized=NOW + 3,
        outcome=Outcome(Verb.RESIZE, NOW + 4, Failure("zone is full", 30.0)),
    ),
    burst(Phase.DRAINING, pool="pool-5", generation=6, why="no job needs it"),
    burst(
        Phase.RELEASING,
        pool="pool-6",
        generation=7,
        why="it never joined",
        failure=Failure("it never joined", 60.0),
        absences=1,
        outcome=Outcome(Verb.REMOVE, NOW + 9),
    ),
)

OPEN = (
    Action(Verb.RESIZE, "pool-4-g5", "pool-4", 5, size=2),
    Action(Verb.DRAIN, "pool-5-g6", "pool-5", 6, ranks=(4, 5, 6), text="burstd: demo: no job needs it"),
    Action(Verb.HOLD, "job:11", job=11, text="demo"),
    Action(Verb.MOVE, "move:12", job=12, queue="burst-0"),
    Action(Verb.PULSE, "queue:burst-0", queue="burst-0", jobs=(11, 12)),
)


@pytest.fixture(params=sorted(RECORDED.glob("schema-*.db")), ids=lambda path: path.stem)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of one recorded ledger."""
    return Path(shutil.copy(request.param, tmp_path / "ledger.db"))


def test_an_earlier_versions_ledger_is_read_whole(earlier):
    """Bursts, generations, failures and intents come out as they were written, and nothing is set aside."""
    ledger, sentence = open_or_set_aside(earlier, NOW)
    try:
        assert "is kept as" not in sentence
        assert ledger.bursts() == BURSTS
        assert dict(ledger.generations()) == {f"pool-{n}": n + 1 for n in range(7)} | {
            "burst-0": 2,
            "burst-1": 4,
        }
        assert [(one.pool, one.text, one.until) for one in ledger.cooldowns(NOW)] == COOLDOWNS
        assert tuple(one.action for one in ledger.open_intents()) == OPEN
    finally:
        ledger.close()


def test_an_earlier_versions_intents_keep_what_they_were_and_how_they_ended(earlier):
    """Every verb of an earlier version is understood, with directories, jobs and failures."""
    ledger, _ = open_or_set_aside(earlier, NOW)
    try:
        intents = ledger.intents()
    finally:
        ledger.close()

    made = (Directory("/home/ann", 1000), Directory("/home", 0))
    assert len(intents) == 15
    assert Action(Verb.PREPARE, "prepare:pool-4-g5", "pool-4", 5, ranks=(4, 5), directories=made) in {
        one.action for one in intents
    }
    assert [one.failure for one in intents if one.ended is not None] == [None, "no answer"] * 5


def test_an_earlier_versions_ledger_is_written_on(earlier):
    """What this burstd writes into it stands there after the next start, beside what was there."""
    ledger, _ = open_or_set_aside(earlier, NOW)
    ledger.record([a_burst(generation=3)], ["a sentence"], NOW)
    ledger.close()

    again = Ledger(earlier)
    try:
        assert set(again.bursts()) == {*BURSTS, a_burst(generation=3)}
    finally:
        again.close()


def test_a_newer_versions_ledger_is_refused_and_left_as_it_is(earlier):
    """A burstd that was set back to an older version says which schema the ledger has and which it knows."""
    with sqlite3.connect(earlier) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.close()
    before = earlier.read_bytes()

    with pytest.raises(LedgerError, match=f"{SCHEMA + 1}.*{SCHEMA}"):
        open_or_set_aside(earlier, NOW)
    assert earlier.read_bytes() == before
    assert not list(earlier.parent.glob("*.broken-*"))
