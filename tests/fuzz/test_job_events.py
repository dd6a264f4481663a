"""What the job journal may bring: anything at all, and above all what users write into their own jobs."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burstd.core.errors import LeadLost
from burstd.core.model import JobState, Policy, Verb
from burstd.core.planner import plan
from burstd.engine.log import JsonLines, TextLines
from burstd.engine.sentences import refused, started
from burstd.lead.eventlog import JobLog
from burstd.testing.builders import NOW, a_policy, a_pool, a_snapshot, some_hosts

OWNER, GUEST = 1000, 2000
LONG = "x" * 5_000
NASTY = (
    "\n2026-01-01T00:00:00Z ERROR all is lost",
    "\x1b[2J\x1b[31mred",
    "\x9b31m",
    "\u2028\u2029\x85",
    "\u202etxt",
    "[bold]x[/bold]",
    "{detail}",
    "%s%d",
    "a\x00b",
    LONG,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(NASTY),
    st.sampled_from(
        [10**18, 2**63, -1, 0, "burst-0", "open-0", "local", "mixed", "0-99999999999", "a[0-9999999]"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
WISHES = VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys(("pool", "plugin", "placement"), VALUES))
CONSTRAINTS = st.recursive(
    VALUES,
    lambda inner: st.dictionaries(
        st.sampled_from(["and", "or", "not", "properties", "hostlist", "ranks"]),
        st.lists(inner, max_size=2) | VALUES,
        max_size=2,
    ),
    max_leaves=6,
)
SYSTEMS = st.fixed_dictionaries(
    {"burstable": WISHES},
    optional={
        "queue": VALUES,
        "cwd": VALUES,
        "constraints": CONSTRAINTS,
        "job": VALUES | st.fixed_dictionaries({"name": VALUES}),
        "duration": VALUES,
        "files": VALUES,
        "environment": VALUES,
    },
)
COUNTS = VALUES | st.fixed_dictionaries({"min": VALUES}, optional={"max": VALUES})
VERTICES = st.recursive(
    st.fixed_dictionaries({"type": st.sampled_from(["core", "gpu"]), "count": COUNTS}),
    lambda inner: st.fixed_dictionaries(
        {
            "type": st.sampled_from(["node", "slot", "rack"]),
            "count": COUNTS,
            "with": st.lists(inner, max_size=2) | VALUES,
        },
        optional={"exclusive": VALUES, "label": VALUES},
    ),
    max_leaves=4,
)
PLAIN = [
    {
        "type": "node",
        "count": 1,
        "with": [{"type": "slot", "count": 1, "label": "t", "with": [{"type": "core", "count": 1}]}],
    }
]
JOBSPECS = st.fixed_dictionaries(
    {
        "resources": st.just(PLAIN) | st.lists(VERTICES, max_size=2) | VALUES,
        "tasks": st.just([{"command": ["true"]}])
        | st.fixed_dictionaries({"command": VALUES}).map(lambda one: [one])
        | VALUES,
        "attributes": st.fixed_dictionaries({"system": SYSTEMS}) | VALUES,
        "version": st.just(1),
    }
)
POOLS = (
    a_pool(paid=True, max_lifetime_seconds=3600.0),
    a_pool("open-0", first_rank=8, paid=True, multi_user=True, max_lifetime_seconds=3600.0),
)
POLICY: Policy = a_policy(*POOLS, instance_owner=OWNER, max_bursts=1, max_hosts=2)


def event(name: str, **context: Any) -> dict[str, Any]:
    return {"timestamp": 7.0, "name": name, "context": context}


def waiting(id_: int, jobspec: Any, *more: dict[str, Any], userid: int = GUEST) -> dict[str, Any]:
    """A response that tells of a job that waits."""
    submit = event("submit", userid=userid, urgency=16, flags=0, version=1)
    steps = (submit, event("validate"), event("depend"), event("priority", priority=16))
    return {"id": id_, "events": [*steps, *more], "jobspec": jobspec}


GOOD = waiting(
    1,
    {"resources": PLAIN, "tasks": [{"command": ["true"]}], "attributes": {"system": {"burstable": 1}}},
    userid=OWNER,
)


@given(
    responses=st.lists(
        VALUES
        | st.fixed_dictionaries(
            {
                "id": VALUES,
                "events": VALUES
                | st.lists(
                    VALUES
                    | st.fixed_dictionaries(
                        {
                            "name": st.sampled_from(
                                [
                                    "submit",
                                    "alloc",
                                    "free",
                                    "urgency",
                                    "memo",
                                    "exception",
                                    "annotations",
                                    "priority",
                                ]
                            ),
                            "timestamp": VALUES,
                        },
                        optional={
                            "context": VALUES
                            | st.dictionaries(
                                st.sampled_from(
                                    ["urgency", "userid", "priority", "severity", "type", "annotations"]
                                ),
                                VALUES,
                            )
                        },
                    ),
                    max_size=3,
                ),
            },
            optional={"jobspec": VALUES, "R": VALUES},
        ),
        max_size=4,
    )
)
@settings(max_examples=200)
def test_any_responses_are_folded_or_make_the_journal_be_read_anew(responses):
    """Whatever the journal sends, the fold takes it or raises LeadLost."""
    log = JobLog(OWNER)
    try:
        for response in responses:
            log.apply(response)
    except LeadLost:
        return


@given(
    jobspec=JOBSPECS,
    memos=st.dictionaries(st.sampled_from(["burst", "burstd_hold", "other"]), VALUES),
    user=VALUES,
    note=st.sampled_from(NASTY),
)
@example(
    jobspec={"resources": PLAIN, "tasks": [], "attributes": {"system": {"burstable": NASTY[0]}}},
    memos={},
    user=None,
    note="",
)
@settings(max_examples=300)
def test_whatever_a_user_writes_hides_no_other_job_and_breaks_no_plan(jobspec, memos, user, note):
    """A job's own attributes, memos and exceptions never end the fold, the plan or a line of the log."""
    log = JobLog(OWNER)
    log.apply(GOOD)
    log.apply({"id": -1, "events": []})
    log.apply(waiting(2, jobspec, event("annotations", annotations={"user": user}), event("memo", **memos)))
    log.apply({"id": 2, "events": [event("exception", type="note", severity=3, note=note)]})

    assert {job.id for job in log.jobs.values() if job.state is JobState.SCHED} == {1, 2}
    snapshot = a_snapshot(hosts=some_hosts(POOLS, lead_online=0), jobs=tuple(log.jobs.values()))
    result = plan(snapshot, POLICY, NOW)
    assert "burst-0" in {burst.pool for burst in result.bursts}
    for _, reason in result.reasons:
        assert len(str(reason)) < 1000
        check_line(str(reason))
    for action in result.actions:
        check_line(started(action))


@given(jobspec=JOBSPECS)
@settings(max_examples=300)
def test_a_guest_reaches_no_closed_pool_and_exceeds_no_cap(jobspec):
    """Whatever a guest's job asks for, nothing is made in a pool closed to guests, nor above a cap."""
    log = JobLog(OWNER)
    log.apply(waiting(2, jobspec))
    result = plan(
        a_snapshot(hosts=some_hosts(POOLS, lead_online=0), jobs=tuple(log.jobs.values())), POLICY, NOW
    )

    assert {burst.pool for burst in result.bursts} <= {"open-0"}
    assert sum(burst.size for burst in result.bursts) <= POLICY.max_hosts
    assert not [action for action in result.actions if action.verb in (Verb.DRAIN, Verb.OPEN, Verb.REMOVE)]


@given(jobspec=JOBSPECS, note=SCALARS.map(str))
@settings(max_examples=200)
def test_a_refused_job_is_told_in_one_line(jobspec, note):
    """A command line with line breaks and escapes in it starts no line of its own in the log."""
    log = JobLog(OWNER)
    log.apply({"id": -1, "events": []})
    log.apply(waiting(2, jobspec, event("exception", type="alloc", severity=0, note=note)))
    for one in log.refused:
        check_line(refused(one, POLICY, ()))


@pytest.mark.parametrize("depth", [40, 300, 460])
def test_constraints_that_stand_deep_in_each_other_are_named(depth):
    """A constraint deeper than any that is meant gives its job a reason, and no other job notices."""
    constraint: Any = {"properties": ["burst"]}
    for _ in range(depth):
        constraint = {"not": [constraint]}
    log = JobLog(OWNER)
    log.apply(GOOD)
    spec = {
        "resources": PLAIN,
        "tasks": [],
        "attributes": {"system": {"burstable": 1, "constraints": constraint}},
    }
    log.apply(waiting(2, spec))

    assert len(log.jobs) == 2
    wish = log.jobs[2].wish
    assert wish is not None
    assert bool(wish.nonsense) == (depth > 50)


def check_line(sentence: str) -> None:
    """The log says a sentence in one line that steers no terminal, as text and as JSON."""
    record = logging.LogRecord("burstd", logging.INFO, "", 0, "%s", (sentence,), None)
    text = TextLines().format(record)
    assert text.isprintable(), text
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["sentence"].isprintable()
    io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace").write(text)
