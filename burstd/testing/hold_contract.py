"""What every Lead must do to hold, release and nudge a waiting job, as a test class (see lead_contract)."""

from __future__ import annotations

import contextlib
from typing import Any

from burstd.core.marks import HOLD_MEMO
from burstd.core.model import Hold, Job, JobState
from burstd.testing.lead_watch import LeadStage, Watch, WatchedLead

OWNER = "contract"
URGENCY = 20
FORGED = {HOLD_MEMO: {"owner": OWNER, "epoch": 0}}


class HoldContract(WatchedLead):
    """Subclasses define the fixture `stage`: a started LeadStage whose queues schedule, new for each test."""

    def test_a_hold_is_shown_and_its_release_restores_the_urgency(self, watch: Watch) -> None:
        """While burstd holds a job its urgency is 0; afterwards it is what it was, and no mark is left."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        held = watch.until_job(id_, lambda job: job.hold is not None and scheduled(job))
        assert (held.urgency, held.hold, held.stale_hold) == (0, Hold(OWNER, URGENCY), False)
        watch.lead.unhold(id_)
        watch.until_job(id_, lambda job: released(job) and job.urgency == URGENCY)
        assert memos(watch, id_)[-1] == {HOLD_MEMO: None}

    def test_a_hold_marks_first_and_unmarks_last(self, watch: Watch) -> None:
        """Whenever burstd dies, a job that it holds has the mark, which a restart of the lead keeps."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        watch.lead.unhold(id_)
        told = [event["name"] for event in watch.eventlog(id_) if event["name"] in ("memo", "urgency")]
        assert told == ["memo", "urgency", "urgency", "memo"]

    def test_a_held_job_lets_others_pass(self, watch: Watch) -> None:
        """What is held blocks nobody."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        watch.until_gone(watch.submit(1, "true"))
        watch.until_job(id_, lambda job: job.hold is not None)

    def test_holding_twice_holds_once(self, watch: Watch) -> None:
        """A hold that is tried again, as after a crash, changes nothing."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        before = watch.eventlog(id_)
        watch.lead.hold(id_, OWNER)
        assert watch.eventlog(id_) == before

    def test_a_job_that_somebody_else_holds_is_left_alone(self, watch: Watch) -> None:
        """What a person holds, burstd neither marks nor releases."""
        id_ = waiting(watch, urgency=0)
        watch.lead.hold(id_, OWNER)
        watch.lead.unhold(id_)
        assert not urgencies(watch, id_)
        assert memos(watch, id_) == []

    def test_a_person_s_later_change_wins(self, watch: Watch) -> None:
        """Who changes the urgency of a held job ends the hold, also by holding the job again."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        for urgency in (5, 0):
            watch.rpc("job-manager.urgency", id=id_, urgency=urgency)
            watch.until_job(id_, over)
        watch.lead.unhold(id_)
        assert watch.until_job(id_, released).urgency == 0
        assert urgencies(watch, id_) == [0, 5, 0]

    def test_a_hold_begins_anew_after_a_person_s_change(self, watch: Watch) -> None:
        """The new hold restores the urgency that the person gave."""
        id_ = waiting(watch)
        watch.lead.hold(id_, OWNER)
        watch.rpc("job-manager.urgency", id=id_, urgency=5)
        watch.lead.hold(id_, OWNER)
        assert watch.until_job(id_, lambda job: job.hold and scheduled(job)).hold == Hold(OWNER, 5)

    def test_a_forged_mark_releases_nothing(self, watch: Watch) -> None:
        """A job's owner can write memos; without an urgency event to 0 after it, a mark is only taken out."""
        submitted, operated = waiting(watch, urgency=0), waiting(watch)
        watch.rpc("job-manager.urgency", id=operated, urgency=0)
        for id_ in (submitted, operated):
            watch.rpc("job-manager.memo", id=id_, memo=FORGED)
            before = urgencies(watch, id_)
            watch.lead.unhold(id_)
            assert (urgencies(watch, id_), memos(watch, id_)[-1]) == (before, {HOLD_MEMO: None})
            watch.until_job(id_, lambda job: released(job) and scheduled(job) and job.urgency == 0)

    def test_a_mark_that_is_no_mark_holds_nothing(self, watch: Watch) -> None:
        """A memo of that name with another value is not burstd's."""
        id_ = waiting(watch)
        watch.rpc("job-manager.memo", id=id_, memo={HOLD_MEMO: 16})
        watch.rpc("job-manager.urgency", id=id_, urgency=0)
        watch.lead.unhold(id_)
        assert watch.until_job(id_, lambda job: job.urgency == 0 and scheduled(job)).hold is None
        assert urgencies(watch, id_) == [0]

    def test_a_hold_is_read_alike_by_whoever_comes_later(self, watch: Watch, stage: LeadStage) -> None:
        """A hold and a hold that is over are the same after the journal is read anew."""
        kept, ended = waiting(watch), waiting(watch)
        for id_ in (kept, ended):
            watch.lead.hold(id_, OWNER)
        watch.rpc("job-manager.urgency", id=ended, urgency=5)
        watch.until_job(kept, lambda job: job.hold and scheduled(job))
        watch.until_job(ended, lambda job: over(job) and scheduled(job))
        now = watch.lead.view()
        with contextlib.closing(self.make_lead(stage)) as other:
            view = Watch(other, watch.handle).until(lambda view: len(view.jobs) == 2)
        assert now is not None
        assert sorted(view.jobs, key=lambda job: job.id) == sorted(now.jobs, key=lambda job: job.id)

    def test_a_nudge_changes_nothing_that_is_shown(self, watch: Watch) -> None:
        """The scheduler is told the urgency that it knows; a held job is not nudged."""
        id_ = waiting(watch)
        before = watch.until_job(id_, scheduled)
        watch.lead.nudge(id_)
        assert urgencies(watch, id_) == [URGENCY]
        watch.until_job(id_, lambda job: job == before)
        watch.lead.hold(id_, OWNER)
        watch.lead.nudge(id_)
        assert urgencies(watch, id_) == [URGENCY, 0]

    def test_an_exception_is_raised_once_and_ends_nothing(self, watch: Watch) -> None:
        """The job waits on; its eventlog tells the exception, which is not raised again for the same code."""
        id_ = waiting(watch)
        for text in ("too-large: it is", "too-large: it still is"):
            watch.lead.raise_exception(id_, text)
            watch.until_job(id_, lambda job: job.raised == "too-large" and scheduled(job))
        (raised,) = (one["context"] for one in watch.eventlog(id_) if one["name"] == "exception")
        assert (raised["type"], raised["severity"], raised["note"]) == ("burst", 4, "too-large: it is")

    def test_a_job_that_runs_or_is_gone_is_left_alone(self, watch: Watch) -> None:
        """A job may start or end between a decision about it and the call."""
        runs, gone = watch.submit(1, "sleep", "300"), watch.submit(1, "true")
        watch.until_gone(gone)
        watch.until_job(runs, lambda job: job.state is JobState.RUN)
        for id_ in (runs, gone, 1):
            watch.lead.hold(id_, OWNER)
            watch.lead.nudge(id_)
            watch.lead.unhold(id_)
            watch.lead.raise_exception(id_, "too-large: it is")
        assert not [one for one in watch.eventlog(runs) if one["name"] == "exception"]
        assert not urgencies(watch, runs)
        assert not memos(watch, runs)

    def test_a_job_that_runs_all_the_same_loses_its_mark(self, watch: Watch) -> None:
        """An allocation that is under way is not stopped by a hold; the mark tells nothing then."""
        id_ = watch.submit(1, "sleep", "300", urgency=0)
        watch.rpc("job-manager.memo", id=id_, memo=FORGED)
        watch.rpc("job-manager.urgency", id=id_, urgency=URGENCY)
        watch.until_job(id_, lambda job: job.state is JobState.RUN and over(job))
        watch.lead.unhold(id_)
        watch.until_job(id_, lambda job: job.state is JobState.RUN and released(job))


def waiting(watch: Watch, urgency: int = URGENCY) -> int:
    """Submit a job that needs more hosts than are up, and return its id once it waits."""
    id_ = watch.submit(4, "true", urgency=urgency)
    watch.until_job(id_, scheduled)
    return id_


def scheduled(job: Job) -> bool:
    """Say whether the job has taken in its latest urgency."""
    return job.state is JobState.SCHED and job.priority == job.urgency


def released(job: Job) -> bool:
    """Say whether no mark is left on the job."""
    return job.hold is None and not job.stale_hold


def over(job: Job) -> bool:
    """Say whether the job is marked and not held."""
    return job.hold is None and job.stale_hold


def urgencies(watch: Watch, job: int) -> list[int]:
    """Return what each urgency event of a job set."""
    return [event["context"]["urgency"] for event in watch.eventlog(job) if event["name"] == "urgency"]


def memos(watch: Watch, job: int) -> list[dict[str, Any]]:
    """Return what each memo event of a job wrote."""
    return [event["context"] for event in watch.eventlog(job) if event["name"] == "memo"]
