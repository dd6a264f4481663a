"""The commands beside a living lead: they read it, and change nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from burstd.cli import app
from burstd.core.jobid import f58
from burstd.lead.connect import opener
from burstd.lead.jobspec import command_jobspec, submit
from burstd.lead.live import LiveLead
from burstd.stage.lead import Stage

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def lead() -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="burstd-") as directory,
        Stage(Path(directory), "embedded") as stage,
    ):
        yield stage


@pytest.fixture(autouse=True)
def _surroundings(lead: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLUX_URI", lead.uri)
    with tempfile.TemporaryDirectory(prefix="state-") as short:  # sockets lie below it
        monkeypatch.setenv("XDG_STATE_HOME", short)
        yield


def _large() -> dict[str, Any]:
    return command_jobspec(["hostname"], 8, burstable=1, cwd="/tmp")


def burstd(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_checking_against_the_lead() -> None:
    """check-config says what each pool is on the lead at hand."""
    done = burstd("check-config", "--lead-size", "4")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "agrees:\n  burst-0: burst-0-[0-3], ranks 4-7, " in done.stdout
    assert "properties burst" in done.stdout


@pytest.mark.parametrize("command", [["check-config"], ["plan"], []])
def test_a_pool_that_the_lead_does_not_declare(command: list[str]) -> None:
    """A pool that is not declared is refused with what to add, exit code 2, nothing started."""
    done = burstd(*command, "--name", "burst-1", "--lead-size", "2")
    assert done.exit_code == 2
    assert "pools[0].name: the lead does not declare any host burst-1-<number>" in done.stderr
    assert 'add { host = "burst-1-[0-3]" } to `hosts` of [bootstrap]' in done.stderr
    assert "lead.size: 2, but before its pools the lead declares 8 hosts" in done.stderr


def test_planning_beside_the_lead() -> None:
    """With nobody waiting nothing would be done, as a table and as JSON."""
    assert "Pool burst-0 (local): 0 of 4 hosts online; no burst." in burstd("plan").stdout
    made = json.loads(burstd("plan", "--json").stdout)
    assert (made["actions"], made["waiting"]) == ([], [])
    assert made["pools"][0]["ranks"] == [4, 5, 6, 7]


def test_releasing_what_is_held(lead: Stage) -> None:
    """Release lets go of what this owner's burstd holds, says so for each job, and leaves others alone."""
    with closing(lead.handle()) as handle, closing(LiveLead(opener(lead.uri))) as live:
        held, other = (submit(handle, _large()) for _ in range(2))
        live.hold(held, "burstd")
        try:
            assert burstd("release", f58(other)).stdout.startswith(f"{f58(other)}: not held")
            assert burstd("release").stdout == f"{f58(held)}: released.\n"
            assert burstd("release").stdout == "No job is held by burstd.\n"
            asked = {"id": held, "attrs": ["urgency"]}
            assert handle.rpc("job-list.list-id", asked, 0)["job"]["urgency"] == 16
        finally:
            for job in (held, other):
                handle.rpc("job-manager.raise", {"id": job, "type": "cancel", "severity": 0}, 0)


def test_planning_for_a_waiting_job(lead: Stage) -> None:
    """A waiting burstable job shows what would be done for it and why it waits; nothing is started."""
    handle = lead.handle()
    job = submit(handle, command_jobspec(["hostname"], 4, burstable=1, cwd="/tmp"))
    try:
        made = json.loads(burstd("plan", "--json").stdout)
        assert [act["verb"] for act in made["actions"]] == ["hold", "provision", "tell"]
        assert [(one["job"], one["reason"]) for one in made["waiting"]] == [(job, "hosts-coming")]
        shown = burstd("plan").stdout
        assert "burst-0-g1, 4 hosts" in shown
        assert f"│ hold      │ job {f58(job)}" in shown
    finally:
        handle.rpc("job-manager.raise", {"id": job, "type": "cancel", "severity": 0}, 0)
        handle.close()
