"""The lead's contract on the embedded instance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.stage.lead import Stage
from burstd.testing.lead_contract import LeadContract


@pytest.mark.process
class TestEmbeddedLead(LeadContract):
    """The live lead over the embedded instance."""

    @pytest.fixture(params=["fifo", "easy"])
    def stage(self, request: pytest.FixtureRequest) -> Iterator[Stage]:
        """A lead with either way to schedule; its folder has a short path, for the sockets in it."""
        with (
            tempfile.TemporaryDirectory(prefix="burstd-") as folder,
            Stage(Path(folder), "embedded", sched=request.param) as stage,
        ):
            yield stage
