"""A ledger whose bytes were changed: it opens as it was, or it is known for damaged; never a wrong burst."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burstd.core.errors import LedgerDamaged, LedgerError
from burstd.core.model import Action, Failure, Outcome, Phase, Verb
from burstd.core.report import Use
from burstd.engine.ledger import REOPENED, Ledger, open_or_set_aside
from burstd.engine.tables import TooNew
from burstd.testing.builders import NOW, a_burst

BURSTS = (
    a_burst(Phase.SERVING, pool="pool-a", generation=3, size=4),
    a_burst(Phase.RELEASING, pool="pool-b", generation=12, failure=Failure("quota", 60.0)),
)
GENERATIONS = (("pool-a", 3), ("pool-b", 12))
USE = Use("pool-a-g3", 7, 1000, 4, NOW)
OPEN = Action(Verb.REMOVE, "pool-b-g12", "pool-b", 12)

CHANGES = st.lists(
    st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
)


def a_ledger(path: Path) -> None:
    """Write a ledger with two bursts, older generations, an open intent and an ended one."""
    ledger = Ledger(path)
    for generation in range(1, 12):
        ledger.record([a_burst(Phase.GONE, pool="pool-b", generation=generation)], ["gone"], NOW)
    ledger.record(BURSTS, ["a sentence"], NOW)
    ended = ledger.intend(Action(Verb.LAUNCH, "pool-a-g3", "pool-a", 3, size=4), None, NOW)
    ledger.conclude(ended, Outcome(Verb.LAUNCH, NOW), None)
    ledger.intend(OPEN, None, NOW)
    ledger.put(REOPENED.format(pool="pool-b"), str(NOW - 5))
    ledger.use([USE])
    ledger.close()


class Whole:
    """The bytes of a whole ledger, with a name short enough for a report."""

    def __init__(self, path: Path) -> None:
        a_ledger(path)
        self.content = path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole") / "ledger.db")


def judge(path: Path) -> bool:
    """Open what is at the path; check that it is a whole ledger or a new one, and say whether it is whole.

    One that says of itself that a later burstd wrote it is refused, and stays where it is.
    """
    try:
        ledger, sentence = open_or_set_aside(path, NOW)
    except TooNew:
        assert path.is_file()
        path.unlink()
        return False
    try:
        if sentence:
            assert ledger.bursts() == ()
            assert ledger.open_intents() == ()
            assert list(path.parent.glob("ledger.db.broken-*"))
            return False
        assert ledger.bursts() == BURSTS
        assert ledger.generations() == GENERATIONS
        assert [one.action for one in ledger.open_intents()] == [OPEN]
        assert ledger.uses(open_only=True) == (USE,)
        assert ledger.note(REOPENED.format(pool="pool-b")) == str(NOW - 5)
        assert ledger.cooldowns(NOW) == ()
        return True
    finally:
        ledger.close()
        for rest in path.parent.iterdir():
            rest.unlink()


@given(changes=CHANGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_changed_bytes_are_noticed_or_change_nothing(whole, tmp_path, changes):
    """Whichever bytes are others, the ledger tells what was written, or a new one is begun beside it."""
    content = bytearray(whole.content)
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path / "ledger.db"
    path.write_bytes(content)

    judge(path)


@given(length=st.floats(0.0, 1.0, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_ledger_that_was_cut_is_set_aside(whole, tmp_path, length):
    """A file that ends too soon tells no burst, unless what is missing was empty anyway."""
    path = tmp_path / "ledger.db"
    path.write_bytes(whole.content[: int(length * len(whole.content))])

    if path.stat().st_size > 1:
        judge(path)


@given(content=st.binary(min_size=1, max_size=4096))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_no_ledger(tmp_path, content):
    """What never was a ledger is kept beside, and a new one begun; to SQLite one byte is an empty file."""
    path = tmp_path / "ledger.db"
    path.write_bytes(content)

    ledger, sentence = open_or_set_aside(path, NOW)
    assert ledger.bursts() == ()
    assert sentence or len(content) == 1
    ledger.close()
    for rest in tmp_path.iterdir():
        rest.unlink()


def test_a_record_that_contradicts_its_row_is_damage(tmp_path):
    """Each record bears a digest of itself: a number changed inside one that is still JSON is noticed."""
    path = tmp_path / "ledger.db"
    a_ledger(path)
    content = path.read_bytes()
    assert b'"generation": 12' in content
    path.write_bytes(content.replace(b'"generation": 12', b'"generation": 13'))

    with pytest.raises(LedgerDamaged, match="damaged"):
        Ledger(path)


def test_what_cannot_be_opened_is_not_set_aside(tmp_path):
    """A path that SQLite cannot open is no damage: it stays where it is, and burstd says what is wrong."""
    path = tmp_path / "ledger.db"
    path.mkdir()

    with pytest.raises(LedgerError, match="cannot be used"):
        open_or_set_aside(path, NOW)
    assert path.is_dir()
