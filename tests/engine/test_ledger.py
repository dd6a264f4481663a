"""The ledger: what was meant survives, and a broken file loses nothing."""

from __future__ import annotations

import sqlite3

import pytest

from burstd.core.errors import LedgerError
from burstd.core.model import Action, Directory, Failure, Outcome, Phase, Site, Verb
from burstd.engine.ledger import Ledger, open_or_set_aside
from burstd.testing.builders import NOW, a_burst

LAUNCH = Action(Verb.LAUNCH, "burst-0-g1", "burst-0", 1, size=4)


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


def reopened(ledger: Ledger) -> Ledger:
    ledger.close()
    return Ledger(ledger.path)


def test_records_survive_a_restart(tmp_path):
    """A burst is read back as it was written, without its site, which only a listing knows."""
    ledger = Ledger(tmp_path / "ledger.db")
    burst = a_burst(
        failure=Failure("quota", 60.0),
        outcome=Outcome(Verb.LAUNCH, NOW, Failure("no", None)),
        keep=2,
        site=Site("x", "burst-0", 1, ()),
    )
    ledger.record([burst], ["a sentence"], NOW)
    again = reopened(ledger)

    assert again.bursts() == (a_burst(failure=burst.failure, outcome=burst.outcome, keep=2),)
    again.close()


def test_an_intent_is_open_until_it_is_concluded(ledger):
    """An intent without outcome is what a crash leaves; its outcome closes it."""
    intent = ledger.intend(LAUNCH, a_burst(), NOW)
    assert [one.action for one in ledger.open_intents()] == [LAUNCH]

    ledger.conclude(intent, Outcome(Verb.LAUNCH, NOW + 1, Failure("no", None)), a_burst())

    assert ledger.open_intents() == ()
    assert [(one.ended, one.failure) for one in ledger.intents()] == [(NOW + 1, "no")]


def test_intents_are_read_back_whole(ledger):
    """Ranks, jobs and directories come back as they were meant."""
    made = (Directory("/home/it's `a`", 1000), Directory("/home", 0))
    prepare = Action(Verb.PREPARE, "prepare:burst-0-g1", "burst-0", 1, ranks=(4, 5), directories=made)
    ledger.intend(prepare, None, NOW)
    assert [one.action for one in ledger.intents()] == [prepare]


def test_gone_bursts_count_for_generations_only(ledger):
    """A gone burst is not taken up again, and its generation is never used twice."""
    ledger.record([a_burst(Phase.GONE, generation=7)], [], NOW)

    assert ledger.bursts() == ()
    assert ledger.generations() == (("burst-0", 7),)


def test_each_failure_in_a_row_doubles_the_cooldown(ledger):
    """A pool that fails twice waits twice as long; a success ends the row."""
    failed = Failure("quota", 60.0)
    ledger.record([a_burst(Phase.GONE, generation=1, failure=failed)], [], NOW)
    assert [one.until for one in ledger.cooldowns(NOW)] == [NOW + 60]

    ledger.record([a_burst(Phase.GONE, generation=2, failure=failed)], [], NOW)
    assert [one.until for one in ledger.cooldowns(NOW)] == [NOW + 120]

    ledger.record([a_burst(Phase.GONE, generation=3)], [], NOW)
    assert ledger.cooldowns(NOW) == ()


def test_a_failure_for_good_holds_until_burstd_restarts(ledger):
    """Never means: not by this run of burstd."""
    ledger.record([a_burst(Phase.GONE, failure=Failure("forbidden", None))], [], NOW)

    assert [one.until for one in ledger.cooldowns(NOW - 1)] == [None]
    assert ledger.cooldowns(NOW + 1) == ()


def test_a_broken_ledger_is_set_aside(tmp_path):
    """A file that is no ledger is kept under another name, said in one sentence, and a new one begun."""
    path = tmp_path / "ledger.db"
    path.write_text("this is not a database" * 100)

    ledger, sentence = open_or_set_aside(path, NOW)

    assert ledger.bursts() == ()
    assert "is kept as" in sentence
    assert len(list(tmp_path.glob("ledger.db.broken-*"))) == 1
    ledger.close()


def test_a_ledger_of_another_version_is_not_overwritten(tmp_path):
    """A newer burstd's ledger is refused by name of its version."""
    path = tmp_path / "ledger.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(LedgerError, match="version 99"):
        Ledger(path)


def test_a_ledger_that_cannot_be_made_says_so(tmp_path):
    """A path below a file is refused in one sentence."""
    (tmp_path / "file").write_text("")

    with pytest.raises(LedgerError, match="cannot be used"):
        open_or_set_aside(tmp_path / "file" / "ledger.db", NOW)


def test_looking_into_a_ledger_changes_nothing(tmp_path):
    """A reader sees what a daemon wrote, makes no file and cannot write."""
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger(tmp_path / "none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []

    ledger = Ledger(tmp_path / "ledger.db")
    ledger.record([a_burst()], [], NOW)
    reader = Ledger(ledger.path, read_only=True)
    assert reader.bursts() == (a_burst(),)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.record([a_burst(generation=2)], [], NOW)
    reader.close()
    ledger.close()


def test_only_its_owner_may_read_the_ledger(tmp_path):
    """The file is made with mode 0600."""
    ledger = Ledger(tmp_path / "ledger.db")

    assert ledger.path.stat().st_mode & 0o077 == 0
    ledger.close()
