"""How a plan is shown."""

from __future__ import annotations

import json

import pytest

from burstd.cli.planned import as_table, as_text
from burstd.core.jobid import f58
from burstd.core.model import Action, ByHand, Cooldown, Plan, Up, Verb
from burstd.core.planner import plan
from burstd.testing.builders import NOW, a_job, a_policy, a_snapshot


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell of a table is broken over lines."""
    monkeypatch.setenv("COLUMNS", "200")


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


def test_what_closes_a_pool_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A pause, a closed pool and an order by hand stand beside the pool, whether a job waits or not."""
    closed = Cooldown("burst-0", "no broker joined", NOW + 60, 3, 3, closed=True)
    for snapshot, words in (
        (a_snapshot(cooldowns=(closed,), started=NOW), "pool-closed: Pool burst-0 is closed for a while"),
        (a_snapshot(by_hand=ByHand(paused=True)), "paused: burstd is paused"),
        (
            a_snapshot(by_hand=ByHand(ups=(Up("burst-0", 2, NOW + 60),)), started=NOW),
            "Ordered by hand: 2 hosts of burst-0 up, for 60 s more.",
        ),
    ):
        as_table(snapshot, a_policy(), plan(snapshot, a_policy(), NOW))
        assert words in capsys.readouterr().out


STEERING = [
    (Action(Verb.OPEN, "queue:burst-0", queue="burst-0"), "start", "queue burst-0", "may run now"),
    (
        Action(Verb.CLOSE, "queue:burst-0", queue="burst-0"),
        "stop",
        "queue burst-0",
        "no host of its pool is up",
    ),
    (
        Action(Verb.PULSE, "queue:burst-0", queue="burst-0", jobs=(8, 9)),
        "start for a moment",
        f"queue burst-0 for job {f58(8)}, {f58(9)}",
        "whose hosts are up",
    ),
    (
        Action(Verb.MOVE, "job:8", job=8, queue="burst-0"),
        "move",
        f"job {f58(8)} to queue burst-0",
        "one pool",
    ),
    (Action(Verb.HOLD, "job:8", job=8, text="tester"), "hold", f"job {f58(8)}", "in the way"),
    (Action(Verb.UNHOLD, "job:8", job=8), "release", f"job {f58(8)}", "nothing is left to hold it for"),
    (Action(Verb.NUDGE, "job:8", job=8), "nudge", f"job {f58(8)}", "has not looked at it again"),
]


@pytest.mark.parametrize(("action", "what", "on", "why"), STEERING)
def test_what_is_done_to_flux_in_plain_words(
    capsys: pytest.CaptureFixture[str], action: Action, what: str, on: str, why: str
) -> None:
    """Each effect on queues and waiting jobs is one row: what, on which queue or job, and why."""
    as_table(a_snapshot(), a_policy(), Plan(actions=(action,)))
    (row,) = [line for line in _rows(capsys) if on in line]
    assert row.split("│")[1].strip() == what
    assert why in row


def test_jobs_that_are_held_share_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """However many jobs are held, they are one row."""
    held = tuple(Action(Verb.HOLD, f"job:{job}", job=job) for job in range(3))
    as_table(a_snapshot(), a_policy(), Plan(actions=held))
    assert [row for row in _rows(capsys) if f"job {f58(0)}, {f58(1)}, {f58(2)}" in row]


def _rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


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
