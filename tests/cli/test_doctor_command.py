"""`burstd doctor` as a person meets it: lines, JSON, colours, exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd.cli import app
from burstd.cli.examined import line, progress
from burstd.core.findings import Check, Finding, State

FAILED = Finding(State.FAILED, Check.JOIN, "it fails", "mend it", "s-g1", "a line\x1b[2J")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration whose lead is not there."""
    path = tmp_path / "burstd.yaml"
    lead = {"uri": f"embedded://{tmp_path}/none", "host": "127.0.0.1", "port": 1}
    path.write_text(json.dumps({"state_dir": str(tmp_path / "s"), "lead": lead}))
    return path


def test_a_line_has_it_all() -> None:
    """A line says how it stands, what about, what shows it, what to do; what others wrote is escaped."""
    assert line(FAILED) == "failed       join of s-g1: it fails [a line\\x1b[2J]; to do: mend it"
    assert line(Finding(State.OK, Check.LEAD, "it answers")) == "ok           lead: it answers"


def test_a_line_with_colours() -> None:
    """Only how it stands is coloured."""
    assert line(FAILED, colours=True).startswith("\x1b[31mfailed     \x1b[0m  join of s-g1: ")


def test_a_check_that_failed_is_exit_code_1(file: Path) -> None:
    """Where the lead is not there, that is a line, each other check has its own, and the exit code is 1."""
    done = CliRunner().invoke(app, ["doctor", "--config", str(file)])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    starts = [one[:11].rstrip() for one in lines]
    assert (starts.count("failed"), starts.count("not checked")) == (1, 9)
    assert any(one.startswith("failed       lead: no embedded instance answers at") for one in lines)
    assert "\x1b" not in done.stdout


def test_one_json_document(file: Path) -> None:
    """With --json the findings are one document, with the number of those that failed."""
    done = CliRunner().invoke(app, ["doctor", "burst-0", "--json", "--config", str(file)])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["failed"] == 1
    assert {"check", "state", "about", "sentence", "remedy", "proof"} == set(document["findings"][0])
    assert document["findings"][-1]["check"] == "join"


def test_a_pool_that_there_is_not(file: Path) -> None:
    """A pool that is not configured is exit code 2, with those that are."""
    done = CliRunner().invoke(app, ["doctor", "cloud", "--config", str(file)])
    assert (done.exit_code, "no pool is called 'cloud' (there are burst-0)" in done.stderr) == (2, True)


def test_options_that_a_provider_does_not_take(file: Path) -> None:
    """Options that make no provider are exit code 2, as for the daemon."""
    told = json.loads(file.read_text()) | {"pools": [{"provider": "local", "options": {"flux": "none"}}]}
    file.write_text(json.dumps(told))
    done = CliRunner().invoke(app, ["doctor", "--config", str(file)])
    assert (done.exit_code, "pools[0].options.flux" in done.stderr) == (2, True)


def test_what_takes_long_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """A check that takes long is named on the standard error while it goes on, one that does not is not."""
    said, deadline = "", time.monotonic() + 10
    with progress("the quota", 0.01):
        while not said:
            said = capfd.readouterr().err
            assert time.monotonic() < deadline
    assert said == "... looking at the quota\n"
    with progress("nothing", 60):
        pass
    assert capfd.readouterr().err == ""


@pytest.mark.process
@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals(file: Path, no_color: str, coloured: bool) -> None:
    """On a terminal the states are coloured, unless NO_COLOR is set."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "FLUX_URI"}
    command = [sys.executable, "-m", "burstd", "doctor", "--config", str(file)]
    done = subprocess.run(
        command,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment | {"NO_COLOR": no_color},
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 1
    assert ("\x1b[31mfailed" in shown) == coloured
