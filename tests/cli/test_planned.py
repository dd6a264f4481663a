"""How a plan is shown."""

from __future__ import annotations

import json

import pytest

from burstd.cli.planned import as_table, as_text
from burstd.core.jobid import f58
from burstd.core.planner import plan
from burstd.testing.builders import NOW, a_job, a_policy, a_snapshot

WAITING = a_snapshot(jobs=(a_job(1), a_job(2, hosts=99)))


def test_the_table_says_what_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    """Pools, what would be done on what and why, and each waiting job's reason."""
    as_table(WAITING, a_policy(), plan(WAITING, a_policy(), NOW))
    shown = capsys.readouterr().out
    assert "Pool burst-0 (local): 0 of 4 hosts online; no burst." in shown
    assert "provision" in shown
    assert "burst-0-g1, 4 hosts" in shown
    assert f"for job {f58(1)}" in shown
    assert "why it waits, in its memo" in shown
    assert "too-large" in shown


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty plan is a sentence, not an empty table."""
    idle = a_snapshot()
    as_table(idle, a_policy(), plan(idle, a_policy(), NOW))
    assert "Nothing would be done now." in capsys.readouterr().out


def test_json_holds_the_same() -> None:
    """--json is one document with pools, effects, records and reasons."""
    made = json.loads(as_text(WAITING, a_policy(), plan(WAITING, a_policy(), NOW)))
    assert made["owner"] == "tester"
    assert made["pools"][0]["shape"] == {"cores": 2, "gpus": 0, "properties": ["burst"]}
    assert ("provision", "burst-0", 4) in [(act["verb"], act["pool"], act["size"]) for act in made["actions"]]
    assert {job["job"]: job["reason"] for job in made["waiting"]}[2] == "too-large"
