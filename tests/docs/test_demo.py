"""The demo, as a newcomer runs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pages import ROOT, runs
from shapes import alike

pytestmark = pytest.mark.process

REAL = pytest.param("real", marks=pytest.mark.real_flux)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("flux", ["embedded", REAL])
def test_the_demo_plays_to_its_end(flux: str) -> None:
    """`burstd demo` says first what it runs on, ends well in under a minute, and leaves nothing."""
    command = [sys.executable, "-m", "burstd", "demo", "--flux", flux]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(f"burstd demo on {flux} Flux: ")
    assert last == "Every broker, process and file of the demo is gone."
    assert "ran on flux-sample-[0-1],burst-0-[0-3]:" in done.stdout
    if flux == "embedded":
        assert alike(next(runs(ROOT / "docs/tutorial.md")), done.stdout), done.stdout
