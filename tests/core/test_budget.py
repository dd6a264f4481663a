"""Budgets: what a burst costs, what it may still cost, and which cap stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.budget import checkpoint, read_checkpoint
from burstd.core.model import Burst, Caps, Carried, Outcome, Phase, Policy, Snapshot, Span, Verb
from burstd.core.money import RELEASE_SECONDS, cost, day_of, metered, rate, reserved, shares
from burstd.core.planner import plan
from burstd.core.reasons import Code
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot, some_hosts

HOUR = 3600.0
DAY = day_of(NOW)
LIFE = 4 * HOUR
PRICED = {"paid": True, "cost_per_hour": 1.0, "cluster_cost_per_hour": 0.5, "max_lifetime_seconds": LIFE}
FULL = 4.5 * (LIFE + RELEASE_SECONDS) / HOUR
"""What four hosts of a priced pool may cost until all of it is over."""


def priced(**changes) -> Burst:
    """A burst of the priced pool, four hosts since an hour."""
    given = {
        "created": NOW - HOUR,
        "cost_per_hour": 1.0,
        "cluster_cost_per_hour": 0.5,
        "lifetime_seconds": LIFE,
    }
    return a_burst(**{**given, **changes})


def planned(*jobs, pool=None, caps=None, **changes):
    """What is planned for jobs under a policy with one priced pool."""
    pool = pool or a_pool(**PRICED)
    policy = a_policy(pool, caps=caps or Caps(), max_hosts=100, max_bursts=9)
    snapshot = a_snapshot(hosts=some_hosts([pool]), jobs=jobs, **changes)
    return plan(snapshot, policy, NOW)


def reason(result, job=1):
    return dict(result.reasons)[job]


@pytest.mark.parametrize(
    ("spans", "ended", "now", "since", "dollars"),
    [
        ([(0, 4)], None, 1, 0, 4.5),
        ([(0, 4)], None, 1, 0.5, 2.25),
        ([(0, 4), (1, 2)], None, 2, 0, 4.5 + 2.5),
        ([(0, 4), (1, 2)], 1.5, 9, 0, 4.5 + 1.25),
        ([(0, 4), (1, 2)], 1.5, 9, 1.25, 0.625),
        ([(0, 4)], 1, 9, 2, 0),
        ([(0, 1), (2, 4)], None, 1, 0, 1.5),
    ],
)
def test_a_burst_costs_what_its_hosts_cost_while_it_has_them(spans, ended, now, since, dollars) -> None:
    """Each stretch of one size counts with its hosts and the cluster, up to the end, from the time asked."""
    burst = priced(
        created=0.0,
        spans=tuple(Span(at * HOUR, hosts) for at, hosts in spans),
        ended=None if ended is None else ended * HOUR,
    )
    assert cost(burst, now * HOUR, since * HOUR) == pytest.approx(dollars)


def test_a_burst_that_begins_takes_its_prices_along() -> None:
    """Prices hold as they were when it began: a change of the configuration changes no bill."""
    dear = a_pool(**{**PRICED, "cost_per_hour": 99.0})
    begun = metered(None, replace(priced(), spans=()), a_pool(**PRICED))
    assert rate(begun) == 4.5
    assert rate(metered(begun, replace(begun, phase=Phase.DRAINING), dear)) == 4.5


def test_a_gone_burst_cost_until_its_removal_was_done() -> None:
    """What was verified later had ended when the last removal succeeded."""
    going = priced(outcome=Outcome(Verb.REMOVE, NOW - 60))
    gone = metered(going, replace(going, phase=Phase.GONE, since=NOW), a_pool())
    assert gone.ended == NOW - 60
    assert reserved(gone, NOW) == rate(gone) == 0.0


def test_a_burst_that_grows_while_planned_costs_from_its_beginning() -> None:
    """What was planned before burstd died and is wanted larger afterwards was not paid for since 1970."""
    pool = a_pool(**PRICED)
    planned = metered(None, replace(priced(phase=Phase.PLANNED, size=1, created=NOW), spans=()), pool)
    grown = metered(planned, replace(planned, size=4), pool)
    assert cost(grown, NOW + HOUR) == 4.5


def test_what_may_still_cost_is_counted_to_the_end_of_its_lifetime() -> None:
    """A living burst reserves its rate up to its lifetime and the time it takes to go, never less."""
    assert reserved(priced(), NOW) == pytest.approx(4.5 * (LIFE - HOUR + RELEASE_SECONDS) / HOUR)
    assert reserved(priced(created=NOW - 99 * HOUR), NOW) == pytest.approx(4.5 * RELEASE_SECONDS / HOUR)


@pytest.mark.parametrize(
    ("caps", "refused"),
    [
        (Caps(), False),
        (Caps(dollars_per_hour=4.5), False),
        (Caps(dollars_per_hour=4.4), True),
        (Caps(dollars_per_day=FULL), False),
        (Caps(dollars_per_day=FULL - 0.1), True),
        (Caps(dollars_per_user_day=FULL), False),
        (Caps(dollars_per_user_day=FULL - 0.1), True),
    ],
)
def test_nothing_is_bought_that_could_pass_a_cap(caps, refused) -> None:
    """A burst begins only where all it may ever cost fits under every cap; else its job has the reason."""
    result = planned(a_job(), caps=caps)
    assert bool(result.bursts) is not refused
    assert (reason(result).code is Code.OVER_BUDGET) is refused


def test_a_pool_has_a_cap_of_its_own() -> None:
    """The cap of one pool leaves the others alone."""
    poor = a_pool(**PRICED, dollars_per_day=1.0)
    rich = a_pool("burst-1", first_rank=8, **PRICED)
    policy = a_policy(poor, rich, max_hosts=100, max_bursts=9)
    result = plan(a_snapshot(hosts=some_hosts([poor, rich]), jobs=(a_job(),)), policy, NOW)
    assert [burst.pool for burst in result.bursts] == ["burst-1"]


def test_what_was_spent_today_counts_and_yesterday_does_not() -> None:
    """Bursts that are gone count for the day on which they cost, which is one of UTC."""
    today = priced(phase=Phase.GONE, created=DAY, spans=(Span(DAY, 4),), ended=DAY + HOUR, generation=1)
    yesterday = replace(today, created=DAY - 2 * HOUR, spans=(Span(DAY - 2 * HOUR, 4),), ended=DAY - HOUR)
    caps = Caps(dollars_per_day=FULL + 4.4)
    assert reason(planned(a_job(), caps=caps, past=(today,))).code is Code.OVER_BUDGET
    assert reason(planned(a_job(), caps=caps, past=(yesterday,))).code is Code.HOSTS_COMING


def test_an_intent_counts_before_anything_is_there() -> None:
    """A burst that is only planned holds its part of the budget: the next pool finds none left."""
    first, second = a_pool(**PRICED), a_pool("burst-1", first_rank=8, **PRICED)
    snapshot = a_snapshot(hosts=some_hosts([first, second]), jobs=(a_job(1), a_job(2)))
    for dollars, pools in ((5.0, ["burst-0"]), (9.0, ["burst-0", "burst-1"])):
        policy = a_policy(first, second, caps=Caps(dollars_per_hour=dollars), max_hosts=100, max_bursts=9)
        assert [burst.pool for burst in plan(snapshot, policy, NOW).bursts] == pools


def test_one_user_s_cap_leaves_another_s_job_alone() -> None:
    """What a user's jobs made appear counts for that user alone."""
    pool = a_pool(**PRICED, size=8, multi_user=True)
    policy = a_policy(pool, caps=Caps(dollars_per_user_day=FULL), max_hosts=100, max_bursts=9)
    mine = priced(payers=((1001, 4),))
    hosts = some_hosts([pool], online=pool.ranks[:4])
    busy = tuple(
        replace(host, jobs=(9,), free_cores=0) if host.rank in pool.ranks[:4] else host for host in hosts
    )
    jobs = (a_job(1, userid=1001), a_job(2, userid=1002))
    result = plan(a_snapshot(hosts=busy, jobs=jobs, bursts=(mine,)), policy, NOW)
    assert reason(result, 1).code is Code.OVER_BUDGET
    assert reason(result, 2).code is Code.HOSTS_COMING
    assert shares(result.bursts[0]) == {1001: 0.5, 1002: 0.5}


def test_the_reason_ends_with_the_day() -> None:
    """The loop wakes when the next day's budget begins to count."""
    assert planned(a_job(), caps=Caps(dollars_per_day=1.0)).wake_at == DAY + 86400.0


def test_a_probe_costs_one_host_and_needs_the_budget_for_all() -> None:
    """A first burst of one host is not begun for a job that could never have all of its hosts."""
    pool = a_pool(**PRICED, probe=True, spec="s")
    assert [burst.size for burst in planned(a_job(), pool=pool).bursts] == [1]
    assert planned(a_job(), pool=pool, proven=frozenset({"s"})).bursts[0].size == 4
    assert planned(a_job(), pool=pool, caps=Caps(dollars_per_hour=4.0)).bursts == ()


def test_where_spending_is_unknown_nothing_is_bought() -> None:
    """It stops what costs, where there is a cap to keep, and nothing else."""
    unknown = replace(a_snapshot().by_hand, spend_unknown=True)
    caps = Caps(dollars_per_day=999.0)
    assert reason(planned(a_job(), caps=caps, by_hand=unknown)).code is Code.SPEND_UNKNOWN
    assert reason(planned(a_job(), by_hand=unknown)).code is Code.HOSTS_COMING
    free = a_pool(cost_per_hour=0.0)
    result = planned(a_job(), pool=free, caps=caps, by_hand=unknown)
    assert reason(result).code is Code.HOSTS_COMING


def test_what_the_lead_was_told_comes_back_from_it() -> None:
    """The note in the lead's KVS says what is gone and what lives, and is read as it was written."""
    gone = priced(phase=Phase.GONE, created=DAY, spans=(Span(DAY, 4),), ended=DAY + HOUR, payers=((7, 4),))
    living = priced(generation=2, created=DAY, spans=(Span(DAY, 2),), size=2, payers=((7, 1), (8, 1)))
    text = checkpoint(a_snapshot(past=(gone,), bursts=(living,)), (living,), DAY + 2 * HOUR)
    found = read_checkpoint(text)
    assert found is not None
    assert (found.day, found.pools, found.users) == (DAY, {"burst-0": 4.5}, {7: 4.5})
    assert found.without(["burst-0-g2"]).pools == {"burst-0": 4.5}
    lost = found.without([])
    assert lost.pools == {"burst-0": 9.5}
    assert lost.users == {7: 7.0, 8: 2.5}


def test_what_an_earlier_ledger_spent_counts_on_its_day_alone() -> None:
    """A note of yesterday is no spending of today."""
    caps = Caps(dollars_per_day=FULL + 1.0)
    told = Carried(DAY, {"burst-0": 2.0})
    assert reason(planned(a_job(), caps=caps, carried=told)).code is Code.OVER_BUDGET
    assert (
        reason(planned(a_job(), caps=caps, carried=replace(told, day=DAY - 86400))).code is Code.HOSTS_COMING
    )


@given(st.text())
def test_a_note_that_nobody_wrote_is_nothing(text: str) -> None:
    """Whatever stands in the KVS, it is read or it is none; it stops nothing."""
    assert read_checkpoint(text) is None or isinstance(read_checkpoint(text), Carried)


@given(
    per_hour=st.floats(0, 20),
    per_day=st.floats(0, 200),
    jobs=st.lists(st.integers(1, 4), max_size=6),
    spent=st.floats(0, 50),
)
def test_no_plan_passes_a_cap(per_hour, per_day, jobs, spent) -> None:
    """Whatever waits, a plan's bursts cost no more an hour, and may cost no more today, than caps allow."""
    pools = [a_pool(f"burst-{n}", first_rank=4 + 4 * n, **PRICED) for n in range(3)]
    caps = Caps(dollars_per_hour=per_hour, dollars_per_day=per_day)
    policy: Policy = a_policy(*pools, caps=caps, max_hosts=100, max_bursts=9)
    snapshot: Snapshot = a_snapshot(
        hosts=some_hosts(pools),
        jobs=tuple(a_job(n, hosts) for n, hosts in enumerate(jobs, 1)),
        carried=Carried(DAY, {"burst-0": spent}),
    )
    bursts = plan(snapshot, policy, NOW).bursts
    assert sum(map(rate, bursts)) <= per_hour + 0.01
    assert not bursts or spent + sum(reserved(burst, NOW) for burst in bursts) <= per_day + 0.01
