"""What stands, as values."""

from __future__ import annotations

import json

import pytest

from burstd.core.model import ByHand, Closed, Cooldown, Failure, Outcome, Phase, Site, Span, Verb
from burstd.core.reasons import Code, Reason
from burstd.core.status import PoolState, Status, from_ledger, status, waits
from burstd.testing.builders import NOW, a_burst, a_host, a_policy, a_pool, a_snapshot, some_hosts

DAY = NOW // 86400 * 86400


def seen(snapshot, policy=None, reasons=(), *, lead_answers=True) -> Status:
    return status(snapshot, policy or a_policy(), reasons, NOW, lead_answers=lead_answers)


@pytest.mark.parametrize(
    ("changes", "state", "until", "error"),
    [
        ({}, PoolState.OPEN, None, ""),
        ({"unseen": frozenset({"burst-0"})}, PoolState.UNSEEN, None, ""),
        ({"by_hand": ByHand(closed=(Closed("burst-0"),))}, PoolState.CLOSED_BY_HAND, None, ""),
        (
            {"cooldowns": (Cooldown("burst-0", "no image", NOW + 60),)},
            PoolState.COOLING_DOWN,
            NOW + 60,
            "no image",
        ),
        (
            {"cooldowns": (Cooldown("burst-0", "no image", NOW + 60, closed=True),)},
            PoolState.CLOSED,
            NOW + 60,
            "no image",
        ),
        (
            {"cooldowns": (Cooldown("burst-0", "stockout", NOW + 60, offer="n1 in a"),)},
            PoolState.NO_ROOM,
            NOW + 60,
            "stockout",
        ),
        ({"cooldowns": (Cooldown("burst-0", "no right", None),)}, PoolState.FAILED, None, "no right"),
        ({"cooldowns": (Cooldown("burst-0", "no image", NOW - 1),)}, PoolState.OPEN, None, "no image"),
        ({"cooldowns": (Cooldown("burst-1", "no image", None),)}, PoolState.OPEN, None, ""),
    ],
)
def test_a_pool_says_what_keeps_it_from_a_burst(changes, state, until, error) -> None:
    """What was ordered goes before what failed; the last error stays when its pause is over."""
    (pool,) = seen(a_snapshot(**changes)).pools
    assert (pool.state, pool.until, pool.last_error) == (state, until, error)


def test_hosts_and_jobs_are_those_of_the_bursts_ranks() -> None:
    """A job on several hosts counts once; hosts of the pool beyond the burst's size are not the burst's."""
    up = [a_host(rank, f"burst-0-{rank - 4}", online=True, jobs=(1, rank)) for rank in (4, 5)]
    hosts = (*some_hosts([a_pool()])[:4], *up, *some_hosts([a_pool()])[6:])
    found = seen(a_snapshot(hosts=hosts, bursts=(a_burst(size=3),)))
    (pool,), (burst,) = found.pools, found.bursts
    assert (pool.hosts_online, pool.hosts_total, pool.jobs) == (2, 4, 3)
    assert (burst.hosts_online, burst.hosts_total, burst.jobs) == (2, 3, 3)
    assert (burst.phase, burst.age_seconds, burst.phase_seconds) == ("serving", 1000.0, 900.0)


def test_what_the_lead_did_not_tell_is_not_known() -> None:
    """Before the lead was seen, or where no pool is declared any more, hosts and jobs are None, not none."""
    blind = seen(a_snapshot(hosts=(), bursts=(a_burst(),)), lead_answers=False)
    orphan = seen(a_snapshot(bursts=(a_burst(pool="other"),)))
    assert (blind.pools[0].hosts_online, blind.bursts[0].hosts_online, blind.lead_answers) == (
        None,
        None,
        False,
    )
    assert (orphan.bursts[0].hosts_online, orphan.bursts[0].jobs) == (None, None)


@pytest.mark.parametrize(
    ("changes", "dollars", "per_hour"),
    [
        ({}, None, None),
        ({"cost_per_hour": 0.9}, 1.0, 3.6),
        ({"cost_per_hour": 0.9, "phase": Phase.PLANNED}, 1.0, 3.6),
        ({"cluster_cost_per_hour": 3.6}, 1.0, 3.6),
    ],
)
def test_a_burst_says_what_it_cost_so_far(changes, dollars, per_hour) -> None:
    """Dollars come from its own prices and sizes; without a price there are none to tell."""
    (burst,) = seen(a_snapshot(bursts=(a_burst(**changes),))).bursts
    assert burst.dollars == (None if dollars is None else pytest.approx(dollars))
    assert burst.dollars_per_hour == (None if per_hour is None else pytest.approx(per_hour))


def test_the_day_counts_what_is_gone_too() -> None:
    """Bursts that are gone count with those that live, both only since the day began."""
    living = a_burst(cost_per_hour=0.9, spans=(Span(NOW - 1000, 4),))
    gone = a_burst(
        Phase.GONE, generation=2, cost_per_hour=1.0, spans=(Span(DAY - 3600, 1),), ended=DAY + 3600
    )
    found = seen(a_snapshot(bursts=(living,), past=(gone,)))
    assert found.dollars_today == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("changes", "error", "pending"),
    [
        ({}, "", ""),
        ({"failure": Failure("it never joined"), "why": "it never joined"}, "it never joined", ""),
        ({"outcome": Outcome(Verb.REMOVE, NOW, Failure("no right", 5.0))}, "no right", ""),
        ({"outcome": Outcome(Verb.REMOVE, NOW)}, "", ""),
        ({"site": Site("s", "burst-0", 1, (), pending="no node yet")}, "", "no node yet"),
    ],
)
def test_a_burst_says_its_last_error_and_what_it_waits_for(changes, error, pending) -> None:
    """Its own failure goes before that of its latest effect."""
    (burst,) = seen(a_snapshot(bursts=(a_burst(**changes),))).bursts
    assert (burst.last_error, burst.pending, burst.why) == (error, pending, changes.get("why", ""))


def test_jobs_that_wait_are_counted_by_reason() -> None:
    """Most jobs first; of each reason one sentence and three jobs."""
    busy = [(job, Reason(Code.POOL_BUSY, "burst-0")) for job in range(1, 6)]
    first, second = waits([(9, Reason(Code.HELD)), *busy])
    assert (first.code, first.jobs, first.examples) == ("pool-busy", 5, ("ƒ2", "ƒ3", "ƒ4"))
    assert first.sentence == "Every host of pool burst-0 is in use or promised."
    assert (second.code, second.jobs, second.examples) == ("held", 1, ("ƒA",))


def test_the_ledger_tells_what_it_knows() -> None:
    """Pools are those of the configuration and those it names; of the lead nothing is known."""
    found = from_ledger(
        (a_burst(cost_per_hour=0.9),),
        (Cooldown("lost", "no image", NOW + 60),),
        ByHand(paused=True, closed=(Closed("burst-0"),)),
        NOW,
        providers={"burst-1": "gke", "burst-0": "local"},
    )
    assert [(pool.name, pool.provider, pool.state) for pool in found.pools] == [
        ("burst-1", "gke", "open"),
        ("burst-0", "local", "closed-by-hand"),
        ("lost", "", "cooling-down"),
    ]
    (burst,) = found.bursts
    assert (found.source, found.lead_answers, found.paused, found.waiting) == ("ledger", None, True, ())
    assert (burst.hosts_online, burst.hosts_total, burst.jobs) == (None, 4, None)
    assert found.dollars_today == burst.dollars == pytest.approx(1.0)


def test_a_document_comes_back_whole() -> None:
    """What went over the socket is what was seen; fields of a later version are left out."""
    reasons = [(1, Reason(Code.HELD))]
    found = seen(a_snapshot(bursts=(a_burst(cost_per_hour=0.9),)), reasons=reasons)
    document = json.loads(json.dumps(found.document()))
    document["bursts"][0]["colour"] = "red"
    back = Status.read(document)
    assert back.pools == found.pools
    assert back.bursts == found.bursts
    assert json.dumps(back.document()) == json.dumps(found.document())
    with pytest.raises(KeyError):
        Status.read({"at": 1.0})
