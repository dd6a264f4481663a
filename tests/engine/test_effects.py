"""The gate: intent first, call second, outcome last."""

from __future__ import annotations

import threading
import time

import pytest

from burstd.core.errors import LeadLost, LeadRefused, Never, NotNow
from burstd.core.model import Action, Verb
from burstd.engine.effects import ATTEMPTS, Gate
from burstd.engine.ledger import Ledger
from burstd.testing.builders import a_burst

LAUNCH = Action(Verb.LAUNCH, "burst-0-g1", "burst-0", 1, size=4)
UNDRAIN = Action(Verb.UNDRAIN, "undrain", ranks=(4,))


class World:
    """A world that fails as told, and notes what the ledger says while it is called."""

    def __init__(self, path, *failures):
        self.ledger = Ledger(path)
        self.failures = list(failures)
        self.calls = []
        self.woken = threading.Event()
        self.gate = Gate(self.ledger, self.perform, time.time, self.woken.set)

    def perform(self, action, _cancelled):
        reader = Ledger(self.ledger.path)
        open_ones = [intent.action for intent in reader.open_intents()]
        assert action in open_ones
        self.calls.append(open_ones)
        reader.close()
        if self.failures:
            raise self.failures.pop(0)

    def run(self, action, burst=None):
        """Start the action, wait for its end, conclude it; return its outcome."""
        self.gate.start(action, burst)
        assert self.woken.wait(20)
        (ended,) = self.gate.collect()
        self.gate.conclude(ended, burst)
        return ended.outcome


@pytest.fixture
def world(tmp_path):
    made = []

    def make(*failures):
        made.append(World(tmp_path / "ledger.db", *failures))
        return made[-1]

    yield make
    for one in made:
        one.gate.close()
        one.ledger.close()


def test_the_intent_is_durable_before_the_call(world):
    """While the call runs, another reader of the ledger sees its intent."""
    one = world()
    outcome = one.run(LAUNCH, a_burst())

    assert one.calls == [[LAUNCH]]
    assert outcome.failure is None
    assert one.ledger.open_intents() == ()


def test_one_effect_at_a_time_for_each_key(world):
    """A key is in flight from its start until its outcome is written."""
    one = world()
    one.gate.start(LAUNCH, a_burst())
    assert one.gate.in_flight(time.time()) == {"burst-0-g1"}

    assert one.woken.wait(20)
    (ended,) = one.gate.collect()
    assert one.gate.in_flight(time.time()) == {"burst-0-g1"}

    one.gate.conclude(ended, a_burst())
    assert one.gate.in_flight(time.time()) == frozenset()


@pytest.mark.parametrize("error", [NotNow("busy", 0.0), LeadLost("gone")])
def test_what_may_work_later_is_tried_again(world, error):
    """A call that fails for now is made again under the same intent."""
    one = world(error)

    assert one.run(LAUNCH, a_burst()).failure is None
    assert len(one.calls) == 2
    assert len(one.ledger.intents()) == 1


def test_trying_again_has_an_end(world):
    """After some attempts the failure is reported with its pause, for the planner to judge."""
    one = world(*[NotNow("busy", 0.01)] * ATTEMPTS)
    failure = one.run(LAUNCH, a_burst()).failure

    assert (failure.text, failure.retry_after) == ("busy", 0.01)
    assert len(one.calls) == ATTEMPTS


@pytest.mark.parametrize("error", [Never("no permission"), LeadRefused("resource.drain", 22, "bad")])
def test_what_will_never_work_is_not_tried_again(world, error):
    """A call that was refused for good is made once."""
    one = world(error)
    failure = one.run(LAUNCH, a_burst()).failure

    assert failure.retry_after is None
    assert len(one.calls) == 1


def test_an_unforeseen_error_stops_at_the_edge_of_the_worker(world):
    """A programming error in a plugin becomes a failure of its effect, not of the daemon."""
    failure = world(ZeroDivisionError("oops")).run(LAUNCH, a_burst()).failure

    assert "unforeseen: ZeroDivisionError: oops" in failure.text
    assert failure.retry_after is not None


def test_a_failed_effect_without_a_burst_rests(world):
    """An undrain that failed is not asked for again at once."""
    one = world(Never("refused"))
    one.run(UNDRAIN)

    assert one.gate.in_flight(time.time()) == {"undrain"}
    assert one.gate.next_rest_end() > time.time()
    assert one.gate.in_flight(time.time() + 60) == frozenset()


def test_closing_ends_the_waiting_between_attempts(world):
    """Stopping does not wait out the pause of an effect that is tried again later."""
    one = world(*[NotNow("busy", 5.0)] * ATTEMPTS)
    one.gate.start(LAUNCH, a_burst())
    one.gate.close()

    (ended,) = one.gate.collect()
    assert ended.outcome.failure.text == "busy"


def test_what_burstd_s_own_stop_cuts_short_is_no_failure_of_the_burst(world):
    """A call that stops waiting because burstd ends is taken up again by the next start as it was."""
    one = world(*[NotNow("it was cancelled", 5.0)] * ATTEMPTS)
    one.gate.start(LAUNCH, a_burst())
    one.gate.close()

    (ended,) = one.gate.collect()
    assert not ended.sent
    assert world().run(LAUNCH, a_burst()).failure is None
