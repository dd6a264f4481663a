"""What gauges show is counted from what was seen, in classes that are known beforehand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core import readings
from burstd.core.model import Caps, Closed, Cooldown, Hold, Phase, Snapshot
from burstd.core.readings import HostState, View
from burstd.core.reasons import Code, Reason
from burstd.core.status import PoolState
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot, some_hosts

POOLS = (a_pool(), a_pool("other", 2, 8))


def a_view(snapshot: Snapshot | None = None, *reasons: tuple[int, Reason], **policy) -> View:
    made = a_policy(*POOLS, **policy)
    return View(("burst-0", "other"), made, snapshot or a_snapshot(), reasons, NOW)


def positive(found: readings.Readings) -> dict[tuple[str, ...], float]:
    return {labels: number for labels, number in found.items() if number}


def test_every_class_is_there_before_anything_is() -> None:
    """Where there is no burst and no job, every pool, phase, state and reason is told, with 0."""
    view = a_view()
    assert set(readings.bursts(view)) == {
        (pool.name, phase) for pool in POOLS for phase in Phase if phase != "gone"
    }
    assert set(readings.hosts(view)) == {(pool.name, state) for pool in POOLS for state in HostState}
    assert set(readings.jobs_waiting(view)) == set(readings.waits(view)) == {(code,) for code in Code}
    assert set(readings.pool_states(view)) == {(pool.name, state) for pool in POOLS for state in PoolState}
    for read in (readings.bursts, readings.jobs_waiting, readings.waits, readings.jobs_running):
        assert positive(read(view)) == {}


def test_a_host_is_in_one_state() -> None:
    """The declared hosts of a pool are counted once each: what runs, what is free, drained, coming, down."""
    busy, idle, drained, *rest = some_hosts(POOLS, online=(4, 5, 6, 8))[4:]
    hosts = (
        replace(busy, jobs=(1,), drain_reason="it goes"),
        idle,
        replace(drained, torpid=True),
        *rest,
    )
    view = a_view(a_snapshot(hosts=hosts, bursts=(a_burst(),)))
    assert positive(readings.hosts(view)) == {
        ("burst-0", "busy"): 1,
        ("burst-0", "idle"): 1,
        ("burst-0", "drained"): 1,
        ("burst-0", "coming"): 1,
        ("other", "idle"): 1,
        ("other", "down"): 1,
    }


def test_a_host_of_a_burst_that_goes_is_not_coming() -> None:
    """What was taken away is down, while its burst is released."""
    view = a_view(a_snapshot(bursts=(a_burst(Phase.RELEASING),)))
    assert readings.hosts(view)[("burst-0", "down")] == 4


def test_jobs_are_counted_by_reason_with_the_longest_wait() -> None:
    """Each job counts for its one reason; of each reason the job is told that was submitted first."""
    jobs = tuple(a_job(number, submitted=NOW - 100 * number) for number in (1, 2, 3))
    held = replace(jobs[0], hold=Hold("tester", 16))
    reasons = ((1, Reason(Code.PAUSED)), (2, Reason(Code.PAUSED)), (3, Reason(Code.HELD)))
    view = a_view(a_snapshot(jobs=(held, *jobs[1:])), *reasons)
    assert positive(readings.jobs_waiting(view)) == {("paused",): 2, ("held",): 1}
    assert positive(readings.waits(view)) == {("paused",): 200, ("held",): 300}
    assert readings.jobs_held(view) == {(): 1}


def test_a_job_on_two_hosts_counts_once() -> None:
    """Jobs on hosts of a pool are counted, not their hosts."""
    hosts = tuple(replace(host, jobs=(7,)) for host in some_hosts(POOLS, online=(4, 5))[4:6])
    assert positive(readings.jobs_running(a_view(a_snapshot(hosts=hosts)))) == {("burst-0",): 1}


def test_a_pool_is_in_one_state() -> None:
    """The states are those of `burstd status`."""
    snapshot = a_snapshot(cooldowns=(Cooldown("burst-0", "no", None),), unseen=frozenset({"other"}))
    assert positive(readings.pool_states(a_view(snapshot))) == {
        ("burst-0", "failed"): 1,
        ("other", "unseen"): 1,
    }
    by_hand = replace(snapshot.by_hand, closed=(Closed("other"),), paused=True)
    view = a_view(replace(snapshot, by_hand=by_hand))
    assert readings.pool_states(view)[("other", "closed-by-hand")] == 1
    assert readings.paused(view) == {(): 1}
    assert readings.spend_unknown(view) == {(): 0}


def test_money_is_told_by_pool() -> None:
    """What was spent today, what may still be, and what an hour costs; of a pool no longer declared, too."""
    burst = a_burst(cost_per_hour=0.9, lifetime_seconds=2000.0)
    gone = a_burst(Phase.GONE, pool="old", cost_per_hour=1.8, ended=NOW - 500)
    view = a_view(a_snapshot(bursts=(burst,), past=(gone,)))
    assert readings.spent_today(view) == {
        ("burst-0",): pytest.approx(1.0),
        ("other",): 0,
        ("old",): pytest.approx(1.0),
    }
    assert positive(readings.reserves(view)) == {("burst-0",): pytest.approx(1600 * 0.001)}
    assert positive(readings.rates(view)) == {("burst-0",): pytest.approx(3.6)}
    assert positive(readings.ages(view)) == {("burst-0",): 1000}


def test_a_limit_that_nobody_set_is_infinite() -> None:
    """So that a comparison with it is false, and no series is missing."""
    infinite = float("inf")
    view = a_view()
    assert readings.caps(view) == {("hour",): infinite, ("day",): infinite}
    assert (
        readings.pool_caps(view) == readings.lifetimes(view) == {("burst-0",): infinite, ("other",): infinite}
    )
    capped = a_view(caps=Caps(dollars_per_hour=2.0, dollars_per_day=30.0))
    assert readings.caps(capped) == {("hour",): 2.0, ("day",): 30.0}


def test_a_pool_that_fits_no_more_keeps_its_series() -> None:
    """Where the lead restarted and fits the configuration no more, the policy has no pools; series stay."""
    view = replace(a_view(), policy=replace(a_policy(), pools=()))
    assert readings.hosts(view)[("burst-0", "down")] == 0
    assert readings.lifetimes(view)[("burst-0",)] == float("inf")
