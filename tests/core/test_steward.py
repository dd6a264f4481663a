"""How burstd deals with each scheduler: queues, holds, moves, nudges, pulses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.constraint import ANYWHERE, parse
from burstd.core.marks import NO_HOST
from burstd.core.model import Hold, JobState, Phase, Placement, Queue, Scheduling, Verb, Wish
from burstd.core.planner import plan
from burstd.core.reasons import Code
from burstd.testing.builders import (
    NOW,
    a_burst,
    a_job,
    a_policy,
    a_pool,
    a_snapshot,
    some_hosts,
)

LOCAL, BURST = parse({"properties": ["local"]}), parse({"properties": ["burst"]})
POOL = a_pool()
POLICY = a_policy(POOL)
BATCH = Queue("batch", True, requires=frozenset({"local"}))
OWN = Queue("burst-0", False, NO_HOST, frozenset({"burst"}))
MIXED = Queue("mixed", True)
OPEN = replace(OWN, started=True, stop_reason="")
QUEUES = (BATCH, OWN, MIXED)
HELD = Hold("tester", 16)


def lead(*pool_ranks: int):
    """The hosts of a lead whose own have the property local; the ranks named are up, too."""
    hosts = some_hosts([POOL], online=pool_ranks)
    local = frozenset({"local"})
    return tuple(
        replace(host, shape=replace(host.shape, properties=local)) if host.rank < 4 else host
        for host in hosts
    )


def a_lead(scheduling: Scheduling, *, queues=QUEUES, up=(), **changes):
    bursts = (a_burst(since=NOW, size=len(up)),) if up else ()
    return a_snapshot(hosts=lead(*up), scheduling=scheduling, queues=queues, bursts=bursts, **changes)


def dealings(snapshot, policy=POLICY, now=NOW):
    """Return the verbs and their objects, without bursts' own effects and memos."""
    wanted = {Verb.HOLD, Verb.UNHOLD, Verb.MOVE, Verb.OPEN, Verb.CLOSE, Verb.PULSE, Verb.NUDGE}
    return [
        (action.verb, action.queue or action.job)
        for action in plan(snapshot, policy, now).actions
        if action.verb in wanted
    ]


EVERY = list(Scheduling)
LASTING = [Scheduling.FIFO, Scheduling.BACKFILL]


class TestPoolQueues:
    @pytest.mark.parametrize("scheduling", EVERY)
    def test_a_pools_queue_is_stopped_while_no_host_is_up(self, scheduling):
        """With every scheduler a pool's open queue is stopped when no host of the pool is up."""
        assert dealings(a_lead(scheduling, queues=(BATCH, OPEN))) == [(Verb.CLOSE, "burst-0")]

    @pytest.mark.parametrize("scheduling", LASTING)
    @pytest.mark.parametrize("reason", [NO_HOST, ""])
    def test_it_is_started_once_a_host_is_up(self, scheduling, reason):
        """A queue stopped with burstd's reason or none is started when the first host is up."""
        queues = (BATCH, replace(OWN, stop_reason=reason))

        assert dealings(a_lead(scheduling, queues=queues, up=(4,))) == [(Verb.OPEN, "burst-0")]

    @pytest.mark.parametrize("scheduling", EVERY)
    def test_a_queue_stopped_by_somebody_else_stays_stopped(self, scheduling):
        """A queue with another stop reason is not burstd's to start."""
        queues = (BATCH, replace(OWN, stop_reason="maintenance"))

        assert dealings(a_lead(scheduling, queues=queues, up=(4,))) == []

    def test_a_leaving_host_does_not_keep_the_queue_open(self):
        """While its burst drains the pool's queue is stopped, so that nothing new lands there."""
        snapshot = a_lead(Scheduling.BACKFILL, queues=(BATCH, OPEN), up=(4,))
        draining = replace(snapshot.bursts[0], phase=Phase.DRAINING, why="its lifetime is over")

        assert (Verb.CLOSE, "burst-0") in dealings(replace(snapshot, bursts=(draining,)))

    def test_the_queue_is_stopped_by_the_plan_that_takes_the_last_host_away(self):
        """Hosts that begin to drain in this very plan count as up no more."""
        idle = a_lead(Scheduling.FIFO, queues=(BATCH, OPEN, MIXED), up=(4,))
        idle = replace(idle, bursts=(a_burst(size=1),))
        assert [one.phase for one in plan(idle, POLICY, NOW).bursts] == [Phase.DRAINING]
        assert dealings(idle) == [(Verb.CLOSE, "burst-0")]

    def test_queues_are_started_on_order_once(self):
        """A queue named in start_queues is started if it is stopped without a reason, once a generation."""
        policy = replace(POLICY, start_queues=("batch", "mixed"))
        stopped = (replace(BATCH, started=False), OWN, replace(MIXED, started=False, stop_reason="broken"))
        snapshot = a_lead(Scheduling.FIFO, queues=stopped)

        assert dealings(snapshot, policy) == [(Verb.OPEN, "batch")]
        assert dealings(replace(snapshot, opened=frozenset({"batch"})), policy) == []


class TestHolds:
    def waiting(self, **changes):
        return a_job(**({"hosts": 4, "queue": "any", "constraint": ANYWHERE} | changes))

    @pytest.mark.parametrize(
        ("scheduling", "held"),
        [
            (Scheduling.FIFO, True),
            (Scheduling.FCFS, True),
            (Scheduling.BACKFILL, False),
            (Scheduling.UNKNOWN, False),
        ],
    )
    def test_a_job_is_held_where_it_would_block_or_be_refused(self, scheduling, held):
        """On a lead without queues a job whose hosts are coming is held, if the scheduler asks for it."""
        snapshot = a_lead(scheduling, queues=(), jobs=(self.waiting(queue=""),))

        assert dealings(snapshot) == ([(Verb.HOLD, 1)] if held else [])

    @pytest.mark.parametrize("scheduling", [Scheduling.FIFO, Scheduling.FCFS])
    def test_a_job_in_a_stopped_queue_needs_no_hold(self, scheduling):
        """A stopped queue protects its jobs, and others from them."""
        job = self.waiting(queue="burst-0", constraint=BURST)

        assert dealings(a_lead(scheduling, jobs=(job,))) == []

    def test_a_covered_job_is_released(self):
        """A held job whose hosts are up and free is released."""
        job = self.waiting(queue="", hold=HELD, urgency=0)

        assert dealings(a_lead(Scheduling.FIFO, queues=(), up=POOL.ranks, jobs=(job,))) == [(Verb.UNHOLD, 1)]

    def test_a_held_job_still_asks_for_its_hosts(self):
        """A job that burstd holds is demand like any other."""
        job = self.waiting(queue="", hold=HELD, urgency=0, priority=0)
        result = plan(a_lead(Scheduling.FIFO, queues=(), jobs=(job,)), POLICY, NOW)

        assert result.bursts[0].size == 4

    def test_a_held_job_keeps_its_turn(self):
        """Held jobs are served by the urgency they had, not by their priority 0."""
        first = self.waiting(id_=1, queue="", hold=Hold("tester", 20), urgency=0, priority=0)
        second = self.waiting(id_=2, queue="", priority=16)
        result = plan(a_lead(Scheduling.FIFO, queues=(), jobs=(first, second)), POLICY, NOW)

        assert dict(result.reasons)[1].code is Code.HOSTS_COMING

    @pytest.mark.parametrize(
        "changes",
        [
            {"hosts": 9},
            {"wish": Wish("nowhere")},
            {"stale_hold": True, "hold": None, "urgency": 5},
        ],
        ids=["beyond help", "names no pool", "changed by its user"],
    )
    def test_what_need_not_be_held_is_released(self, changes):
        """A hold that no longer makes sense is undone, also after a crash."""
        job = self.waiting(**({"queue": "", "hold": HELD, "urgency": 0} | changes))

        assert dealings(a_lead(Scheduling.FIFO, queues=(), jobs=(job,))) == [(Verb.UNHOLD, 1)]

    def test_a_job_whose_hold_was_overruled_is_not_held_again(self):
        """Whoever changes the urgency of a held job wins, also in the next plan."""
        job = self.waiting(queue="", urgency=5)
        snapshot = a_lead(Scheduling.FIFO, queues=(), jobs=(job,), overruled=frozenset({1}))

        assert dealings(snapshot) == []

    def test_the_hold_of_another_owner_is_left_alone(self):
        """A job held by another burstd is held by somebody else."""
        job = self.waiting(queue="", hold=Hold("other", 16), urgency=0)
        snapshot = a_lead(Scheduling.FIFO, queues=(), jobs=(job,))

        assert dealings(snapshot) == []
        assert [reason.code for _, reason in plan(snapshot, POLICY, NOW).reasons] == [Code.HELD]

    def test_with_fifo_an_uncovered_job_in_an_open_pool_queue_is_held(self):
        """While a burst of one host serves, a job for more would block its queue: it is held."""
        jobs = (a_job(hosts=3, queue="burst-0", constraint=BURST),)
        snapshot = a_lead(Scheduling.FIFO, queues=(BATCH, OPEN), up=(4,), jobs=jobs)

        assert dealings(snapshot) == [(Verb.HOLD, 1)]


class TestMoves:
    def test_a_job_is_moved_to_the_queue_of_the_pool_that_serves_it(self):
        """A job in batch that the lead's own hosts cannot take is moved before anything is spent."""
        result = plan(
            a_lead(Scheduling.BACKFILL, jobs=(a_job(hosts=4, queue="batch", constraint=LOCAL),)), POLICY, NOW
        )

        assert [(a.verb, a.queue) for a in result.actions if a.verb is Verb.MOVE] == [(Verb.MOVE, "burst-0")]
        assert result.bursts == ()
        assert result.reasons[0][1].code is Code.MOVING

    def test_after_the_move_its_burst_is_planned(self):
        """Once it is in the pool's queue its hosts are brought up."""
        moved = a_job(hosts=4, queue="burst-0", constraint=BURST)
        result = plan(a_lead(Scheduling.BACKFILL, jobs=(moved,)), POLICY, NOW)

        assert [burst.size for burst in result.bursts] == [4]

    def test_a_job_with_a_constraint_of_its_own_is_not_moved(self):
        """The queue's constraint would replace it: such a job stays, and is told."""
        job = a_job(hosts=4, queue="batch", constraint=parse({"properties": ["local", "gpu"]}))
        result = plan(a_lead(Scheduling.BACKFILL, jobs=(job,)), POLICY, NOW)

        assert result.reasons[0][1].code is Code.CONSTRAINT_MISMATCH

    def test_a_job_is_not_moved_between_full_pools(self):
        """A job for which no pool has room stays where it is, and one in a pool's queue is never moved on."""
        policy = a_policy(POOL, a_pool("burst-1", 4, 8))
        queues = (*QUEUES, Queue("burst-1", False, NO_HOST, frozenset({"burst"})))
        for queue, constraint in (("batch", LOCAL), ("burst-0", BURST)):
            hosts = some_hosts(policy.pools, online=range(4, 12))
            busy = tuple(replace(host, jobs=(9,), free_cores=0) for host in hosts)
            snapshot = a_snapshot(
                hosts=busy,
                scheduling=Scheduling.BACKFILL,
                queues=queues,
                bursts=(a_burst(), a_burst(pool="burst-1")),
                jobs=(a_job(hosts=4, queue=queue, constraint=constraint),),
            )
            result = plan(snapshot, policy, NOW)

            assert [action for action in result.actions if action.verb is Verb.MOVE] == []
            assert result.reasons[0][1].code is Code.POOL_BUSY

    def test_a_job_that_fits_on_the_lead_stays(self):
        """A job that starts where it is needs no move."""
        job = a_job(hosts=2, queue="batch", constraint=LOCAL, submitted=NOW)

        assert dealings(a_lead(Scheduling.BACKFILL, jobs=(job,))) == []

    def test_a_job_that_asks_to_be_mixed_goes_to_the_mixed_queue(self):
        """`burstable={"placement":"mixed"}` moves it where no property is required."""
        job = a_job(hosts=4, queue="batch", constraint=LOCAL, wish=Wish(placement=Placement.MIXED))

        assert dealings(a_lead(Scheduling.BACKFILL, jobs=(job,))) == [(Verb.MOVE, "mixed")]

    def test_a_pool_may_be_mixed_by_its_configuration(self):
        """The pool's own placement counts where the job asks for none."""
        policy = a_policy(replace(POOL, placement=Placement.MIXED))
        job = a_job(hosts=4, queue="batch", constraint=LOCAL)

        assert dealings(a_lead(Scheduling.BACKFILL, jobs=(job,)), policy) == [(Verb.MOVE, "mixed")]

    def test_in_the_mixed_queue_only_the_missing_hosts_are_brought_up(self):
        """Two of four hosts are free on the lead; the reason says that they may be taken."""
        job = a_job(hosts=4, queue="mixed")
        result = plan(a_lead(Scheduling.BACKFILL, jobs=(job,)), POLICY, NOW)

        assert [burst.size for burst in result.bursts] == [2]
        assert "may be taken" in result.reasons[0][1].detail


class TestPulses:
    def test_under_fcfs_the_queue_opens_for_covered_jobs_only(self):
        """With its hosts up a job's queue is opened for a moment, for that job."""
        job = a_job(hosts=1, queue="burst-0", constraint=BURST)
        snapshot = a_lead(Scheduling.FCFS, up=(4,), jobs=(job,))

        assert dealings(snapshot) == [(Verb.PULSE, "burst-0")]

    def test_what_is_not_covered_is_held_before(self):
        """A job that would be refused in the pulse is held first, an ordinary one too."""
        jobs = (
            a_job(1, hosts=1, queue="burst-0", constraint=BURST),
            a_job(2, hosts=4, queue="burst-0", constraint=BURST),
            a_job(3, hosts=4, queue="burst-0", constraint=BURST, wish=None),
        )
        snapshot = a_lead(Scheduling.FCFS, up=(4,), jobs=jobs)
        assert dealings(snapshot) == [(Verb.HOLD, 2), (Verb.HOLD, 3)]

        held = tuple(replace(job, hold=HELD, urgency=0) if job.id > 1 else job for job in jobs)
        assert dealings(replace(snapshot, jobs=held)) == [(Verb.PULSE, "burst-0")]

    def test_a_held_job_that_is_covered_now_is_released_before_the_pulse(self):
        """In the stopped queue it is safe to release it; the pulse comes after."""
        job = a_job(hosts=1, queue="burst-0", constraint=BURST, hold=HELD, urgency=0)

        assert dealings(a_lead(Scheduling.FCFS, up=(4,), jobs=(job,))) == [(Verb.UNHOLD, 1)]

    def test_an_open_queue_left_by_a_crash_is_stopped(self):
        """A pulse that burstd did not end is ended at the next start."""
        assert dealings(a_lead(Scheduling.FCFS, queues=(BATCH, OPEN), up=(4,))) == [(Verb.CLOSE, "burst-0")]

    def test_an_ordinary_job_in_the_pools_queue_runs_where_there_is_room(self):
        """It causes no burst, but the queue is opened for it while a host is free."""
        job = a_job(hosts=1, queue="burst-0", constraint=BURST, wish=None)

        assert dealings(a_lead(Scheduling.FCFS, up=(4,), jobs=(job,))) == [(Verb.PULSE, "burst-0")]
        assert plan(a_lead(Scheduling.FCFS, jobs=(job,)), POLICY, NOW).bursts == ()


class TestNudges:
    JOB = a_job(hosts=1, queue="burst-0", constraint=BURST)

    def test_a_job_that_could_start_is_nudged(self):
        """A job that waits beside free hosts for some seconds is shown to the scheduler again."""
        snapshot = a_lead(Scheduling.BACKFILL, queues=(BATCH, OPEN), up=(4,), jobs=(self.JOB,))

        assert dealings(snapshot) == [(Verb.NUDGE, 1)]

    def test_it_is_not_nudged_at_once_nor_all_the_time(self):
        """The scheduler gets a moment first, and between two nudges."""
        fresh = replace(self.JOB, submitted=NOW - 1)
        snapshot = a_lead(Scheduling.BACKFILL, queues=(BATCH, OPEN), up=(4,), jobs=(fresh,))
        assert dealings(snapshot) == []
        assert plan(snapshot, POLICY, NOW).wake_at == NOW + 1

        nudged = replace(snapshot, jobs=(self.JOB,), nudged=((1, NOW - 5),))
        assert dealings(nudged) == []
        assert dealings(replace(nudged, nudged=((1, NOW - 10),))) == [(Verb.NUDGE, 1)]

    def test_sched_simple_needs_no_nudge(self):
        """Only Fluxion overlooks a queue."""
        assert dealings(a_lead(Scheduling.FIFO, queues=(BATCH, OPEN), up=(4,), jobs=(self.JOB,))) == []


def test_an_ordinary_job_causes_no_burst():
    """A job that is not marked waits for itself, whatever the scheduler."""
    job = a_job(hosts=4, queue="mixed", wish=None)

    assert plan(a_lead(Scheduling.FIFO, jobs=(job,)), POLICY, NOW).empty


def test_a_host_that_runs_an_ordinary_job_is_not_idle():
    """Whoever runs there, a busy host stays."""
    snapshot = a_lead(Scheduling.BACKFILL, queues=(BATCH, OPEN), up=(4,))
    busy = tuple(replace(host, jobs=(9,)) if host.rank == 4 else host for host in snapshot.hosts)
    old = replace(snapshot.bursts[0], since=NOW - 900)
    job = a_job(9, state=JobState.RUN, wish=None, ranks=(4,))

    assert plan(replace(snapshot, hosts=busy, bursts=(old,), jobs=(job,)), POLICY, NOW).bursts == ()


def test_a_site_that_cannot_shrink_is_given_back_whole():
    """Where the provider shrinks no site, idle hosts at the top stay while another works."""
    whole = a_policy(replace(POOL, shrinks="no"))
    hosts = some_hosts([POOL], online=POOL.ranks)
    busy = tuple(replace(host, jobs=(9,)) if host.rank == 4 else host for host in hosts)
    snapshot = a_snapshot(hosts=busy, bursts=(a_burst(),))

    assert plan(snapshot, whole, NOW).bursts == ()
    assert plan(snapshot, POLICY, NOW).bursts[0].keep == 1
    idle = a_snapshot(hosts=hosts, bursts=(a_burst(),))
    assert plan(idle, whole, NOW).bursts[0].phase is Phase.DRAINING
