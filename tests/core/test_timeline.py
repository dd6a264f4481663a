"""Bursts on a time line."""

from __future__ import annotations

import pytest

from burstd.core.model import Failure, Phase
from burstd.core.phases import PHASE_SENTENCES, entered
from burstd.core.timeline import lines
from burstd.testing.builders import NOW, a_burst

TOLD = (
    (NOW - 990, "burst-0-g1: its site is being made"),
    (NOW - 980, "burst-0-g10: serves"),
    (NOW - 970, "burst-0-g1: its site is there; its brokers are being started"),
    (NOW - 960, "burst-0-g1: grows to 4 hosts"),
    (NOW - 900, "burst-0-g1: serves"),
)


def stretches(*bursts, told=TOLD):
    (line,) = lines(bursts, told, NOW, NOW - 86400).bursts
    return [(one.phase, one.begin - NOW, one.end and one.end - NOW) for one in line.stretches]


def test_each_phase_lasts_until_the_next() -> None:
    """The ledger's sentences about this very burst tell its phases; the last one goes on."""
    assert stretches(a_burst()) == [
        ("planned", -1000, -990),
        ("provisioning", -990, -970),
        ("launching", -970, -900),
        ("serving", -900, None),
    ]


def test_a_burst_that_is_gone_has_an_end() -> None:
    """The last phase of one that is gone ends when that was verified."""
    burst = a_burst(Phase.GONE, since=NOW - 100, why="idle", failure=Failure("no room"))
    told = (
        *TOLD,
        (NOW - 200, "burst-0-g1: drains: idle"),
        (NOW - 150, "burst-0-g1: is being released: idle"),
    )
    assert stretches(burst, told=told)[-2:] == [("draining", -200, -150), ("releasing", -150, -100)]
    (line,) = lines([burst], told, NOW, NOW - 86400).bursts
    assert (line.ended, line.why, line.failure) == (NOW - 100, "idle", "no room")


def test_without_sentences_the_record_tells_what_it_can() -> None:
    """A ledger that is new, or of another version, leaves the first phase and the present one."""
    assert stretches(a_burst(), told=()) == [("planned", -1000, -900), ("serving", -900, None)]


def test_the_youngest_comes_first() -> None:
    """Bursts stand in the order in which somebody looks for them."""
    found = lines([a_burst(created=NOW - 50), a_burst(generation=2, created=NOW - 20)], (), NOW, 0.0)
    assert [one.name for one in found.bursts] == ["burst-0-g2", "burst-0-g1"]


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_read_back(phase: Phase) -> None:
    """What is said of a burst that enters a phase is understood again, whatever the reason."""
    sentence = f"burst-0-g1: {PHASE_SENTENCES[phase].format(why='it failed: serves')}"
    assert entered(sentence) == ("burst-0-g1", phase)


@pytest.mark.parametrize("sentence", ["", "serves", "burst-0-g1: serves on", "burst-0-g1: failed: serves"])
def test_other_sentences_tell_of_no_phase(sentence: str) -> None:
    """What is no sentence about a phase is left alone."""
    assert entered(sentence) is None
