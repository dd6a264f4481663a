"""What every Lead must do with named queues, as a test class (see lead_contract)."""

from __future__ import annotations

import pytest

from burstd.core.constraint import parse
from burstd.core.errors import LeadRefused
from burstd.core.marks import NO_HOST
from burstd.core.model import JobState, Queue
from burstd.lead.jobspec import command_jobspec, submit
from burstd.testing.lead_watch import LeadStage, Watch, WatchedLead

POOL, OWN, MIXED = "burst-0", "batch", "mixed"
POOL_RANK = 4
OWNER = "contract"
BROKEN = "broken fan"


class QueueContract(WatchedLead):
    """Subclasses define the fixture `stage`: a started LeadStage with these queues, all stopped."""

    def test_the_queues_are_shown_as_they_are(self, watch: Watch) -> None:
        """Each named queue is shown with what it requires; it is stopped at first, for no reason."""
        assert watch.lead.queues() == (
            Queue(OWN, started=False, requires=frozenset({"local"})),
            Queue(POOL, started=False, requires=frozenset({POOL})),
            Queue(MIXED, started=False),
        )

    def test_a_queue_is_stopped_for_burstd_s_reason_and_started_again(self, watch: Watch) -> None:
        """What burstd stopped it starts, and what was never started; each only if it is not so already."""
        seen = []
        for turn in (watch.lead.start_queue, watch.lead.stop_queue) * 2:
            turn(POOL)
            turn(POOL)
            seen.append(state(watch, POOL))
        assert seen == [(True, ""), (False, NO_HOST)] * 2

    def test_a_queue_that_a_person_stopped_is_left_alone(self, watch: Watch) -> None:
        """It is not started, its reason stays, and where it has none it is given none."""
        watch.lead.stop_queue(POOL)
        assert state(watch, POOL) == (False, "")
        watch.rpc("job-manager.queue-start", name=POOL, start=False, all=False, reason=BROKEN)
        watch.lead.start_queue(POOL)
        watch.lead.stop_queue(POOL)
        assert state(watch, POOL) == (False, BROKEN)

    def test_one_queue_is_switched_and_no_other(self, watch: Watch) -> None:
        """The other queues stay as they are."""
        watch.lead.start_queue(POOL)
        assert [queue.name for queue in watch.lead.queues() if queue.started] == [POOL]

    def test_a_queue_that_is_not_there_is_refused(self, watch: Watch) -> None:
        """The lead's refusal reaches the caller."""
        for call in (watch.lead.start_queue, watch.lead.stop_queue):
            with pytest.raises(LeadRefused, match="nosuch"):
                call("nosuch")

    def test_jobs_of_a_stopped_queue_wait_and_block_nobody(self, watch: Watch) -> None:
        """A stopped queue protects its jobs from a scheduler that refuses, and others from them."""
        watch.lead.start_queue(OWN)
        id_ = watch.submit(4, "true", queue=POOL)
        watch.until_gone(watch.submit(1, "true"))
        job = watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        assert (job.queue, job.constraint) == (POOL, parse({"properties": [POOL]}))

    def test_a_held_job_waits_on_in_a_queue_that_starts(self, watch: Watch) -> None:
        """What is held is not refused, whatever the scheduler."""
        id_ = watch.submit(4, "true", queue=POOL)
        watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        watch.lead.hold(id_, OWNER)
        watch.lead.start_queue(POOL)
        watch.lead.start_queue(OWN)
        watch.until_gone(watch.submit(1, "true"))
        watch.until_job(id_, lambda job: job.hold is not None)

    def test_a_moved_job_runs_in_the_other_queue(self, watch: Watch, stage: LeadStage) -> None:
        """The other queue's constraint replaces the job's, and the job runs where that leads."""
        id_ = watch.submit(1, "sleep", "300")
        assert watch.until_job(id_, lambda job: job.state is JobState.SCHED).queue == OWN
        watch.lead.move(id_, POOL)
        moved = watch.until_job(id_, lambda job: job.queue == POOL and job.state is JobState.SCHED)
        assert moved.constraint == parse({"properties": [POOL]})
        stage.start_host("burst-0-0")
        watch.until_host(POOL_RANK, lambda host: host.online)
        watch.lead.start_queue(POOL)
        assert watch.until_job(id_, lambda job: job.state is JobState.RUN).ranks == (POOL_RANK,)
        watch.lead.move(id_, OWN)
        assert watch.until_job(id_, lambda job: job.ranks).queue == POOL

    def test_a_move_to_a_queue_for_any_host_takes_the_constraint_away(self, watch: Watch) -> None:
        """A queue that requires nothing leaves the job free."""
        id_ = watch.submit(1, "true", queue=POOL)
        watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        watch.lead.move(id_, MIXED)
        moved = watch.until_job(id_, lambda job: job.queue == MIXED and job.state is JobState.SCHED)
        assert moved.constraint == parse({})

    def test_a_move_that_flux_does_not_allow_is_refused(self, watch: Watch) -> None:
        """There must be such a queue, large enough, and the job must have no constraint of its own."""
        jobspec = command_jobspec(["true"], 1, cwd="/tmp")
        jobspec["attributes"]["system"]["constraints"] = {"hostlist": ["flux-sample-0"]}
        own, plain = submit(watch.handle, jobspec), watch.submit(1, "true")
        large = watch.submit(5, "true", queue=MIXED)
        with pytest.raises(LeadRefused, match="nosuch"):
            watch.lead.move(plain, "nosuch")
        with pytest.raises(LeadRefused, match="non-queue constraints"):
            watch.lead.move(own, POOL)
        with pytest.raises(LeadRefused, match="nsatisfiable request"):
            watch.lead.move(large, POOL)

    def test_a_move_to_where_the_job_is_changes_nothing(self, watch: Watch) -> None:
        """A move that is tried again, and one of a job that is gone, are no errors."""
        id_ = watch.submit(1, "true")
        watch.lead.move(id_, OWN)
        assert "jobspec-update" not in [event["name"] for event in watch.eventlog(id_)]
        watch.cancel(id_)
        watch.until_gone(id_)
        watch.lead.move(id_, POOL)


def state(watch: Watch, name: str) -> tuple[bool, str]:
    """Return whether a queue is started, and why not."""
    (queue,) = (queue for queue in watch.lead.queues() if queue.name == name)
    return queue.started, queue.stop_reason
