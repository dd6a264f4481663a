"""The ledger, read beside the main loop that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from burstd.core.errors import LedgerError
from burstd.core.model import Phase
from burstd.engine.history import History
from burstd.engine.ledger import Ledger
from burstd.testing.builders import NOW, a_burst


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def test_it_has_bursts_that_live_and_those_of_a_day(ledger: Ledger) -> None:
    """What went longer ago than a day is not told."""
    ledger.record([a_burst(Phase.GONE, generation=1)], (), NOW - 90_000)
    ledger.record([a_burst(Phase.GONE, generation=2)], (), NOW - 3600)
    ledger.record([a_burst(generation=3)], ["burst-0-g3: serves"], NOW - 900)
    found = History(ledger.path).bursts(NOW)
    assert {one.name for one in found.bursts} == {"burst-0-g2", "burst-0-g3"}


def test_events_come_in_pages_the_latest_first(ledger: Ledger) -> None:
    """Each page says before which event the next one is."""
    ledger.record((), [f"sentence {number}" for number in range(5)], NOW)
    history = History(ledger.path)
    first = history.events(3, None)
    last = history.events(3, first["before"])
    assert [one["sentence"] for one in first["events"]] == ["sentence 4", "sentence 3", "sentence 2"]
    assert [one["sentence"] for one in last["events"]] == ["sentence 1", "sentence 0"]
    assert last["before"] is None


def test_a_ledger_that_can_be_written_has_no_trouble(ledger: Ledger) -> None:
    """It is only looked at: what is asked for leaves nothing behind, also while it is being written."""
    history = History(ledger.path)
    assert history.trouble() == ""
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert history.trouble() == ""
        other.execute("ROLLBACK")
    ledger.record((), ["it can"], NOW)


def test_a_ledger_that_is_gone_or_broken_is_told(ledger: Ledger) -> None:
    """A file that was taken away, or holds something else, is named."""
    history = History(ledger.path)
    ledger.close()
    ledger.path.write_bytes(b"no ledger at all" * 1000)
    assert "cannot be written" in history.trouble()
    with pytest.raises(LedgerError, match="cannot be read now"):
        history.events(1, None)
    ledger.path.unlink()
    assert "No such file" in history.trouble()
