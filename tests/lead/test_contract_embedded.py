"""The lead's contracts on the embedded instance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.stage.lead import Sched, Stage
from burstd.testing.hold_contract import HoldContract
from burstd.testing.lead_contract import LeadContract
from burstd.testing.queue_contract import QueueContract
from burstd.testing.turn_contract import TurnContract

SCHEDS = ("fifo", "easy", "fcfs")
*PATIENT, _ = SCHEDS
"""All schedulers, and those that let a job wait for hosts that are down."""


def staged(sched: Sched, *, queues: bool) -> Iterator[Stage]:
    """A lead with this scheduler; its folder has a short path, for the sockets in it."""
    with (
        tempfile.TemporaryDirectory(prefix="burstd-") as folder,
        Stage(Path(folder), "embedded", sched=sched, queues=queues) as stage,
    ):
        yield stage


@pytest.mark.process
class TestEmbeddedLead(LeadContract):
    """The live lead over the embedded instance."""

    @pytest.fixture(params=PATIENT)
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged(request.param, queues=False)


@pytest.mark.process
class TestEmbeddedHolds(HoldContract):
    """The live lead holds jobs of the embedded instance."""

    @pytest.fixture(params=PATIENT)
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged(request.param, queues=False)


@pytest.mark.process
class TestEmbeddedQueues(QueueContract):
    """The live lead switches queues of the embedded instance."""

    @pytest.fixture(params=SCHEDS)
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead with named queues, all stopped."""
        yield from staged(request.param, queues=True)


@pytest.mark.process
class TestEmbeddedTurn(TurnContract):
    """One burstd at a time serves the embedded instance."""

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged("fifo", queues=False)
