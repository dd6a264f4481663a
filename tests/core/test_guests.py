"""Whose jobs a pool serves, on an instance that admits other users than its owner."""

from __future__ import annotations

import pytest

from burstd.core.constraint import parse
from burstd.core.lifecycle import IDLE
from burstd.core.model import Job, Placement, Queue, Scheduling, Verb, Wish
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
    verbs,
)

OWNER, GUEST = 1000, 2000
CLOSED = a_pool()
OPEN = a_pool("open-0", first_rank=8, multi_user=True)
BURST = parse({"properties": ["burst"]})


def policy(*pools, **changes):
    return a_policy(*(pools or (CLOSED,)), instance_owner=OWNER, **changes)


def codes(snapshot, policy_) -> list[Code]:
    return [reason.code for _, reason in plan(snapshot, policy_, NOW).reasons]


@pytest.mark.parametrize(
    ("job", "policy_", "code"),
    [
        (a_job(userid=OWNER), policy(), Code.HOSTS_COMING),
        (a_job(userid=GUEST), policy(), Code.NOT_OWNER),
        (a_job(userid=0), policy(), Code.NOT_OWNER),
        (a_job(userid=GUEST), a_policy(CLOSED), Code.HOSTS_COMING),
        (a_job(userid=GUEST), policy(OPEN), Code.HOSTS_COMING),
        (a_job(userid=GUEST), policy(CLOSED, OPEN), Code.HOSTS_COMING),
        (a_job(userid=GUEST, wish=Wish(target="burst-0")), policy(CLOSED, OPEN), Code.NOT_OWNER),
        (a_job(userid=GUEST, hosts=2), policy(), Code.STARTING),
        (a_job(userid=GUEST, hosts=5), policy(), Code.TOO_LARGE),
        (a_job(userid=GUEST, wish=Wish(target="x")), policy(), Code.UNKNOWN_TARGET),
        (a_job(userid=GUEST, urgency=0), policy(), Code.HELD),
    ],
)
def test_a_pool_serves_its_owners_jobs_unless_it_says_otherwise(job: Job, policy_, code: Code) -> None:
    """A guest's job waits with a reason of its own; where the owner is not known, all count alike."""
    hosts = some_hosts([CLOSED, OPEN])
    assert codes(a_snapshot(jobs=(job,), hosts=hosts), policy_) == [code]


def test_the_reason_names_the_pool_and_what_to_set() -> None:
    """The sentence names the pool and the setting by which an administrator opens it."""
    ((_, reason),) = plan(a_snapshot(jobs=(a_job(userid=GUEST),)), policy(), NOW).reasons
    assert str(reason) == (
        "not-owner: Pool burst-0 serves only the instance owner's jobs, unless it has multi_user: true."
    )


def test_a_guests_job_brings_nothing_up() -> None:
    """Nothing is planned, moved or held for it; the job is told why, for good."""
    job = a_job(userid=GUEST, queue="batch", constraint=parse({"properties": ["local"]}))
    queues = (Queue("batch", True, requires=frozenset({"local"})), Queue("burst-0", False))
    snapshot = a_snapshot(jobs=(job,), queues=queues, scheduling=Scheduling.FIFO)
    result = plan(snapshot, policy(), NOW)
    assert (result.bursts, verbs(result)) == ((), [])
    assert [action.verb for action in result.actions] == [Verb.TELL, Verb.RAISE]


def test_a_guest_is_not_given_the_room_that_the_owner_needs() -> None:
    """Of two jobs that are alike, the guest's comes first and waits; the owner's gets its hosts."""
    jobs = (a_job(1, userid=GUEST, priority=30), a_job(2, userid=OWNER))
    result = plan(a_snapshot(jobs=jobs), policy(), NOW)
    assert {job: reason.code for job, reason in result.reasons} == {
        1: Code.NOT_OWNER,
        2: Code.HOSTS_COMING,
    }


def test_idle_hosts_are_not_kept_for_a_guest() -> None:
    """Hosts that only a guest waits for are taken away like any that are idle."""
    jobs = (a_job(userid=GUEST, constraint=BURST),)
    hosts = some_hosts([CLOSED], online=CLOSED.ranks)
    result = plan(a_snapshot(jobs=jobs, hosts=hosts, bursts=(a_burst(),)), policy(), NOW)
    assert [burst.why for burst in result.bursts] == [IDLE]


def test_where_jobs_may_span_a_guests_does_not_span_the_owners_pools() -> None:
    """A guest's job in an open pool counts on the lead's own free hosts, not on another pool's."""
    hosts = some_hosts([CLOSED, OPEN], online=CLOSED.ranks)
    mixed = policy(CLOSED, OPEN, placement=Placement.MIXED)
    job = a_job(userid=GUEST, hosts=6)
    result = plan(a_snapshot(jobs=(job,), hosts=hosts, bursts=(a_burst(),)), mixed, NOW)
    planned = [burst for burst in result.bursts if burst.pool == "open-0"]
    assert [burst.size for burst in planned] == [4]


@pytest.mark.parametrize(("userid", "pulsed"), [(OWNER, True), (GUEST, False)])
@pytest.mark.parametrize("wish", [Wish(), None])
def test_a_queue_is_not_opened_for_a_guests_job(userid: int, pulsed: bool, wish: Wish | None) -> None:
    """Where a pool's queue opens for moments only, none of them is for a guest, burstable or not."""
    hosts = some_hosts([CLOSED], online=CLOSED.ranks)
    queues = (Queue("burst-0", False, requires=frozenset({"burst"})),)
    job = a_job(hosts=1, userid=userid, queue="burst-0", constraint=BURST, wish=wish)
    snapshot = a_snapshot(
        jobs=(job,), hosts=hosts, bursts=(a_burst(),), queues=queues, scheduling=Scheduling.FCFS
    )
    assert (Verb.PULSE in verbs(plan(snapshot, policy(), NOW))) is pulsed
