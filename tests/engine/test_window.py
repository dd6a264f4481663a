"""What is told from the last tick, and to whom."""

from __future__ import annotations

import json
import os

import pytest

from burstd.core.discretion import PLAIN
from burstd.core.model import Caps, Cooldown, JobState, Wish
from burstd.core.planner import plan
from burstd.engine.desk import Desk
from burstd.engine.questions import Question
from burstd.engine.window import Window
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot, some_hosts

OWNER, ALICE, BOB = 3000, 1000, 2000
POOL = a_pool(paid=True, multi_user=True, cost_per_hour=100.0, max_lifetime_seconds=3600.0)
POLICY = a_policy(POOL, instance_owner=OWNER, caps=Caps(dollars_per_user_day=1.0))
JOBS = (
    a_job(1, userid=ALICE, wish=Wish(nonsense="[secret of alice]")),
    a_job(2, userid=BOB, wish=Wish(nonsense="[word of bob]")),
    a_job(3, userid=ALICE),
    a_job(4, userid=BOB, hosts=9),
    a_job(5, userid=ALICE, state=JobState.RUN, ranks=(0,)),
)
BURST = a_burst(generation=7, why="idle: project gold", cost_per_hour=100.0, size=2)
SECRETS = ("secret of alice", "gold", "dollars_per_user_day is", "100.0")


@pytest.fixture
def window():
    rest = Cooldown("burst-0", "project gold has no quota", NOW + 60)
    hosts = some_hosts([POOL], online=(4, 5))
    snapshot = a_snapshot(hosts=hosts, jobs=JOBS, cooldowns=(rest,), bursts=(BURST,))
    made = Window(POLICY, Desk().answers["status"], clock=lambda: NOW + 1)
    made.ticked(Tick(snapshot, plan(snapshot, POLICY, NOW), POLICY, NOW, 0.0))
    return made


def asked(window, ask, userid, **about):
    document = window.answer(Question(ask, about, userid))
    return json.loads(json.dumps(document))


def test_a_stranger_sees_codes_and_counts_and_words_of_own_jobs_alone(window) -> None:
    """Pools, phases and why jobs wait are told; no ids, no words and no dollars of others."""
    found = asked(window, "status", BOB)
    text = json.dumps(found)
    assert [secret for secret in SECRETS if secret in text] == []
    assert (found["whole"], found["dollars_today"]) == (False, None)
    (pool,), (burst,) = found["pools"], found["bursts"]
    assert (pool["state"], pool["hosts_online"], pool["last_error"]) == ("cooling-down", 2, "")
    assert (burst["name"], burst["hosts_online"], burst["jobs"], burst["dollars"]) == (
        "burst-0-g7",
        2,
        None,
        None,
    )
    waiting = {one["code"]: one for one in found["waiting"]}
    assert waiting["bad-burstable"]["jobs"] == 2
    assert waiting["bad-burstable"]["examples"] == ["ƒ3"]
    assert "[word of bob]" in waiting["bad-burstable"]["sentence"]
    assert asked(window, "waiting", BOB)["waiting"] == found["waiting"]


def test_a_stranger_without_jobs_is_told_no_id(window) -> None:
    """Why jobs wait is told to everybody, in words about no job."""
    found = asked(window, "waiting", 4000)
    assert found["jobs"] == 4
    assert [one["examples"] for one in found["waiting"]] == [[]] * len(found["waiting"])
    assert [one["sentence"] for one in found["waiting"]] == [PLAIN[one["code"]] for one in found["waiting"]]


@pytest.mark.parametrize("userid", [0, os.geteuid(), OWNER])
def test_whoever_owns_it_sees_everything(window, userid: int) -> None:
    """Root, burstd's own user and the instance owner are told all."""
    found = asked(window, "status", userid)
    assert found["whole"]
    assert found["dollars_today"] is not None
    assert found["pools"][0]["last_error"] == "project gold has no quota"
    told = [asked(window, "why", userid, job=job)["told"] for job in range(1, 6)]
    assert told == [True] * 5


@pytest.mark.parametrize(
    ("userid", "told"), [(ALICE, [True, False, True, False, True]), (BOB, [False, True, False, True, False])]
)
def test_a_job_is_explained_to_its_own_user(window, userid: int, told: list[bool]) -> None:
    """Another user's job is told of in one sentence that says nothing of it."""
    found = [asked(window, "why", userid, job=job) for job in range(1, 6)]
    assert [one["told"] for one in found] == told
    for one in found:
        if not one["told"]:
            assert one["sentence"].startswith("It belongs to another user")
            assert (one["submitted"], one["code"], one["considered"]) == (None, "", [])


def test_a_job_that_left_stays_its_users(window) -> None:
    """What is over is told to nobody else either."""
    window.ticked(Tick(a_snapshot(jobs=()), plan(a_snapshot(), POLICY, NOW), POLICY, NOW, 0.0))
    assert [asked(window, "why", userid, job=3)["told"] for userid in (ALICE, BOB)] == [True, False]
    assert asked(window, "why", BOB, job=77)["sentence"].startswith("burstd knows no such job")


def test_no_dollars_are_told_to_the_user_of_a_job_that_costs_too_much() -> None:
    """The code says that it is money; how much others spent it does not say."""
    snapshot = a_snapshot(hosts=some_hosts([POOL]), jobs=(a_job(3, userid=ALICE),))
    window = Window(POLICY, Desk().answers["status"])
    window.ticked(Tick(snapshot, plan(snapshot, POLICY, NOW), POLICY, NOW, 0.0))
    theirs, all_ = (asked(window, "why", userid, job=3) for userid in (ALICE, OWNER))
    assert theirs["code"] == all_["code"] == "over-budget"
    assert "dollars_per_user_day is" in json.dumps(all_)
    assert "dollars_per_user_day is" not in json.dumps(theirs)


def test_before_the_lead_was_seen_nothing_is_known() -> None:
    """It says so, and that is no error."""
    window = Window(POLICY, Desk().answers["status"])
    window.met(lead_answers=False)
    found = asked(window, "why", 0, job=1)
    assert (found["told"], found["lead_answers"]) == (False, False)
    assert found["sentence"].startswith("burstd has not seen the lead yet")
    assert asked(window, "waiting", 0)["seen"] is False
    assert asked(window, "status", BOB)["pools"][0]["hosts_online"] is None
