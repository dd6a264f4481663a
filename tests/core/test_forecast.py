"""What a job's memo tells beside its reason: the pool, the burst's phase, when it is likely to start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.forecast import usual_seconds
from burstd.core.model import Burst, Cooldown, Phase, Snapshot, Verb
from burstd.core.planner import plan
from burstd.core.reasons import Code, Reason
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_snapshot

POLICY = a_policy()
NOON = 1_080_000.0
"""A moment at which the minute is easily read: 1970-01-13 12:00 UTC."""


def coming(phase: Phase, **changes: object) -> Burst:
    return a_burst(phase, created=NOON, since=NOON, **changes)


def memo(snapshot: Snapshot, now: float = NOON + 1) -> str:
    """Return what the one job is told."""
    (told,) = (action for action in plan(snapshot, POLICY, now).actions if action.verb is Verb.TELL)
    return told.text


@pytest.mark.parametrize("phase", [Phase.PROVISIONING, Phase.LAUNCHING, Phase.JOINING])
def test_hosts_that_come_tell_pool_phase_and_time(phase: Phase) -> None:
    """While its hosts come a job is told where they are on their way, and when bursts usually serve."""
    snapshot = a_snapshot(jobs=(a_job(hosts=3),), bursts=(coming(phase),), starts=(("burst-0", 600.0),))
    assert memo(snapshot).startswith(f"hosts-coming [burst-0, {phase}, about 12:10 UTC]: Its hosts are")


def test_nothing_measured_nothing_told() -> None:
    """Where no burst of the pool ever served, no time is told."""
    snapshot = a_snapshot(jobs=(a_job(hosts=3),), bursts=(coming(Phase.LAUNCHING),))
    assert memo(snapshot).startswith("hosts-coming [burst-0, launching]: ")


def test_an_estimate_that_passed_is_told_no_more() -> None:
    """A burst that takes longer than usual loses its estimate, when it passes and not by the next event."""
    snapshot = a_snapshot(
        jobs=(a_job(hosts=3),), bursts=(coming(Phase.LAUNCHING),), starts=(("burst-0", 60.0),)
    )
    assert "about" in memo(snapshot)
    assert plan(snapshot, POLICY, NOON + 1).wake_at == NOON + 60
    assert "about" not in memo(snapshot, NOON + 61)


def test_after_a_pause_and_a_start() -> None:
    """A pool that rests tells when its next burst would usually serve."""
    resting = Cooldown("burst-0", "burst-0 failed", NOON + 300)
    snapshot = a_snapshot(jobs=(a_job(hosts=3),), cooldowns=(resting,), starts=(("burst-0", 600.0),))
    assert memo(snapshot).startswith("pool-cooldown [burst-0, about 12:15 UTC]: ")


def test_what_no_burst_will_change_names_no_pool() -> None:
    """A job that no pool can serve is not told of one."""
    assert memo(a_snapshot(jobs=(a_job(hosts=9),))).startswith("too-large: ")


def test_the_memo_changes_by_the_minute_alone() -> None:
    """An estimate that moves within a minute leaves the memo as it is: each change is a call on the lead."""
    reason = Reason(Code.HOSTS_COMING, "burst-0-g1", start=NOON)
    assert reason.memo == replace(reason, start=NOON + 59).memo != replace(reason, start=NOON + 60).memo


def test_the_usual_time_is_the_median_of_what_was_measured() -> None:
    """One burst that took very long does not spoil the estimate; a pool without any has none."""
    assert usual_seconds({"b": [400.0, 5000.0, 380.0], "a": [], "c": [7.0]}) == (("b", 400.0), ("c", 7.0))


def test_when_a_burst_first_served_is_kept() -> None:
    """The moment stays when brokers leave and come again: it tells how long the start took."""
    snapshot = a_snapshot(bursts=(a_burst(Phase.SERVING, came=NOW - 50),))
    (burst,) = snapshot.bursts
    assert all(one.came == NOW - 50 for one in plan(snapshot, POLICY, NOW).bursts or (burst,))
