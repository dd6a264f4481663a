"""What holds of every explanation, whatever the world looks like."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from test_planner_properties import worlds

from burstd.core.discretion import whole_sentence
from burstd.core.history import NOTHING
from burstd.core.model import JobState
from burstd.core.planner import plan, waiting
from burstd.core.why import Told, explain
from burstd.testing.builders import NOW

CONSIDERED_NOWHERE = {"held", "bad-burstable", "unknown-target"}


def explained(job_id, snapshot, policy, made):
    return explain(job_id, snapshot, policy, made, NOW, Told(), whole_sentence)


@given(worlds())
def test_the_reason_told_is_the_one_that_was_planned(world):
    """Every job that waits is told its reason in the plan's words, and its turn; every other has none."""
    snapshot, policy = world
    made = plan(snapshot, policy, NOW)
    for turn, (job_id, reason) in enumerate(made.reasons, 1):
        told = explained(job_id, snapshot, policy, made)
        assert (told.state, told.code, told.sentence) == ("waiting", reason.code, reason.sentence)
        assert (told.turn, told.waiting) == (turn, len(made.reasons))
    for job in snapshot.jobs:
        if job.id not in dict(made.reasons):
            assert explained(job.id, snapshot, policy, made).code == ""


@given(worlds())
def test_what_was_considered_leads_to_the_reason(world):
    """The places come in the planner's order, every pool once; one of their answers is the job's reason."""
    snapshot, policy = world
    made = plan(snapshot, policy, NOW)
    for job_id, reason in made.reasons:
        told = explained(job_id, snapshot, policy, made)
        places = [one.name for one in told.considered if one.where == "pool"]
        if reason.code in CONSIDERED_NOWHERE:
            assert told.considered == ()
            continue
        assert places == [pool.name for pool in policy.pools]
        answered = [one for one in told.considered if one.code]
        assert told.code in [one.code for one in answered]
        if not all(one.where == "pool" for one in answered):
            assert len(answered) == 1
        else:
            bare = replace(reason, warning="").sentence
            assert (told.code, bare, told.next) in [(one.code, one.sentence, one.next) for one in answered]


@given(worlds(), st.data())
def test_a_pool_answers_as_if_it_had_been_asked_alone(world, data):
    """What is told of each pool is what the job would have been told had it named that pool."""
    snapshot, policy = world
    made = plan(snapshot, policy, NOW)
    asked = [(job, name, reason) for job, answers in made.answers.items() for name, reason in answers]
    if not asked:
        return
    job_id, name, reason = data.draw(st.sampled_from(asked))
    jobs = tuple(
        replace(job, wish=replace(job.wish, target=name)) if job.id == job_id else job
        for job in snapshot.jobs
    )
    alone = dict(plan(replace(snapshot, jobs=jobs), policy, NOW).reasons)[job_id]
    assert replace(alone, warning="") == reason


@given(worlds())
def test_an_explanation_comes_back_from_its_document(world):
    """What is sent as JSON is read again as the same."""
    snapshot, policy = world
    made = plan(snapshot, policy, NOW)
    for job in waiting(snapshot.jobs):
        told = explained(job.id, snapshot, policy, made)
        assert type(told).read(told.document()) == told


@given(worlds())
def test_only_those_are_explained_that_are_there(world):
    """An id that no active job has is not known; a running job says where it runs."""
    snapshot, policy = world
    made = plan(snapshot, policy, NOW)
    assert not explained(99, snapshot, policy, made).told
    for job in snapshot.jobs:
        told = explained(job.id, snapshot, policy, made)
        assert told.told
        assert (told.state == "running") == (job.state is JobState.RUN)
        assert NOTHING.changes == told.before
