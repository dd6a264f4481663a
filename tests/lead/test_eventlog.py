"""The job journal of a real Flux, replayed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from replay import job, responses, until_complete

from burstd.core.errors import LeadLost
from burstd.core.model import Hold, JobState, Request, Wish
from burstd.lead.eventlog import JobLog
from burstd.lead.request import NOTHING
from burstd.lead.rlite import Share


def event(name: str, **context: Any) -> dict[str, Any]:
    return {"timestamp": 7.0, "name": name, "context": context}


def told(id_: int, *events: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return {"id": id_, "events": list(events), **extra}


OWNER = 0
"""The instance owner's user id, in the transcripts too."""

SUBMIT = event("submit", userid=5, urgency=16, flags=0, version=1)
TO_SCHED = (SUBMIT, event("validate"), event("depend"), event("priority", priority=16))
RSET = {"execution": {"R_lite": [{"rank": "2-3", "children": {"core": "0-3", "gpu": "0"}}]}}
RUNNING = told(9, *TO_SCHED, event("alloc"), event("start"), R=RSET)


def test_the_history_gives_every_active_job() -> None:
    """One response a job brings each to where it is."""
    log = JobLog(OWNER)
    until_complete(log, responses("life-jobs"))
    running, waiting, held = job(log, "sleep"), job(log, "true"), job(log, "hostname")
    assert running is not None
    assert (running.state, running.ranks, running.wish) == (JobState.RUN, (0, 1), None)
    assert waiting is not None
    assert (waiting.state, waiting.wish) == (JobState.SCHED, Wish("burst-0"))
    assert waiting.request == Request(4, 1, 1, exclusive=True)
    assert held is not None
    assert (held.urgency, held.hold, held.state) == (0, Hold("recorder", 20), JobState.SCHED)
    assert log.on_rank[0] == {running.id: Share(2)}


def test_the_live_events_end_in_one_held_job() -> None:
    """The cancelled job and the one that ran are dropped, with their allocations."""
    log = JobLog(OWNER)
    live = until_complete(log, responses("life-jobs"))
    waiting = job(log, "true")
    assert waiting is not None
    seen = []
    for response in live:
        log.apply(response)
        now = log.jobs.get(waiting.id)
        seen.append((now.state, now.told, now.ranks) if now else None)
    sentence = "Its hosts come."
    assert (JobState.SCHED, sentence, ()) in seen
    assert (JobState.RUN, sentence, (0, 1, 4, 7)) in seen
    assert (JobState.CLEANUP, sentence, ()) in seen
    assert [one.name for one in log.jobs.values()] == ["hostname"]
    assert log.on_rank == {0: {}, 1: {}, 4: {}, 7: {}}
    assert log.freed.keys() == {0, 1, 4, 7}
    assert log.freed[0] > waiting.submitted


def test_the_history_after_a_restart_has_the_held_job() -> None:
    """With a statedir the held job is held still, by the memo that was not volatile."""
    log = JobLog(OWNER)
    assert until_complete(log, responses("restarted-jobs")) == []
    held = job(log, "hostname")
    assert held is not None
    assert (held.state, held.hold, len(log.jobs)) == (JobState.SCHED, Hold("recorder", 20), 1)


def test_the_order_of_the_history_does_not_matter() -> None:
    """The journal tells its jobs in no useful order."""
    recorded = responses("life-jobs")[:3]
    plain, mixed = JobLog(OWNER), JobLog(OWNER)
    for response in recorded:
        plain.apply(response)
    for response in random.Random(3).sample(recorded, 3):
        mixed.apply(response)
    assert plain.jobs == mixed.jobs
    assert plain.on_rank == mixed.on_rank


def test_a_reminder_brings_back_a_volatile_memo_but_undoes_nothing() -> None:
    """What the journal itself told is newer than a reminder."""
    log = JobLog(OWNER)
    live = until_complete(log, responses("life-jobs"))
    waiting = job(log, "true")
    assert waiting is not None
    log.remind(waiting.id, {"burst": "forgotten"})
    assert log.jobs[waiting.id].told == "forgotten"
    log.apply(live[0])
    log.remind(waiting.id, {"burst": "forgotten"})
    assert log.jobs[waiting.id].told == "Its hosts come."
    log.remind(12345, {"burst": "of nobody"})


def test_an_allocation_lasts_until_free() -> None:
    """A job in CLEANUP still holds its hosts."""
    log = JobLog(OWNER)
    log.apply(RUNNING)
    log.apply(told(9, event("finish", status=0), event("release", ranks="all", final=True)))
    assert (log.jobs[9].state, log.jobs[9].ranks) == (JobState.CLEANUP, (2, 3))
    assert log.on_rank[3] == {9: Share(4, 1)}
    log.apply(told(9, event("free")))
    assert (log.jobs[9].ranks, log.on_rank[3], log.freed[3]) == ((), {}, 7.0)


def test_a_restarted_scheduler_takes_the_allocation() -> None:
    """That one exception ends an allocation with no `free`."""
    log = JobLog(OWNER)
    log.apply(RUNNING)
    log.apply(told(9, event("exception", type="scheduler-restart", severity=0)))
    assert (log.jobs[9].state, log.jobs[9].ranks, log.on_rank[2]) == (JobState.CLEANUP, (), {})


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((SUBMIT,), JobState.NEW),
        ((SUBMIT, event("validate")), JobState.DEPEND),
        ((SUBMIT, event("validate"), event("depend")), JobState.PRIORITY),
        (TO_SCHED, JobState.SCHED),
        ((*TO_SCHED, event("urgency", urgency=0, userid=0)), JobState.PRIORITY),
        ((*TO_SCHED, event("flux-restart")), JobState.PRIORITY),
        ((*TO_SCHED, event("something-new", colour="red")), JobState.SCHED),
        ((*TO_SCHED, event("exception", type="burst", severity=4)), JobState.SCHED),
        ((*TO_SCHED, event("exception", type="cancel", severity=0)), JobState.CLEANUP),
        ((*TO_SCHED, event("alloc")), JobState.RUN),
    ],
)
def test_events_move_the_state(events: tuple[dict[str, Any], ...], state: JobState) -> None:
    """The states are those of RFC 21; unknown events change nothing."""
    log = JobLog(OWNER)
    log.apply(told(9, *events))
    assert log.jobs[9].state is state


def test_an_invalid_job_is_dropped() -> None:
    """A job that its submission could not keep is never shown."""
    log = JobLog(OWNER)
    log.apply(told(9, SUBMIT))
    log.apply(told(9, event("invalidate")))
    assert log.jobs == {}


def test_a_jobspec_update_moves_the_job_to_another_queue() -> None:
    """The update's paths are set in the jobspec, and it is read again."""
    log = JobLog(OWNER)
    jobspec = {"attributes": {"system": {"queue": "batch", "burstable": "gke"}}}
    log.apply(told(9, *TO_SCHED, jobspec=jobspec))
    assert (log.jobs[9].queue, log.jobs[9].request) == ("batch", NOTHING)
    log.apply(told(9, event("jobspec-update", **{"attributes.system.queue": "burst"})))
    assert (log.jobs[9].queue, log.jobs[9].state) == ("burst", JobState.PRIORITY)
    assert jobspec["attributes"]["system"]["queue"] == "batch"


def mark(owner: str = "me") -> dict[str, Any]:
    return event("memo", burstd_hold={"owner": owner, "epoch": 1})


def urgency(value: int, userid: int = OWNER) -> dict[str, Any]:
    return event("urgency", urgency=value, userid=userid)


HELD = (*TO_SCHED, mark(), urgency(0))


@pytest.mark.parametrize(
    ("events", "hold", "stale"),
    [
        (HELD, Hold("me", 16), False),
        ((*TO_SCHED, urgency(20), mark(), urgency(0)), Hold("me", 20), False),
        ((*TO_SCHED, mark(), urgency(20), urgency(0)), Hold("me", 20), False),
        ((*HELD, mark("you")), Hold("you", 16), False),
        ((*HELD, urgency(20), mark(), urgency(0)), Hold("me", 20), False),
        ((*TO_SCHED, mark()), None, False),
        ((*TO_SCHED, urgency(0), mark()), None, False),
        ((*TO_SCHED, event("memo", burstd_hold=16), urgency(0)), None, False),
        ((*TO_SCHED, event("memo", burstd_hold={"owner": 5}), urgency(0)), None, False),
        ((*HELD, event("memo", burstd_hold=None)), None, False),
        ((*TO_SCHED, mark(), urgency(0, userid=5)), None, True),
        ((*HELD, urgency(16)), None, True),
        ((*HELD, urgency(16), urgency(0)), None, True),
        ((*HELD, urgency(0, userid=5)), None, True),
        ((*HELD, event("priority", priority=0), event("alloc")), None, True),
    ],
)
def test_a_hold_is_a_mark_and_the_owner_s_urgency_event_after_it(
    events: tuple[dict[str, Any], ...], hold: Hold | None, stale: bool
) -> None:
    """Only both hold a job, as long as nobody changes the urgency and the job did not start all the same."""
    log = JobLog(OWNER)
    log.apply(told(9, *events))
    assert (log.jobs[9].hold, log.jobs[9].stale_hold) == (hold, stale)


def test_cleared_annotations_clear_what_was_told() -> None:
    """An annotations event tells all annotations; null tells that there are none."""
    log = JobLog(OWNER)
    log.apply(told(9, *TO_SCHED, event("memo", burst="here")))
    log.apply(told(9, event("annotations", annotations={"sched": {}, "user": {"burst": "there"}})))
    assert log.jobs[9].told == "there"
    log.apply(told(9, event("annotations", annotations=None)))
    assert log.jobs[9].told == ""


def test_an_event_of_an_unknown_job_is_a_gap() -> None:
    """A job whose beginning was never shown means that something was missed."""
    with pytest.raises(LeadLost, match="job 9"):
        JobLog(OWNER).apply(told(9, event("alloc")))


def test_a_late_event_of_a_job_that_ended_is_no_gap() -> None:
    """What is told of a job after its end changes nothing."""
    log = JobLog(OWNER)
    log.apply(told(9, *TO_SCHED, event("exception", type="cancel", severity=0), event("clean")))
    log.apply(told(9, event("annotations", annotations=None)))
    assert log.jobs == {}


@pytest.mark.parametrize(
    "response", [{}, {"id": 9, "events": [{"name": "submit"}]}, {"id": 9, "events": [3]}]
)
def test_a_response_that_is_not_understood_is_a_loss(response: dict[str, Any]) -> None:
    """Nonsense from the journal means reading it anew, not a crash."""
    with pytest.raises(LeadLost, match="not understood"):
        JobLog(OWNER).apply(response)


def test_one_event_touches_one_job() -> None:
    """An event leaves the values of all other jobs as they are."""
    log = JobLog(OWNER)
    for id_ in range(1, 1000):
        log.apply(told(id_, *TO_SCHED))
    before = dict(log.jobs)
    log.apply(told(9, event("alloc"), R=RSET))
    assert [id_ for id_, one in log.jobs.items() if one is not before[id_]] == [9]
    assert log.touched == {2, 3}
