"""The commands of the page about files, on a real Flux with a burst."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from pages import ROOT, runs

from burstd.core.cwd import LONGEST_PART, LONGEST_PATH, warning
from burstd.core.model import Job, JobState, Pool, Request, Shape
from burstd.join.directories import MOST, MOST_BYTES
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage

PAGE = ROOT / "docs/files.md"


@pytest.mark.process
@pytest.mark.real_flux
def test_an_archive_goes_to_a_burst_s_host_and_back() -> None:
    """What the page has users type shows what the page shows."""
    pool = {"name": "burst-0", "provider": "local", "shares_files": False}
    with tempfile.TemporaryDirectory(prefix="burstd-") as name:
        directory = Path(name).resolve()
        config = {"owner": "files", "state_dir": f"{directory}/state", "pools": [pool]}
        with (
            Stage(directory / "stage", "real") as stage,
            DaemonProcess(config, directory / "burstd.yaml", stage.environment()) as daemon,
        ):
            daemon.start()
            daemon.said("serving the lead", 30)
            for run in runs(PAGE):
                assert _typed(run.command, directory, stage.environment()) == run.output.strip()
            daemon.stop()


def test_the_page_quotes_the_warning_and_the_limits() -> None:
    """What is said to users stands there in the same words, and so do the numbers."""
    text = " ".join(PAGE.read_text().split())
    job = Job(1, JobState.SCHED, Request(1, 1, 1), 0.0, cwd="/opt/x")
    assert warning(job, [Pool("burst-0", "far", (), (), Shape(1), shares_files=False)]) in text
    assert f"at most {LONGEST_PATH} bytes, {LONGEST_PART} in each part" in text
    assert f"at most {MOST} directories or {MOST_BYTES // 1000} kB" in text


def _typed(command: str, directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        shell=True,
        cwd=directory,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()
