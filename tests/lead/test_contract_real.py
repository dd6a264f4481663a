"""The lead's contract on a real Flux."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.stage.lead import Stage
from burstd.stage.machine import has_fluxion
from burstd.testing.lead_contract import LeadContract


@pytest.mark.process
@pytest.mark.real_flux
class TestRealLead(LeadContract):
    """The live lead over a real Flux broker."""

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        """A lead with Fluxion where there is one; its folder has a short path, for the sockets in it."""
        with (
            tempfile.TemporaryDirectory(prefix="burstd-") as folder,
            Stage(Path(folder), "real", sched="easy" if has_fluxion() else "fifo") as stage,
        ):
            yield stage
