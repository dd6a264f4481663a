"""`burstd status`, with the daemon as a real process and without one."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}
PRICED = {"cost_per_hour": 3.6, "probe": False}


def until(town, seen):
    """Ask until the answer is as expected; return it."""
    deadline = time.monotonic() + 30
    while not seen(found := json.loads(town.command("status", "--json").stdout)):
        assert time.monotonic() < deadline, found
    return found


def test_a_burst_that_serves_is_shown_with_its_hosts_job_and_cost(town):
    """What stands is told by the daemon, with jobs that wait and why; once it is gone the ledger tells."""
    daemon = town.serving(idle=600, **PRICED)
    town.watch.submit(["sleep", "60"], 3, requires=BURST_ONLY)
    running = until(town, lambda found: any(burst["jobs"] for burst in found["bursts"]))
    assert running["waiting"] == []
    town.command("pause")
    town.watch.submit(["true"], 4, requires=BURST_ONLY)

    found = until(town, lambda found: found["waiting"])
    (pool,), (burst,), (reason,) = found["pools"], found["bursts"], found["waiting"]
    assert (found["source"], found["lead_answers"], found["paused"]) == ("daemon", True, True)
    assert (pool["name"], pool["provider"], pool["state"]) == ("burst-0", "local", "open")
    assert (burst["phase"], burst["hosts_online"], burst["hosts_total"], burst["jobs"]) == (
        "serving",
        3,
        3,
        1,
    )
    assert 0 < burst["dollars"] < burst["dollars_per_hour"] == pytest.approx(3 * 3.6)
    assert burst["dollars"] <= found["dollars_today"]
    assert (reason["code"], reason["jobs"]) == ("paused", 1)

    table = town.command("status").stdout
    (row,) = (line for line in table.splitlines() if "burst-0-g" in line)
    assert [cell.strip() for cell in row.split("│")][2:6:3] == ["serving", "1"]
    assert " 3/3 " in row
    assert reason["examples"][0] in table
    assert "\x1b" not in table

    daemon.stop()
    assert town.command("status").stdout.startswith("No burstd answers here: this is what its ledger says")
    found = json.loads(town.command("status", "--json").stdout)
    (burst,) = found["bursts"]
    assert (found["source"], burst["phase"], burst["hosts_online"]) == ("ledger", "serving", None)


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_the_daemon_answers_while_its_lead_does_not(town):
    """A lead that is gone is told, and what was seen of it last."""
    town.serving()
    until(town, lambda found: found["pools"][0]["hosts_online"] == 0)
    town.stage.kill_lead()
    until(town, lambda found: not found["lead_answers"])
    assert town.command("status").stdout.startswith("The lead does not answer; hosts and jobs are as")
