"""Whose turn it is: one burstd at a time makes calls for a lead."""

from __future__ import annotations

from contextlib import closing

import pytest

from burstd.core.errors import LeadLost, TurnLost
from burstd.core.model import Action, Verb
from burstd.engine.ledger import Ledger
from burstd.engine.turn import Turn

PROVISION = Action(Verb.PROVISION, "burst-0-g1", "burst-0", 1, 4)
TELL = Action(Verb.TELL, "tell:1", job=1)


class Broker:
    """The lead's rank 0 as far as turns go: its KVS, and who has the service name."""

    def __init__(self):
        self.values = {}
        self.holder = None


class Client:
    """One connection to it; `alive` False: it is paused, or cut off."""

    def __init__(self, broker):
        self.broker = broker
        self.alive = True

    def register(self, _name):
        if self.broker.holder is not None and self.broker.holder.alive:
            return False
        self.broker.holder = self
        return True

    def registered(self):
        return self.alive and self.broker.holder is self

    def look_up(self, key):
        return self.broker.values.get(key)

    def store(self, key, text):
        self.broker.values[key] = text


@pytest.fixture
def turns(tmp_path):
    """Make turns of one owner with one broker, each with a ledger of its own or a shared one."""
    broker, opened = Broker(), []

    def make(name="ledger.db"):
        ledger = Ledger(tmp_path / name)
        opened.append(ledger)
        client = Client(broker)
        return Turn(client, ledger, "tester"), client

    yield make
    for ledger in opened:
        ledger.close()


def test_a_second_one_does_not_begin(turns) -> None:
    """While the first has the service name, another cannot take the turn, whatever its ledger."""
    first, _ = turns()
    first.take()
    with pytest.raises(TurnLost, match="another burstd serves this lead"):
        turns("other.db")[0].take()
    first.check(PROVISION)


@pytest.mark.parametrize("action", [PROVISION, TELL])
@pytest.mark.parametrize("ledger", ["ledger.db", "other.db"])
def test_one_that_was_paused_does_nothing_after_it(turns, ledger, action) -> None:
    """Its place was taken meanwhile: it makes no call, and knows it for good."""
    first, client = turns()
    first.take()
    client.alive = False
    second, _ = turns(ledger)
    second.take()
    client.alive = True
    client.broker.holder = client  # even were the name to come back to it
    with pytest.raises(TurnLost):
        first.check(action)
    assert first.lost
    with pytest.raises(TurnLost):
        first.check(TELL)
    assert not second.lost


def test_one_that_was_paused_writes_nothing_over_what_the_next_wrote(turns, tmp_path) -> None:
    """The ledger is the next one's alone, records and outcomes too."""
    second, _ = turns()
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        ledger.begin_epoch("1.first")
        second.take()
        with pytest.raises(TurnLost, match="has taken the ledger"):
            ledger.record((), ("a sentence",), 0.0)


def test_epochs_only_grow(turns) -> None:
    """The number of an epoch is above that in the lead and that in the ledger, so that no two are alike."""
    numbers = []
    for ledger in ("a.db", "a.db", "b.db", "a.db"):
        turn, client = turns(ledger)
        turn.take()
        numbers.append(int(turn.epoch.partition(".")[0]))
        client.alive = False
    assert numbers == sorted(set(numbers))


def test_a_lead_that_does_not_say_whose_turn_it_is_is_waited_for(turns) -> None:
    """Without the service name no call leaves, and the turn is not lost by that."""
    turn, client = turns()
    turn.take()
    client.alive = False
    with pytest.raises(LeadLost):
        turn.check(PROVISION)
    client.alive = True
    turn.check(PROVISION)
    assert not turn.lost


def test_a_lead_that_forgot_is_told_again(turns) -> None:
    """A lead without a statedir has no KVS of before when it restarts; the turn is still this one's."""
    turn, client = turns()
    turn.take()
    client.broker.values.clear()
    with pytest.raises(LeadLost):
        turn.check(PROVISION)
    turn.confirm()
    turn.check(PROVISION)


def test_the_ledger_knows_the_epoch(turns, tmp_path) -> None:
    """The same epoch stands in the ledger."""
    turn, _ = turns()
    turn.take()
    with closing(Ledger(tmp_path / "ledger.db", read_only=True)) as ledger:
        assert ledger.note("epoch") == turn.epoch
