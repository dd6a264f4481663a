"""Orders by hand, closed pools, machines taken back, leases: what follows from them in a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.cooldown import CLOSED_SECONDS, cooled
from burstd.core.lifecycle import BY_HAND, FORCED, LEAVING, RECLAIMED
from burstd.core.marks import BUSY
from burstd.core.model import ByHand, Closed, Cooldown, Failure, JobState, Phase, Pool, Site, Up, Verb
from burstd.core.planner import plan
from burstd.core.reasons import Code
from burstd.core.upkeep import CHECKPOINT_SECONDS
from burstd.testing.builders import (
    NOW,
    a_burst,
    a_job,
    a_policy,
    a_pool,
    a_snapshot,
    applied,
    some_hosts,
    verbs,
)

POOL = a_pool()
UP = some_hosts([POOL], online=POOL.ranks)


def planned(*, by_hand: ByHand | None = None, pool: Pool = POOL, policy=None, **changes):
    """What is planned with these orders, by default with every host of the pool down."""
    given = {"hosts": some_hosts([pool]), "by_hand": by_hand or ByHand(), **changes}
    return plan(a_snapshot(**given), policy or a_policy(pool), NOW)


def at_work(hosts):
    """The pool's hosts with a job on each."""
    taken = {"jobs": (9,), "free_cores": 0}
    return tuple(replace(host, **taken) if host.rank in POOL.ranks else host for host in hosts)


def a_site(**changes) -> Site:
    """The site of the burst, with all of its hosts running."""
    return replace(Site("x-burst-0-g1", "burst-0", 1, POOL.hosts), **changes)


def drained(hosts, why: str):
    """The pool's hosts drained by burstd."""
    text = f"burstd: tester: burst-0-g1: {why}"
    return tuple(replace(host, drain_reason=text) if host.rank in POOL.ranks else host for host in hosts)


class TestUp:
    """`burstd up`."""

    @pytest.mark.parametrize(("asked", "size"), [(2, 2), (0, 4), (9, 4)])
    def test_hosts_come_up_that_no_job_needs(self, asked, size) -> None:
        """As many of the first hosts as were ordered come up, all of them where it does not say."""
        result = planned(by_hand=ByHand(ups=(Up("burst-0", asked, NOW + 60, 7),)))
        assert [(burst.size, burst.payers) for burst in result.bursts] == [(size, ((7, size),))]

    def test_a_burst_that_serves_grows_for_it(self) -> None:
        """More hosts are added to what is up."""
        burst = a_burst(size=1)
        hosts = some_hosts([POOL], online=POOL.ranks[:1])
        result = planned(by_hand=ByHand(ups=(Up("burst-0", 3, NOW + 60),)), hosts=hosts, bursts=(burst,))
        assert [burst.size for burst in result.bursts] == [3]
        assert Verb.RESIZE in verbs(result)

    def test_what_is_ordered_is_not_idle_before_its_time_is_over(self) -> None:
        """The hosts ordered stay, those above go; with the order over all go."""
        for until, keeps in ((NOW + 60, 2), (NOW - 1, None)):
            orders = ByHand(ups=(Up("burst-0", 2, until),))
            (burst,) = planned(by_hand=orders, hosts=UP, bursts=(a_burst(),)).bursts
            assert burst.keep == keeps
            assert burst.phase is (Phase.SERVING if keeps else Phase.DRAINING)

    def test_limits_hold_for_it(self) -> None:
        """What may not be bought is not bought by hand either, and the order has the reason."""
        pool = a_pool(paid=True)
        policy = a_policy(pool, max_hosts=3)
        result = planned(pool=pool, policy=policy, by_hand=ByHand(ups=(Up("burst-0", 4, NOW + 60),)))
        assert result.bursts == ()
        assert [(name, reason.code) for name, reason in result.orders] == [("burst-0", Code.LIMIT_REACHED)]


class TestDown:
    """`burstd down`, also while a burst is being made."""

    @pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.PROVISIONING, Phase.LAUNCHING, Phase.JOINING])
    def test_what_is_being_made_is_released_at_once(self, phase) -> None:
        """The record says so before anything else happens, so that a crash forgets nothing."""
        result = planned(by_hand=ByHand(closed=(Closed("burst-0"),)), bursts=(a_burst(phase),))
        assert [(burst.phase, burst.why) for burst in result.bursts] == [(Phase.RELEASING, BY_HAND)]
        assert Verb.REMOVE in verbs(result)

    def test_a_call_under_way_is_not_crossed(self) -> None:
        """The removal follows once the call that makes the site has ended."""
        result = planned(
            by_hand=ByHand(closed=(Closed("burst-0"),)),
            bursts=(a_burst(Phase.PROVISIONING),),
            in_flight=frozenset({"burst-0-g1"}),
        )
        assert [burst.phase for burst in result.bursts] == [Phase.RELEASING]
        assert Verb.REMOVE not in verbs(result)

    def test_hosts_are_drained_and_their_jobs_waited_for(self) -> None:
        """Nothing is removed under a job, unless that is ordered."""
        hosts = tuple(replace(host, jobs=(9,)) if host.rank == POOL.ranks[0] else host for host in UP)
        gentle = planned(by_hand=ByHand(closed=(Closed("burst-0"),)), hosts=hosts, bursts=(a_burst(),))
        assert verbs(gentle) == [Verb.DRAIN]
        assert (gentle.bursts[0].phase, gentle.bursts[0].why) == (Phase.DRAINING, BY_HAND)
        forced = planned(by_hand=ByHand(closed=(Closed("burst-0", True),)), hosts=hosts, bursts=(a_burst(),))
        assert verbs(forced) == [Verb.REMOVE]
        assert forced.bursts[0].why == FORCED

    def test_its_pool_stays_down(self) -> None:
        """A job that waits is told how the pool is opened again, also while its burst still goes."""
        for bursts in ((), (a_burst(),)):
            result = planned(by_hand=ByHand(closed=(Closed("burst-0"),)), jobs=(a_job(),), bursts=bursts)
            (reason,) = dict(result.reasons).values()
            assert reason.code is Code.POOL_CLOSED
            assert "burstd reopen burst-0" in reason.sentence

    def test_leaving_takes_everything_down(self) -> None:
        """Where burstd is to leave nothing behind, every burst drains and nothing is made."""
        result = planned(by_hand=ByHand(leaving=True), hosts=UP, bursts=(a_burst(),), jobs=(a_job(),))
        assert [(burst.phase, burst.why) for burst in result.bursts] == [(Phase.DRAINING, LEAVING)]


class TestPause:
    """`burstd pause`."""

    def test_nothing_is_made(self) -> None:
        """A waiting job has the reason; no burst begins and none grows."""
        one = planned(by_hand=ByHand(paused=True), jobs=(a_job(),))
        hosts = some_hosts([POOL], online=POOL.ranks[:1])
        other = planned(by_hand=ByHand(paused=True), jobs=(a_job(),), hosts=hosts, bursts=(a_burst(size=1),))
        for result in (one, other):
            assert [reason.code for _, reason in result.reasons] == [Code.PAUSED]
            assert not {Verb.PROVISION, Verb.RESIZE} & set(verbs(result))

    def test_what_is_idle_goes(self) -> None:
        """A pause costs no longer than what runs."""
        (burst,) = planned(by_hand=ByHand(paused=True), hosts=UP, bursts=(a_burst(),)).bursts
        assert burst.phase is Phase.DRAINING


class TestClosing:
    """A pool whose bursts never join is closed; one that found no room is not to blame."""

    def test_bursts_that_never_join_close_their_pool(self) -> None:
        """After the third in a row the pool is closed for an hour; one that served begins the count anew."""
        cooldown: Cooldown | None = None
        for number in range(3):
            assert cooldown is None or not cooldown.closed
            failed = a_burst(Phase.GONE, generation=number, failure=Failure("no broker joined", 60.0))
            cooldown = cooled(failed, cooldown, NOW)
        assert cooldown is not None
        assert (cooldown.closed, cooldown.until, cooldown.unjoined) == (True, NOW + CLOSED_SECONDS, 3)
        (reason,) = dict(planned(jobs=(a_job(),), cooldowns=(cooldown,)).reasons).values()
        assert reason.code is Code.POOL_CLOSED
        assert "no broker joined" in reason.sentence
        served = cooled(
            a_burst(Phase.GONE, served=True, failure=Failure("its brokers ended", 60.0)), cooldown, NOW
        )
        assert served is not None
        assert (served.closed, served.unjoined) == (False, 0)

    def test_no_room_cools_what_there_was_no_room_for(self) -> None:
        """A lack of machines counts as no failure: the pause does not grow and the pool is not closed."""
        before = cooled(a_burst(Phase.GONE, failure=Failure("no broker joined", 60.0)), None, NOW)
        found = cooled(a_burst(Phase.GONE, failure=Failure("stockout", 90.0, "n2 in a")), before, NOW)
        assert found is not None
        assert (found.until, found.failures, found.unjoined, found.closed) == (NOW + 90, 1, 1, False)
        (reason,) = dict(planned(jobs=(a_job(),), cooldowns=(found,)).reasons).values()
        assert reason.code is Code.NO_ROOM
        assert "n2 in a" in reason.sentence


class TestReclaimed:
    """Machines that the cloud takes back."""

    def site(self) -> Site:
        return a_site(reclaimed=("burst-0-1",))

    def test_the_notice_drains_first(self) -> None:
        """The host is drained with that reason, its burst serves on, and its record keeps the name."""
        burst = a_burst(site=self.site())
        result = planned(hosts=at_work(UP), bursts=(burst,))
        (drain,) = (action for action in result.actions if action.verb is Verb.DRAIN)
        assert drain.ranks == POOL.ranks[1:2]
        assert drain.text.endswith(RECLAIMED)
        assert result.bursts[0].reclaimed == ("burst-0-1",)
        assert any(RECLAIMED in sentence and "burst-0-1" in sentence for sentence in result.sentences)

    def test_jobs_there_are_told(self) -> None:
        """A job on that machine has it in its memo, others have not."""
        jobs = tuple(
            a_job(number, state=JobState.RUN, ranks=(rank,)) for number, rank in enumerate(POOL.ranks)
        )
        result = planned(hosts=at_work(UP), bursts=(a_burst(site=self.site()),), jobs=jobs)
        told = {action.job: action.text for action in result.actions if action.verb is Verb.TELL}
        assert list(told) == [1]
        assert told[1].startswith("reclaimed: ")

    def test_no_job_is_placed_there(self) -> None:
        """Room on a machine that goes is no room."""
        result = planned(hosts=UP, bursts=(a_burst(site=self.site()),), jobs=(a_job(hosts=6),))
        assert dict(result.reasons)[1].code is not Code.STARTING

    def test_a_host_that_returns_is_undrained(self) -> None:
        """The drain stays while the machine is being taken, and ends with another in its place."""
        hosts = tuple(
            replace(host, drain_reason=f"burstd: tester: burst-0-g1: {RECLAIMED}")
            if host.name == "burst-0-1"
            else host
            for host in at_work(UP)
        )
        going = planned(hosts=hosts, bursts=(a_burst(site=self.site()),))
        back = planned(hosts=hosts, bursts=(a_burst(site=a_site()),))
        assert Verb.UNDRAIN not in verbs(going)
        assert [action.ranks for action in back.actions if action.verb is Verb.UNDRAIN] == [POOL.ranks[1:2]]


class TestLeases:
    """The lease of a burst's site."""

    POOL = a_pool(renewal_seconds=150.0)

    def renewals(self, *renewed, phase=Phase.SERVING, busy=False, in_flight=(), site=None):
        hosts = tuple(replace(host, jobs=(9,)) if busy else host for host in UP)
        keys = frozenset(in_flight)
        bursts = (a_burst(phase, since=NOW, site=site),)
        result = planned(pool=self.POOL, hosts=hosts, bursts=bursts, renewed=renewed, in_flight=keys)
        return [action.text for action in result.actions if action.verb is Verb.RENEW]

    def test_it_is_renewed_in_time(self) -> None:
        """At once when burstd has not done it yet, then once in each span; not while that is under way."""
        assert self.renewals() == [""]
        assert self.renewals(("burst-0-g1", NOW - 149, False)) == []
        assert self.renewals(("burst-0-g1", NOW - 150, False)) == [""]
        assert self.renewals(in_flight=("lease:burst-0-g1",)) == []

    def test_it_tells_at_once_whether_jobs_run(self) -> None:
        """A burst that became busy, or idle, is not left to the rule of the other."""
        assert self.renewals(("burst-0-g1", NOW - 1, False), busy=True) == [BUSY]
        assert self.renewals(("burst-0-g1", NOW - 1, True)) == [""]
        assert self.renewals(("burst-0-g1", NOW - 1, True), busy=True) == []

    def test_a_provision_that_is_tried_again_keeps_the_lease_it_made(self) -> None:
        """What a listing shows with a lease is looked after, however long it takes; before, there is none."""
        made = replace(a_site(), renewed=NOW - 800)
        assert self.renewals(phase=Phase.PROVISIONING, site=made) == [""]
        assert self.renewals(phase=Phase.PROVISIONING, site=a_site()) == []

    def test_a_burst_that_goes_is_renewed_no_more(self) -> None:
        """What is being removed needs no lease, and what is not there has none."""
        assert self.renewals(phase=Phase.RELEASING) == []
        assert self.renewals(phase=Phase.PLANNED) == []


def test_the_lead_is_told_what_was_spent_once_a_minute() -> None:
    """A note goes to the lead when something costs, and not again before its time."""
    burst = a_burst(cost_per_hour=1.0, lifetime_seconds=9e9)
    first = planned(hosts=UP, bursts=(burst,))
    (note,) = (action for action in first.actions if action.verb is Verb.CHECKPOINT)
    again = planned(hosts=UP, bursts=(burst,), checkpointed=(NOW - CHECKPOINT_SECONDS + 1, "other"))
    same = planned(hosts=UP, bursts=(burst,), checkpointed=(NOW - 999, note.text))
    free = planned(hosts=UP, bursts=(a_burst(),))
    for result in (again, same, free):
        assert Verb.CHECKPOINT not in verbs(result)


def test_a_plan_with_orders_that_was_applied_is_followed_by_an_empty_one() -> None:
    """Orders stand, and ask for nothing twice."""
    orders = ByHand(ups=(Up("burst-0", 2, NOW + 60),))
    snapshot = a_snapshot(by_hand=orders)
    policy = a_policy(POOL)
    assert plan(applied(snapshot, plan(snapshot, policy, NOW), NOW), policy, NOW).empty


def test_an_order_over_is_no_order() -> None:
    """Drains that were meant by an order alone are undone."""
    result = planned(hosts=drained(at_work(UP), BY_HAND), bursts=(a_burst(),))
    assert Verb.UNDRAIN in verbs(result)
