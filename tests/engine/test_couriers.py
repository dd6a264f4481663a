"""Couriers keep the main loop free, whatever their targets do; the notifier tells each thing once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from burstd.core.errors import Undelivered
from burstd.core.model import ByHand, Failure, Phase, Plan
from burstd.core.notices import Event, Notice, trial
from burstd.engine.couriers import Courier, close
from burstd.engine.ledger import Ledger
from burstd.engine.notifier import Notifier
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_burst, a_policy, a_snapshot

EVENTS = (*Event, "test")


@dataclass
class Mailbox:
    """A target that keeps what it is told; it holds each notice until it is opened, and may refuse."""

    name: str = "mailbox"
    refuses: bool = False
    opened: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def deliver(self, notice: Notice, stop: threading.Event) -> None:
        while not self.opened.wait(0.02):
            if stop.is_set():
                raise Undelivered("it was kept waiting too long")
        with self.news:
            self.told.append(f"{notice.event} {notice.burst}".strip())
            self.news.notify_all()
        if self.refuses:
            raise Undelivered("it is full")

    def until(self, count: int) -> list[str]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.told) >= count, 10), self.told
            return list(self.told)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.opened.set()
    yield box
    box.opened.set()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as one:
        yield one


def numbered(number: int) -> Notice:
    return replace(trial("tester", NOW), burst=str(number))


def tick(**changes: object) -> Tick:
    return Tick(a_snapshot(**changes), Plan(), a_policy(), NOW, 0.01)


def test_a_target_hears_of_its_events_alone(mailbox: Mailbox) -> None:
    """What a target did not ask for is not told to it."""
    courier = Courier("notify[0]", mailbox, [Event.PAUSED])
    courier.post(numbered(1))
    courier.post(replace(numbered(2), event=Event.PAUSED))
    close([courier])
    assert mailbox.told == ["paused 2"]


def test_one_that_is_slow_keeps_no_other(mailbox: Mailbox) -> None:
    """Each target has a thread of its own, and to post takes no time."""
    slow = Mailbox()
    couriers = [Courier("notify[0]", slow, EVENTS), Courier("notify[1]", mailbox, EVENTS)]
    began = time.monotonic()
    for number in range(3):
        for courier in couriers:
            courier.post(numbered(number))
    assert time.monotonic() - began < 1
    assert mailbox.until(3) == ["test 0", "test 1", "test 2"]
    assert slow.told == []
    slow.opened.set()
    close(couriers)
    assert slow.told == ["test 0", "test 1", "test 2"]


def test_a_full_queue_drops_its_oldest_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """The newest notices are kept, and the log has one sentence for all that were dropped."""
    slow = Mailbox()
    courier = Courier("notify[0]", slow, EVENTS, most=3)
    with caplog.at_level(logging.WARNING):
        for number in range(9):
            courier.post(numbered(number))
    slow.opened.set()
    close([courier])
    assert slow.told[-3:] == ["test 6", "test 7", "test 8"]
    assert len(slow.told) <= 4
    assert caplog.messages == [
        "notify[0] (mailbox): it takes notices more slowly than they come; the oldest are dropped"
    ]


def test_what_was_not_delivered_is_one_sentence(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    """A target that refuses costs one sentence for each notice, and nothing else."""
    mailbox.refuses = True
    courier = Courier("notify[0]", mailbox, EVENTS)
    with caplog.at_level(logging.WARNING):
        courier.post(numbered(1))
        close([courier])
    assert caplog.messages == ["notify[0] (mailbox): test of 1 was not delivered: it is full"]


def test_the_end_is_not_waited_for_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A target that never ends delays the stop by a few seconds, and what it did not hear is counted."""
    slow = Mailbox()
    couriers = [Courier("notify[0]", slow, EVENTS), Courier("notify[1]", slow, EVENTS)]
    for courier in couriers:
        courier.post(numbered(1))
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        close(couriers, seconds=0.3)
    assert 0.2 < time.monotonic() - began < 2
    assert [message.rpartition("; ")[2] for message in caplog.messages] == [
        "notices not delivered in time: 1"
    ] * 2


def test_a_restart_repeats_nothing(mailbox: Mailbox, ledger: Ledger) -> None:
    """What was told and still holds is not told by the next burstd; what ended meanwhile is."""
    paused = tick(by_hand=ByHand(paused=True))
    for seen in (paused, paused, tick()):
        notifier = Notifier("tester", ledger, [Courier("notify[0]", mailbox, EVENTS)])
        notifier.recorded(None, a_burst(), NOW)
        notifier.ticked(seen)
        notifier.ticked(seen)
        notifier.close()
    assert mailbox.told == ["paused", "resumed"]


def test_a_record_that_changed_is_told(mailbox: Mailbox, ledger: Ledger) -> None:
    """A burst that begins to serve is told as soon as that is decided."""
    notifier = Notifier("tester", ledger, [Courier("notify[0]", mailbox, EVENTS)])
    notifier.recorded(a_burst(Phase.JOINING), a_burst(), NOW)
    assert mailbox.until(1) == ["burst-up burst-0-g1"]
    notifier.close()


def test_a_lack_of_room_is_told_once_a_day(mailbox: Mailbox, ledger: Ledger) -> None:
    """A provider without room is asked again and again; that is told once a day for each thing it lacks."""
    notifier = Notifier("tester", ledger, [Courier("notify[0]", mailbox, EVENTS)])
    for generation, offer, now in ((1, "a", NOW), (2, "a", NOW + 600), (3, "b", NOW), (4, "a", NOW + 86400)):
        before = a_burst(Phase.PROVISIONING, generation=generation)
        lacking = replace(before, failure=Failure("none left", 600.0, offer))
        notifier.recorded(before, lacking, now)
        notifier.recorded(lacking, replace(lacking, phase=Phase.GONE), now)
    notifier.close()
    assert mailbox.told == [f"burst-failed burst-0-g{generation}" for generation in (1, 3, 4)]


def test_a_lead_that_is_away_for_long_is_told_and_its_return(mailbox: Mailbox, ledger: Ledger) -> None:
    """After its time it is told once, and once that it answers again."""
    notifier = Notifier("tester", ledger, [Courier("notify[0]", mailbox, EVENTS)], lost_seconds=0.05)
    notifier.met(lead_answers=False)
    assert mailbox.until(1) == ["lead-lost"]
    notifier.met(lead_answers=True)
    notifier.close()
    assert mailbox.told == ["lead-lost", "lead-back"]


def test_a_lead_that_restarts_is_told_to_nobody(mailbox: Mailbox, ledger: Ledger) -> None:
    """A short absence is no news, and neither is the stop of burstd while the lead is away."""
    notifier = Notifier("tester", ledger, [Courier("notify[0]", mailbox, EVENTS)], lost_seconds=600)
    notifier.met(lead_answers=False)
    notifier.met(lead_answers=True)
    notifier.met(lead_answers=False)
    notifier.close()
    assert mailbox.told == []
