"""What no burst will ever change is raised on the job once, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.constraint import parse
from burstd.core.jobexceptions import RAISING
from burstd.core.model import Action, Job, Request, Snapshot, Verb, Wish
from burstd.core.planner import plan
from burstd.testing.builders import NOW, a_job, a_policy, a_pool, a_snapshot, some_hosts

GUEST, OWNER = 1001, 1000
POLICY = a_policy(instance_owner=OWNER)

FINAL = [
    ("too-large", a_job(hosts=9, userid=OWNER)),
    ("shape-mismatch", a_job(request=Request(1, 1, 64), userid=OWNER)),
    ("constraint-mismatch", a_job(constraint=parse({"properties": ["none"]}), hosts=3, userid=OWNER)),
    ("unknown-target", a_job(wish=Wish("elsewhere"), userid=OWNER)),
    ("bad-burstable", a_job(wish=Wish(nonsense="[1]"), userid=OWNER)),
    ("not-owner", a_job(hosts=3, userid=GUEST)),
]


def raised(snapshot: Snapshot) -> list[Action]:
    return [action for action in plan(snapshot, POLICY, NOW).actions if action.verb is Verb.RAISE]


@pytest.mark.parametrize(("code", "job"), FINAL, ids=[code for code, _ in FINAL])
def test_each_final_reason_is_raised(code: str, job: Job) -> None:
    """The exception has the code and the sentence that the memo has."""
    (action,) = raised(a_snapshot(jobs=(job,)))
    assert (action.job, action.key) == (job.id, f"raise:{job.id}")
    assert action.text.startswith(f"{code}: ")


@pytest.mark.parametrize(("code", "job"), FINAL, ids=[code for code, _ in FINAL])
def test_it_is_raised_once(code: str, job: Job) -> None:
    """What the job's eventlog tells already is not raised again, after a restart neither."""
    assert raised(a_snapshot(jobs=(replace(job, raised=code),))) == []
    assert len(raised(a_snapshot(jobs=(replace(job, raised="something-else"),)))) == 1


def test_one_under_way_is_waited_for() -> None:
    """No second one is started while the first has no outcome."""
    assert raised(a_snapshot(jobs=(a_job(hosts=9),), in_flight=frozenset({"raise:1"}))) == []


def test_a_job_that_the_leads_own_hosts_can_run_gets_none() -> None:
    """It only waits for its turn there; but a mistake in what it says of bursting is told all the same."""
    hosts = some_hosts([a_pool()], online=(0, 1, 2, 3))
    home = parse({"ranks": ["0-3"]})
    assert raised(a_snapshot(jobs=(a_job(hosts=2, constraint=home, userid=OWNER),), hosts=hosts)) == []
    mistake = a_job(wish=Wish("elsewhere"), userid=OWNER)
    assert len(raised(a_snapshot(jobs=(mistake,), hosts=hosts))) == 1


def test_a_thousand_jobs_are_told_a_few_at_a_time() -> None:
    """A flood of hopeless jobs does not keep the lead busy with their exceptions."""
    jobs = tuple(a_job(id_, hosts=9) for id_ in range(1, 1001))
    assert len(raised(a_snapshot(jobs=jobs))) == RAISING
    busy = frozenset(f"raise:{id_}" for id_ in range(1, RAISING))
    assert len(raised(a_snapshot(jobs=jobs, in_flight=busy))) == 1


def test_a_reason_that_passes_is_no_exception() -> None:
    """A job that may still get its hosts is told by its memo alone."""
    assert raised(a_snapshot(jobs=(a_job(hosts=2, userid=OWNER),))) == []
