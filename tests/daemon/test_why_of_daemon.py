"""`burstd why`, with the daemon as a real process, asked by its user and by another."""

from __future__ import annotations

import json
import os
import time

import pytest
from strangers import as_another

from burstd.core.jobid import f58

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}


def until(town, job, seen):
    """Ask why until the answer is as expected; return it."""
    deadline = time.monotonic() + 30
    while not seen(found := json.loads(town.command("why", "--json", f58(job)).stdout)):
        assert time.monotonic() < deadline, found
    return found


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_a_job_is_explained_from_its_wait_to_its_run(town):
    """What it waits for, how that changed, and where it runs in the end; another user is told none of it."""
    town.directory.chmod(0o755)
    place = town.directory / "public" / "ask"
    town.serving(idle=600, settings={"guests": {"socket": str(place)}})
    first = town.watch.submit(["sleep", "600"], 3, requires=BURST_ONLY)
    running = until(town, first, lambda found: found["state"] == "running")
    assert running["sentence"] == "It runs on burst-0-[0-2]."
    assert "hosts-coming" in [was["code"] for was in running["before"]]

    second = town.watch.submit(["true"], 2, requires=BURST_ONLY)
    found = until(town, second, lambda found: found["code"] == "pool-busy")
    assert [(one["where"], one["code"]) for one in found["considered"]] == [
        ("up", ""),
        ("coming", ""),
        ("pool", "pool-busy"),
    ]
    assert f58(second) in town.command("why").stdout
    text = town.command("why", f58(second)).stdout
    assert text.startswith(f"{f58(second)}: pool-busy, since ")
    assert "\x1b" not in text

    if os.geteuid() == 0:
        others = as_another(place, json.dumps({"ask": "why", "about": {"job": second}}))["answer"]
        assert others["sentence"].startswith("It belongs to another user")
        waiting = as_another(place, json.dumps({"ask": "waiting"}))["answer"]["waiting"]
        assert [(one["code"], one["examples"]) for one in waiting] == [("pool-busy", [])]

    town.watch.handle.rpc("job-manager.raise", {"id": first, "type": "cancel", "severity": 0, "note": ""}, 0)
    left = until(town, first, lambda found: found["state"] == "left")
    assert left["sentence"] == "It began on burst-0-[0-2] and is over by now."
    past = until(town, second, lambda found: found["state"] == "left")["before"]
    assert past[0]["code"] == "pool-busy"
