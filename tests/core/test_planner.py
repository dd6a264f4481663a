"""What the planner decides, one row of the world at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.constraint import parse
from burstd.core.lifecycle import IDLE
from burstd.core.model import (
    Cooldown,
    Failure,
    Hold,
    Host,
    JobState,
    Outcome,
    Phase,
    Placement,
    Request,
    Shape,
    Site,
    Verb,
    Wish,
)
from burstd.core.planner import plan
from burstd.core.reasons import Code
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
POLICY = a_policy(POOL)
SERVING_HOSTS = some_hosts([POOL], online=POOL.ranks)


def reason_codes(snapshot, policy=POLICY, now=NOW):
    return [reason.code for _, reason in plan(snapshot, policy, now).reasons]


def a_site(**changes) -> Site:
    return replace(Site("tester-burst-0-g1", "burst-0", 1, POOL.hosts), **changes)


def with_host(hosts: tuple[Host, ...], rank: int, **changes) -> tuple[Host, ...]:
    return tuple(replace(host, **changes) if host.rank == rank else host for host in hosts)


class TestDemand:
    def test_a_job_that_fits_nowhere_plans_a_burst_of_its_size(self):
        """A job of four hosts on a lead with two plans a burst of four hosts and provisions it."""
        result = plan(a_snapshot(jobs=(a_job(hosts=4),)), POLICY, NOW)

        assert [(burst.name, burst.phase, burst.size) for burst in result.bursts] == [
            ("burst-0-g1", Phase.PLANNED, 4)
        ]
        assert verbs(result) == [Verb.PROVISION]
        assert result.reasons[0][1].code is Code.HOSTS_COMING

    def test_only_the_hosts_needed_are_brought_up(self):
        """A job of three hosts brings up a prefix of three."""
        result = plan(a_snapshot(jobs=(a_job(hosts=3),)), POLICY, NOW)

        assert result.bursts[0].size == 3

    def test_a_job_that_fits_on_the_lead_brings_nothing_up(self):
        """A job of two hosts starts on the lead's own two."""
        result = plan(a_snapshot(jobs=(a_job(hosts=2),)), POLICY, NOW)

        assert result.empty
        assert result.reasons[0][1].code is Code.STARTING

    def test_where_jobs_may_span_the_lead_counts(self):
        """With mixed placement a job of four hosts needs only two more than the lead has."""
        mixed = a_policy(POOL, placement=Placement.MIXED)
        result = plan(a_snapshot(jobs=(a_job(hosts=4),)), mixed, NOW)

        assert result.bursts[0].size == 2

    def test_where_jobs_may_span_a_job_may_be_larger_than_the_pool(self):
        """With mixed placement a job of six hosts takes the lead's two and the pool's four."""
        mixed = a_policy(POOL, placement=Placement.MIXED)
        result = plan(a_snapshot(jobs=(a_job(hosts=6),)), mixed, NOW)

        assert result.bursts[0].size == 4

    def test_two_jobs_get_hosts_of_their_own(self):
        """Two jobs of two exclusive hosts each are never promised the same host."""
        constraint = parse({"properties": ["burst"]})
        jobs = (a_job(1, hosts=2, constraint=constraint), a_job(2, hosts=2, constraint=constraint))
        result = plan(a_snapshot(jobs=jobs), POLICY, NOW)

        assert result.bursts[0].size == 4

    def test_small_jobs_share_a_host(self):
        """Two jobs of one core each fit on one two-core host."""
        request = Request(hosts=0, slots=1, cores=1)
        constraint = parse({"properties": ["burst"]})
        jobs = tuple(a_job(n, request=request, constraint=constraint) for n in (1, 2))
        result = plan(a_snapshot(jobs=jobs), POLICY, NOW)

        assert result.bursts[0].size == 1

    def test_priority_decides_who_gets_the_room(self):
        """The job of higher priority gets the pool, the other waits for it to be free."""
        jobs = (a_job(1, hosts=4), a_job(2, hosts=4, priority=20))
        result = plan(a_snapshot(jobs=jobs, hosts=some_hosts([POOL], lead_online=0)), POLICY, NOW)

        assert dict(result.reasons)[2].code is Code.HOSTS_COMING
        assert dict(result.reasons)[1].code is Code.POOL_BUSY

    def test_a_job_held_by_its_user_asks_for_nothing(self):
        """A job with urgency 0 brings nothing up, unless burstd itself holds it."""
        held = a_job(hosts=4, urgency=0)

        assert plan(a_snapshot(jobs=(held,)), POLICY, NOW).bursts == ()
        assert plan(a_snapshot(jobs=(replace(held, hold=Hold("tester", 16)),)), POLICY, NOW).bursts

    @pytest.mark.parametrize(
        ("job", "code"),
        [
            (a_job(hosts=5), Code.TOO_LARGE),
            (a_job(request=Request(1, 1, 64)), Code.SHAPE_MISMATCH),
            (a_job(request=Request(0, 1, 1, gpus=1)), Code.SHAPE_MISMATCH),
            (a_job(constraint=parse({"properties": ["tape"]})), Code.CONSTRAINT_MISMATCH),
            (a_job(wish=Wish(target="burst-9")), Code.UNKNOWN_TARGET),
            (a_job(wish=Wish(nonsense="[1, 2]")), Code.BAD_BURSTABLE),
            (a_job(urgency=0), Code.HELD),
        ],
    )
    def test_a_job_no_pool_can_serve_is_told_why(self, job, code):
        """Each request that no pool can serve gets its own reason and brings nothing up."""
        result = plan(a_snapshot(jobs=(job,)), POLICY, NOW)

        assert [reason.code for _, reason in result.reasons] == [code]
        assert result.bursts == ()

    @pytest.mark.parametrize("target", ["", "burst-0", "local"])
    def test_a_wish_names_a_pool_or_a_provider(self, target):
        """The job's wish may be empty, a pool's name or a provider's."""
        result = plan(a_snapshot(jobs=(a_job(wish=Wish(target)),)), POLICY, NOW)

        assert result.bursts[0].pool == "burst-0"

    def test_a_job_goes_to_the_first_pool_that_can_take_it(self):
        """A job too large for the first pool is given to the second."""
        policy = a_policy(a_pool("small", 2, 4), a_pool("large", 8, 6))
        snapshot = a_snapshot(hosts=some_hosts(policy.pools), jobs=(a_job(hosts=4),))

        assert plan(snapshot, policy, NOW).bursts[0].pool == "large"

    @pytest.mark.parametrize(
        ("queue", "code"),
        [("", Code.HOSTS_COMING), ("burst", Code.HOSTS_COMING), ("batch", Code.CONSTRAINT_MISMATCH)],
    )
    def test_a_pool_with_a_queue_serves_the_jobs_of_that_queue(self, queue, code):
        """A job of another queue is told; one of a lead without queues is served."""
        policy = a_policy(replace(POOL, queue="burst"))

        assert reason_codes(a_snapshot(jobs=(a_job(queue=queue),)), policy) == [code]

    def test_jobs_that_do_not_wait_ask_for_nothing(self):
        """Only jobs in SCHED that are marked burstable are demand."""
        jobs = (a_job(1, state=JobState.DEPEND), a_job(2, wish=None), a_job(3, state=JobState.RUN))

        assert plan(a_snapshot(jobs=jobs), POLICY, NOW).reasons == ()


class TestUnseen:
    """Pools whose provider could not list its sites since burstd started."""

    def test_nothing_is_made_in_a_pool_that_was_not_seen(self):
        """There may be a burst of it that no record knows; its job is told so."""
        snapshot = a_snapshot(jobs=(a_job(),), unseen=frozenset({"burst-0"}))
        result = plan(snapshot, POLICY, NOW)

        assert result.empty or verbs(result) == []
        assert reason_codes(snapshot) == [Code.POOL_UNSEEN]

    def test_another_pool_is_used_meanwhile(self):
        """A provider that is away does not keep other pools from serving."""
        other = a_pool("burst-1", first_rank=8)
        policy = a_policy(POOL, other)
        hosts = some_hosts([POOL, other])
        snapshot = a_snapshot(jobs=(a_job(),), hosts=hosts, unseen=frozenset({"burst-0"}))

        assert [burst.pool for burst in plan(snapshot, policy, NOW).bursts] == ["burst-1"]

    def test_nothing_is_bought_while_a_paid_pool_was_not_seen(self):
        """The caps are over all paid pools: what is unseen may have used them up."""
        paid, other = replace(POOL, paid=True), a_pool("burst-1", first_rank=8, paid=True)
        policy = a_policy(paid, other)
        hosts = some_hosts([paid, other])
        snapshot = a_snapshot(jobs=(a_job(),), hosts=hosts, unseen=frozenset({"burst-0"}))

        assert reason_codes(snapshot, policy) == [Code.POOL_UNSEEN]
        assert plan(snapshot, policy, NOW).bursts == ()

    def test_a_recorded_burst_of_such_a_pool_is_left_as_it_is(self):
        """No effect is begun on a burst before its site was seen."""
        burst = a_burst(Phase.LAUNCHING, since=NOW - 1)
        snapshot = a_snapshot(bursts=(burst,), unseen=frozenset({"burst-0"}))

        assert verbs(plan(snapshot, POLICY, NOW)) == []


class TestOneBurstAPool:
    @pytest.mark.parametrize("phase", [Phase.PROVISIONING, Phase.LAUNCHING, Phase.JOINING])
    def test_a_burst_in_flight_keeps_its_size(self, phase):
        """While a burst comes up a further job waits for it and nothing more is asked for."""
        burst = a_burst(phase, size=1, since=NOW)
        snapshot = a_snapshot(bursts=(burst,), jobs=(a_job(hosts=4),), in_flight=frozenset({burst.name}))
        result = plan(snapshot, POLICY, NOW)

        assert reason_codes(snapshot) == [Code.BURST_IN_FLIGHT]
        assert result.bursts == ()

    def test_coming_hosts_serve_the_jobs_they_were_planned_for(self):
        """A job whose hosts are coming asks for no second burst."""
        burst = a_burst(Phase.JOINING, since=NOW)

        assert reason_codes(a_snapshot(bursts=(burst,), jobs=(a_job(),))) == [Code.HOSTS_COMING]

    def test_a_serving_burst_grows_to_the_pools_size(self):
        """More demand while a burst of one host serves resizes it, up to what the job needs."""
        hosts = some_hosts([POOL], lead_online=0, online=POOL.ranks[:1])
        result = plan(a_snapshot(hosts=hosts, bursts=(a_burst(size=1),), jobs=(a_job(hosts=3),)), POLICY, NOW)

        assert [burst.size for burst in result.bursts] == [3]
        assert [(action.verb, action.size) for action in result.actions[:1]] == [(Verb.RESIZE, 3)]

    def test_a_full_pool_makes_a_job_wait(self):
        """When every host of the pool runs a job the next job waits with pool-busy."""
        hosts = SERVING_HOSTS
        for rank in POOL.ranks:
            hosts = with_host(hosts, rank, jobs=(9,), free_cores=0)

        assert reason_codes(a_snapshot(hosts=hosts, bursts=(a_burst(),), jobs=(a_job(hosts=3),))) == [
            Code.POOL_BUSY
        ]

    def test_an_idle_drain_is_turned_back_by_demand(self):
        """A burst that drains because it was idle serves again and its ranks are undrained."""
        burst = a_burst(Phase.DRAINING, why=IDLE, since=NOW - 1)
        hosts = SERVING_HOSTS
        for rank in POOL.ranks:
            hosts = with_host(hosts, rank, drain_reason="burstd: tester: burst-0-g1: idle", jobs=(7,))
        result = plan(a_snapshot(hosts=with_host(hosts, 4, jobs=()), bursts=(burst,)), POLICY, NOW)
        assert result.bursts == ()

        wanted = a_snapshot(hosts=with_host(hosts, 4, jobs=()), bursts=(burst,), jobs=(a_job(hosts=1),))
        wanted = replace(wanted, hosts=tuple(replace(h, online=h.rank >= 4) for h in wanted.hosts))
        result = plan(wanted, POLICY, NOW)

        assert [burst.phase for burst in result.bursts] == [Phase.SERVING]
        assert Verb.UNDRAIN in verbs(result)

    def test_a_releasing_burst_makes_jobs_wait(self):
        """While a burst is being released a job waits with pool-releasing."""
        burst = a_burst(Phase.RELEASING)

        assert reason_codes(a_snapshot(bursts=(burst,), jobs=(a_job(),))) == [Code.POOL_RELEASING]

    def test_the_next_generation_has_a_new_name(self):
        """After generation 7 a pool's next burst is generation 8."""
        snapshot = a_snapshot(jobs=(a_job(),), generations=(("burst-0", 7),))

        assert plan(snapshot, POLICY, NOW).bursts[0].name == "burst-0-g8"

    def test_another_pool_is_taken_while_one_releases(self):
        """A job that could go to a releasing pool takes the next one instead."""
        policy = a_policy(POOL, a_pool("burst-1", 4, 8))
        snapshot = a_snapshot(
            hosts=some_hosts(policy.pools), bursts=(a_burst(Phase.RELEASING),), jobs=(a_job(),)
        )

        assert [burst.name for burst in plan(snapshot, policy, NOW).bursts] == ["burst-1-g1"]


class TestLimits:
    PAID = a_pool(paid=True)

    def test_a_second_paid_burst_is_refused_by_max_bursts(self):
        """With one paid burst alive, even one being released, another pool's burst must wait."""
        policy = a_policy(self.PAID, a_pool("burst-1", 4, 8, paid=True), max_bursts=1)
        snapshot = a_snapshot(
            hosts=some_hosts(policy.pools), bursts=(a_burst(Phase.RELEASING),), jobs=(a_job(),)
        )
        only_second = replace(snapshot, jobs=(a_job(wish=Wish("burst-1")),))

        assert reason_codes(only_second, policy) == [Code.LIMIT_REACHED]

    def test_max_hosts_caps_growth(self):
        """A paid burst does not grow over max_hosts."""
        policy = a_policy(self.PAID, max_hosts=2)

        assert reason_codes(a_snapshot(jobs=(a_job(hosts=3),)), policy) == [Code.LIMIT_REACHED]
        assert reason_codes(a_snapshot(jobs=(a_job(hosts=2, constraint=BURST),)), policy) == [
            Code.HOSTS_COMING
        ]

    def test_hosts_that_are_away_are_drained_too(self):
        """A burst that served may come back with a lead that was away: no job may get to it then."""
        away = tuple(replace(host, online=False) for host in SERVING_HOSTS)
        result = plan(a_snapshot(hosts=away, bursts=(a_burst(Phase.DRAINING, why=IDLE),)), POLICY, NOW)

        assert result.bursts == ()
        assert [(action.verb, action.ranks) for action in result.actions] == [(Verb.DRAIN, POOL.ranks)]

    def test_a_lifetime_ends_in_draining_before_it_is_over(self):
        """A burst begins to drain so early that it can be gone when its lifetime ends."""
        policy = a_policy(replace(self.PAID, max_lifetime_seconds=1500, drain_seconds=600))
        busy = with_host(SERVING_HOSTS, 4, jobs=(1,))
        result = plan(a_snapshot(hosts=busy, bursts=(a_burst(),)), policy, NOW)

        assert result.bursts[0].phase is Phase.DRAINING
        assert "lifetime" in result.bursts[0].why

    def test_a_lifetime_is_hard(self):
        """A burst over its lifetime is released though a job still runs, and says so."""
        policy = a_policy(replace(self.PAID, max_lifetime_seconds=1500, drain_seconds=600))
        busy = with_host(SERVING_HOSTS, 4, jobs=(1,), drain_reason="burstd: tester: x")
        burst = a_burst(Phase.DRAINING, why="its lifetime is over", since=NOW - 601)
        result = plan(a_snapshot(hosts=busy, bursts=(burst,)), policy, NOW)

        assert result.bursts[0].phase is Phase.RELEASING
        assert "did not end" in result.bursts[0].why


BURST = parse({"properties": ["burst"]})


class TestIdle:
    def test_a_quiet_burst_drains_after_its_idle_time(self):
        """All hosts idle for longer than idle_seconds: the burst drains."""
        result = plan(a_snapshot(hosts=SERVING_HOSTS, bursts=(a_burst(),)), POLICY, NOW)

        assert result.bursts[0].phase is Phase.DRAINING
        assert [(action.verb, action.ranks) for action in result.actions] == [(Verb.DRAIN, POOL.ranks)]

    @pytest.mark.parametrize(
        "change",
        [{"hosts": "quiet_since"}, {"started": NOW - 10}, {"bursts": (a_burst(since=NOW - 10),)}],
        ids=["a job ended", "burstd started", "the burst began to serve"],
    )
    def test_idle_time_counts_from_the_latest_change(self, change):
        """Idle time counts from the last free, burstd's own start, or the begin of serving."""
        if "hosts" in change:
            change = {"hosts": tuple(replace(host, quiet_since=NOW - 10) for host in SERVING_HOSTS)}
        snapshot = a_snapshot(**({"hosts": SERVING_HOSTS, "bursts": (a_burst(),)} | change))
        result = plan(snapshot, POLICY, NOW)

        assert result.empty
        assert result.wake_at == NOW - 10 + POOL.idle_seconds

    def test_only_idle_hosts_at_the_top_are_given_back(self):
        """A busy host keeps those below it: the burst shrinks from the top only."""
        busy = with_host(SERVING_HOSTS, 5, jobs=(3,), free_cores=0)
        result = plan(a_snapshot(hosts=busy, bursts=(a_burst(),)), POLICY, NOW)

        assert result.bursts[0].keep == 2
        assert [(action.verb, action.ranks) for action in result.actions] == [(Verb.DRAIN, (6, 7))]

    def test_a_host_promised_to_a_waiting_job_is_kept(self):
        """Hosts on which a waiting job is about to start are not idle."""
        result = plan(
            a_snapshot(hosts=SERVING_HOSTS, bursts=(a_burst(),), jobs=(a_job(hosts=6),)), POLICY, NOW
        )

        assert result.empty

    def test_drained_and_empty_hosts_are_resized_away(self):
        """Once the going hosts are drained and empty the site is resized, then they are undrained."""
        busy = with_host(SERVING_HOSTS, 5, jobs=(3,))
        drained = "burstd: tester: burst-0-g1: idle"
        hosts = with_host(with_host(busy, 6, drain_reason=drained), 7, drain_reason=drained)
        shrinking = a_burst(keep=2, resized=NOW - 5, outcome=Outcome(Verb.DRAIN, NOW - 4))
        result = plan(a_snapshot(hosts=hosts, bursts=(shrinking,)), POLICY, NOW)
        assert [(action.verb, action.size) for action in result.actions] == [(Verb.RESIZE, 2)]

        offline = with_host(with_host(hosts, 6, online=False), 7, online=False)
        shrunk = replace(shrinking, outcome=Outcome(Verb.RESIZE, NOW - 1))
        result = plan(a_snapshot(hosts=offline, bursts=(shrunk,)), POLICY, NOW)

        assert (result.bursts[0].size, result.bursts[0].keep) == (2, None)
        assert [(action.verb, action.ranks) for action in result.actions] == [(Verb.UNDRAIN, (6, 7))]

    def test_a_growth_that_ended_just_now_is_no_shrinking(self):
        """The site has all the hosts of a growth that took long, until a resize of its own takes some."""
        gone = {"online": False, "drain_reason": "burstd: tester: burst-0-g1: idle"}
        hosts = with_host(with_host(SERVING_HOSTS, 5, jobs=(3,)), 7, **gone)
        giving_back = a_burst(keep=3, resized=NOW, outcome=Outcome(Verb.RESIZE, NOW))
        result = plan(a_snapshot(hosts=hosts, bursts=(giving_back,)), POLICY, NOW)
        assert not result.bursts or result.bursts[0].size == 4
        assert [(action.verb, action.size) for action in result.actions] == [(Verb.RESIZE, 3)]

    def test_a_host_with_a_job_is_never_drained(self):
        """However long it is quiet, a host with a job on it is not drained."""
        busy = SERVING_HOSTS
        for rank in POOL.ranks:
            busy = with_host(busy, rank, jobs=(rank,))

        assert plan(a_snapshot(hosts=busy, bursts=(a_burst(),)), POLICY, NOW).empty


class TestDrains:
    def test_what_a_crash_left_drained_is_undrained(self):
        """A drain of this owner with no burst behind it is undone."""
        hosts = with_host(some_hosts([POOL]), 5, drain_reason="burstd: tester: burst-0-g1: idle")
        result = plan(a_snapshot(hosts=hosts), POLICY, NOW)

        assert [(action.verb, action.ranks) for action in result.actions] == [(Verb.UNDRAIN, (5,))]

    @pytest.mark.parametrize("reason", ["disk replaced", "burstd: other: idle", ""])
    def test_a_drain_of_somebody_else_stays_and_does_not_count(self, reason):
        """A host drained by others is not undrained, and a job that needs it is told."""
        hosts = with_host(some_hosts([POOL]), 5, drain_reason=reason)
        result = plan(a_snapshot(hosts=hosts, jobs=(a_job(hosts=4),)), POLICY, NOW)

        assert [reason.code for _, reason in result.reasons] == [Code.HOSTS_DRAINED]
        assert verbs(result) == []

    def test_a_drained_host_is_passed_over(self):
        """With one of four hosts drained by an administrator a job of three takes the other three."""
        hosts = with_host(some_hosts([POOL]), 5, drain_reason="disk replaced")
        result = plan(a_snapshot(hosts=hosts, jobs=(a_job(hosts=3),)), POLICY, NOW)

        assert result.bursts[0].size == 4


class TestLife:
    @pytest.mark.parametrize(
        ("phase", "done", "then", "verb"),
        [
            (Phase.PROVISIONING, Verb.PROVISION, Phase.LAUNCHING, Verb.LAUNCH),
            (Phase.LAUNCHING, Verb.LAUNCH, Phase.JOINING, None),
        ],
    )
    def test_each_step_follows_the_outcome_of_the_one_before(self, phase, done, then, verb):
        """A site that was made is launched, one whose hosts were seen to run waits for its brokers."""
        burst = a_burst(phase, since=NOW - 1, outcome=Outcome(done, NOW), site=a_site())
        result = plan(a_snapshot(bursts=(burst,)), POLICY, NOW)

        assert result.bursts[0].phase is then
        assert verbs(result) == ([verb] if verb else [])

    @pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.PROVISIONING])
    def test_an_effect_lost_in_a_crash_is_asked_for_again(self, phase):
        """A record without an outcome and with nothing in flight provisions again: the call is idempotent."""
        result = plan(a_snapshot(bursts=(a_burst(phase, since=NOW - 1),), jobs=(a_job(),)), POLICY, NOW)

        assert verbs(result) == [Verb.PROVISION]

    def test_what_is_not_seen_to_run_is_still_launching(self):
        """A launch that succeeded is over when a listing shows its hosts, not before."""
        assert self.launching(site=None) == ()

    def test_hosts_that_are_pending_are_waited_for(self):
        """While the provider names what hosts wait for, the burst stays where it is."""
        assert self.launching(site=a_site(pending="2 of 4 pods wait for a machine")) == ()

    def test_pending_hosts_end_a_burst_when_the_time_for_it_is_over(self):
        """A launch that lasts too long fails with what it still waited for."""
        (burst,) = self.launching(since=NOW - 700, site=a_site(pending="2 of 4 pods wait for a machine"))
        assert burst.failure is not None
        assert "within 600 s: 2 of 4 pods wait for a machine" in burst.failure.text

    def test_those_that_joined_in_time_are_enough(self):
        """When the time for launching is over and some hosts are online, the burst serves with these."""
        (burst,) = self.launching(since=NOW - 700, online=[4, 5], site=a_site(pending="2 of 4 pods wait"))
        assert burst.phase is Phase.SERVING

    def test_hosts_that_cannot_run_end_a_burst_at_once(self):
        """A failure that the listing shows is the burst's, for good where the provider says so."""
        (burst,) = self.launching(site=a_site(failure=Failure("the image does not exist")))
        assert (burst.phase, burst.failure) == (Phase.RELEASING, Failure("the image does not exist"))

    def test_a_site_that_vanished_while_it_was_launched_ends_the_burst(self):
        """What two listings after the launch do not show was taken away by somebody else."""
        (burst,) = self.launching(site=None, absences=2)
        assert burst.phase is Phase.RELEASING

    def test_a_waiting_job_is_told_what_its_hosts_wait_for(self):
        """The provider's own words stand in the reason of the job that they are brought up for."""
        burst = a_burst(Phase.LAUNCHING, since=NOW - 1, site=a_site(pending="1 of 4 pods wait"))
        result = plan(a_snapshot(bursts=(burst,), jobs=(a_job(),)), POLICY, NOW)
        assert "burst-0-g1: 1 of 4 pods wait" in dict(result.reasons)[1].sentence

    def launching(self, *, since=NOW - 1, online=(), **changes):
        changes = {"outcome": Outcome(Verb.LAUNCH, since + 0.5)} | changes
        burst = a_burst(Phase.LAUNCHING, since=since, **changes)
        hosts = some_hosts([a_pool()], online=online)
        return plan(a_snapshot(bursts=(burst,), hosts=hosts), POLICY, NOW).bursts

    def test_a_burst_serves_once_a_broker_joined(self):
        """The first rank that is online makes a joining burst serve."""
        burst = a_burst(Phase.JOINING, since=NOW - 1)
        result = plan(
            a_snapshot(hosts=some_hosts([POOL], online=[4]), bursts=(burst,), jobs=(a_job(),)), POLICY, NOW
        )

        assert result.bursts[0].phase is Phase.SERVING

    def test_a_broker_that_never_joins_ends_the_burst(self):
        """After join_seconds without any broker the burst fails with that reason and is released."""
        burst = a_burst(Phase.JOINING, since=NOW - POOL.join_seconds)
        result = plan(a_snapshot(bursts=(burst,)), POLICY, NOW)

        assert result.bursts[0].phase is Phase.RELEASING
        assert "no broker of burst-0-g1 joined the lead within 300 s" in result.bursts[0].failure.text
        assert verbs(result) == [Verb.REMOVE]

    def test_a_wrong_shape_is_the_bursts_failure(self):
        """Hosts that Flux drains for missing resources end the burst with Flux's own words."""
        misfit = "rank 4 (burst-0-0) missing resources: core[2-3]"
        hosts = with_host(some_hosts([POOL], online=[4]), 4, drain_reason=misfit)
        joining = a_burst(Phase.JOINING, size=1, since=NOW - 1)
        result = plan(a_snapshot(hosts=hosts, bursts=(joining,)), POLICY, NOW)

        assert "missing resources: core[2-3]" in result.bursts[0].failure.text
        assert result.bursts[0].phase in (Phase.DRAINING, Phase.RELEASING)

    def test_one_drained_host_does_not_end_a_burst_that_still_joins(self):
        """While other hosts may still join, a host drained by an administrator is waited past."""
        hosts = with_host(some_hosts([POOL], online=[4]), 4, drain_reason="disk replaced")
        joining = a_snapshot(hosts=hosts, bursts=(a_burst(Phase.JOINING, since=NOW - 1),))
        assert plan(joining, POLICY, NOW).empty

        late = a_snapshot(hosts=hosts, bursts=(a_burst(Phase.JOINING, since=NOW - 301),))
        assert "burst-0-0 is drained: disk replaced" in plan(late, POLICY, NOW).bursts[0].failure.text

    def test_a_pool_closes_in_the_same_plan_that_finds_its_failed_burst_gone(self):
        """The tick that verifies a failed burst gone does not start the next generation."""
        burst = a_burst(
            Phase.RELEASING, failure=Failure("quota", 60), outcome=Outcome(Verb.REMOVE, NOW), absences=2
        )

        assert reason_codes(a_snapshot(bursts=(burst,), jobs=(a_job(),))) == [Code.POOL_COOLDOWN]

    def test_a_failed_effect_releases_the_burst(self):
        """A provision that failed leads to the removal of whatever it left."""
        outcome = Outcome(Verb.PROVISION, NOW, Failure("quota", 60))
        result = plan(a_snapshot(bursts=(a_burst(Phase.PROVISIONING, outcome=outcome),)), POLICY, NOW)

        assert (result.bursts[0].phase, result.bursts[0].failure.text) == (Phase.RELEASING, "quota")
        assert verbs(result) == [Verb.REMOVE]

    def test_gone_means_verified_twice(self):
        """One listing without the site is not enough, two complete ones are."""
        burst = a_burst(Phase.RELEASING, outcome=Outcome(Verb.REMOVE, NOW - 3), absences=1)
        assert plan(a_snapshot(bursts=(burst,)), POLICY, NOW).empty

        result = plan(a_snapshot(bursts=(replace(burst, absences=2),)), POLICY, NOW)
        assert result.bursts[0].phase is Phase.GONE

    def test_a_site_that_is_still_listed_is_removed_again(self):
        """A removal that was accepted but did not last is asked for again."""
        site = Site("tester-burst-0-g1", "burst-0", 1, ("burst-0-0",))
        burst = a_burst(Phase.RELEASING, outcome=Outcome(Verb.REMOVE, NOW - 60), site=site)

        assert verbs(plan(a_snapshot(bursts=(burst,)), POLICY, NOW)) == [Verb.REMOVE]

    def test_brokers_that_end_by_themselves_end_the_burst(self):
        """A serving burst with no rank online and no site listed fails and is released."""
        result = plan(a_snapshot(bursts=(a_burst(absences=2),)), POLICY, NOW)

        assert result.bursts[0].failure.text == "the brokers of burst-0-g1 ended by themselves"

    def test_a_joining_burst_gets_its_missing_brokers_back(self):
        """Brokers that ended before they joined are started again, some time after the latest start."""
        site = Site("tester-burst-0-g1", "burst-0", 1, ())
        burst = a_burst(Phase.JOINING, since=NOW - 20, site=site, outcome=Outcome(Verb.LAUNCH, NOW - 20))
        assert verbs(plan(a_snapshot(bursts=(burst,)), POLICY, NOW)) == [Verb.LAUNCH]

        fresh = replace(burst, outcome=Outcome(Verb.LAUNCH, NOW - 5))
        assert verbs(plan(a_snapshot(bursts=(fresh,)), POLICY, NOW)) == []

    def test_a_serving_burst_gets_its_missing_brokers_back(self):
        """A listing that shows fewer hosts than the burst has leads to a resize at the same size."""
        hosts = some_hosts([POOL], online=POOL.ranks[:3])
        fresh = tuple(replace(host, quiet_since=NOW) for host in hosts)
        site = Site("tester-burst-0-g1", "burst-0", 1, POOL.hosts[:3])
        burst = a_burst(site=site, resized=NOW - 20, outcome=Outcome(Verb.LAUNCH, NOW - 20))

        assert verbs(plan(a_snapshot(hosts=fresh, bursts=(burst,)), POLICY, NOW)) == [Verb.RESIZE]
        resized = Outcome(Verb.RESIZE, NOW - 10)
        whole = replace(burst, site=replace(site, hosts=POOL.hosts), outcome=resized)
        assert verbs(plan(a_snapshot(hosts=fresh, bursts=(whole,)), POLICY, NOW)) == []

    def test_brokers_that_left_a_lead_that_restarted_are_no_failure(self):
        """After a lead restart the burst is released without a cooldown: its brokers had to leave."""
        (burst,) = plan(a_snapshot(bursts=(a_burst(absences=2),), lead_since=NOW - 5), POLICY, NOW).bursts

        assert (burst.phase, burst.failure) == (Phase.RELEASING, None)
        assert "the lead restarted" in burst.why

    def test_a_pool_that_failed_waits_before_it_is_tried_again(self):
        """A job waits with pool-cooldown and the plan wakes when the cooldown ends."""
        snapshot = a_snapshot(jobs=(a_job(),), cooldowns=(Cooldown("burst-0", "quota", NOW + 30),))

        assert reason_codes(snapshot) == [Code.POOL_COOLDOWN]
        assert plan(snapshot, POLICY, NOW).wake_at == NOW + 30
        assert reason_codes(snapshot, now=NOW + 30) == [Code.HOSTS_COMING]

    def test_a_pool_that_failed_for_good_is_not_tried_again(self):
        """A failure without retry keeps the pool closed."""
        snapshot = a_snapshot(jobs=(a_job(),), cooldowns=(Cooldown("burst-0", "no permission", None),))

        assert reason_codes(snapshot) == [Code.POOL_FAILED]

    def test_a_burst_of_an_undeclared_pool_is_released(self):
        """A burst whose pool is no longer in the configuration is taken away."""
        burst = a_burst(pool="old")

        assert verbs(plan(a_snapshot(bursts=(burst,)), POLICY, NOW)) == [Verb.REMOVE]


class TestTelling:
    def test_a_reason_is_written_into_the_job_once(self):
        """The job's memo gets the reason when it changed, and not again."""
        result = plan(a_snapshot(jobs=(a_job(hosts=5),)), POLICY, NOW)
        told = result.actions[0]
        assert (told.verb, told.job) == (Verb.TELL, 1)
        assert told.text.startswith("too-large: It asks for more")

        again = plan(a_snapshot(jobs=(a_job(hosts=5, told=told.text, raised="too-large"),)), POLICY, NOW)
        assert again.actions == ()

    def test_a_memo_is_taken_out_once_the_job_runs(self):
        """A running job no longer says why it waits."""
        running = a_job(state=JobState.RUN, told="hosts-coming: ...")

        assert [(a.verb, a.text) for a in plan(a_snapshot(jobs=(running,)), POLICY, NOW).actions] == [
            (Verb.TELL, "")
        ]

    def test_a_job_that_starts_at_once_is_not_told(self):
        """A job that only passes through SCHED is not written to."""
        assert plan(a_snapshot(jobs=(a_job(hosts=1),)), POLICY, NOW).actions == ()


def test_the_plan_of_an_applied_plan_is_empty():
    """Nothing is asked for twice while it is under way."""
    snapshot = a_snapshot(jobs=(a_job(), a_job(2, hosts=5)))
    first = plan(snapshot, POLICY, NOW)

    assert plan(applied(snapshot, first, NOW), POLICY, NOW).empty


def test_sentences_say_what_changed():
    """Each change of a record is told in one plain sentence."""
    assert plan(a_snapshot(jobs=(a_job(),)), POLICY, NOW).sentences == ("burst-0-g1: planned with 4 hosts",)


def test_gpus_count_by_the_host():
    """A job that needs a gpu on each of two hosts gets two gpu hosts."""
    pool = a_pool(shape=Shape(8, gpus=1))
    job = a_job(request=Request(0, 2, 1, gpus=1))
    result = plan(a_snapshot(hosts=some_hosts([pool]), jobs=(job,)), a_policy(pool), NOW)

    assert result.bursts[0].size == 2
