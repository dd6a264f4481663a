"""The commands of Flux that the README shows, on a real one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import ROOT, commands, runs

from burstd.core.model import Wish
from burstd.lead.request import read
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage

pytestmark = [pytest.mark.process, pytest.mark.real_flux]

README = ROOT / "README.md"
PATIENCE_SECONDS = 20.0


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="burstd-") as name:
        yield Path(name)


def test_marks_are_understood(directory: Path) -> None:
    """What the README has users submit is read by burstd as a wish to burst."""
    (directory / "job.sh").write_text("#!/bin/sh\n")
    lines = [
        line for line in commands(README) if line[0] == "flux" and "--setattr=burstable" in " ".join(line)
    ]
    wishes = [_dry_run(line, directory) for line in lines]
    assert len(wishes) >= 3
    assert all(wish is not None and not wish.nonsense for wish in wishes)


def test_a_user_sees_why_a_job_waits(directory: Path) -> None:
    """The README's commands, typed beside a daemon, show what the README shows."""
    typed = [run for run in runs(README) if run.command.startswith("flux ")]
    pool = {"name": "burst-0", "provider": "local"}
    config = {"owner": "readme", "state_dir": str(directory / "state"), "pools": [pool]}
    with (
        Stage(directory / "stage", "real") as stage,
        DaemonProcess(config, directory / "burstd.yaml", stage.environment()) as daemon,
    ):
        daemon.start()
        daemon.said("serving the lead", 30)
        for run in typed:
            shown = _until_shown(run.command, _plain(run.output), stage.environment())
            assert shown == _plain(run.output)
        daemon.stop()


def _dry_run(line: list[str], directory: Path) -> Wish | None:
    command = [*line[:2], "--dry-run", *line[2:]]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True)
    return read(json.loads(done.stdout)).wish


def _until_shown(command: str, wanted: str, environment: dict[str, str]) -> str:
    """Type a command until it prints what is wanted; a submit is typed once, and its id is any."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = subprocess.run(
            command,
            shell=True,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        shown = _plain(done.stdout)
        if shown == wanted or " submit " in command or time.monotonic() > deadline:
            return shown


def _plain(text: str) -> str:
    """Ids differ from run to run, and in length."""
    return re.sub(r" *ƒ\w+", " ƒ", text).strip()
