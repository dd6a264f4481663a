"""The lead's contracts on a real Flux."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.stage.lead import Sched, Stage
from burstd.stage.machine import has_fluxion
from burstd.testing.hold_contract import HoldContract
from burstd.testing.lead_contract import LeadContract
from burstd.testing.queue_contract import QueueContract
from burstd.testing.turn_contract import TurnContract

SCHEDS = tuple(
    pytest.param(sched, marks=pytest.mark.skipif(sched != "fifo" and not has_fluxion(), reason="no Fluxion"))
    for sched in ("fifo", "easy", "fcfs")
)
SIMPLE, EASY, FCFS = SCHEDS


def staged(sched: Sched, *, queues: bool) -> Iterator[Stage]:
    """A lead with this scheduler; its folder has a short path, for the sockets in it."""
    with (
        tempfile.TemporaryDirectory(prefix="burstd-") as folder,
        Stage(Path(folder), "real", sched=sched, queues=queues) as stage,
    ):
        yield stage


@pytest.mark.process
@pytest.mark.real_flux
class TestRealLead(LeadContract):
    """The live lead over a real Flux."""

    @pytest.fixture(params=[SIMPLE, EASY])
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged(request.param, queues=False)


@pytest.mark.process
@pytest.mark.real_flux
class TestRealHolds(HoldContract):
    """The live lead holds jobs of a real Flux."""

    @pytest.fixture(params=[EASY])
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged(request.param, queues=False)


@pytest.mark.process
@pytest.mark.real_flux
class TestRealQueues(QueueContract):
    """The live lead switches queues of a real Flux."""

    @pytest.fixture(params=[SIMPLE, FCFS])
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead with named queues, all stopped."""
        yield from staged(request.param, queues=True)


@pytest.mark.process
@pytest.mark.real_flux
class TestRealTurn(TurnContract):
    """One burstd at a time serves a real Flux."""

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """A lead without named queues."""
        yield from staged("fifo", queues=False)
