"""The lead's own log, as a real one tells it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from burstd.core.errors import LeadRefused
from burstd.lead import dmesg
from burstd.stage.lead import Stage

pytestmark = pytest.mark.process


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dmesg-") as name:
        yield Path(name)


@pytest.mark.real_flux
def test_the_lines_of_a_real_lead(folder: Path) -> None:
    """Each line has the module, the rank and the text; only those after the moment that is named are told."""
    with Stage(folder, "real") as stage, closing(stage.handle()) as handle:
        lines = dmesg.recent(handle).splitlines()
        later = dmesg.recent(handle, time.time() + 60)
    assert any("accepting connection from flux-sample-1 (rank 1)" in line for line in lines)
    assert all(": " in line for line in lines)
    assert any(line.startswith("overlay[0]: ") for line in lines)
    assert later == ""


def test_a_lead_without_a_log(folder: Path) -> None:
    """The embedded instance has no log to tell, and says so."""
    with (
        Stage(folder, "embedded") as stage,
        closing(stage.handle()) as handle,
        pytest.raises(LeadRefused),
    ):
        dmesg.recent(handle)
