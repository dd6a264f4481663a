"""What holds of every plan, whatever the world looks like."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from burstd.core.constraint import ANYWHERE, parse
from burstd.core.lifecycle import IDLE
from burstd.core.marks import NO_HOST
from burstd.core.model import (
    Burst,
    Failure,
    Hold,
    Host,
    Job,
    JobState,
    Outcome,
    Phase,
    Placement,
    Policy,
    Queue,
    Request,
    Scheduling,
    Shape,
    Snapshot,
    Verb,
    Wish,
)
from burstd.core.planner import plan, waiting
from burstd.testing.builders import NOW, a_policy, a_pool, applied

POOLS = (
    a_pool("burst-0", 4, 2),
    a_pool("burst-1", 3, 6, paid=True, shares_files=False, cwd_prefixes=("/home",)),
)
NAMES = ("flux-sample-0", "flux-sample-1", *POOLS[0].hosts, *POOLS[1].hosts)
MARK = "burstd: tester: "

times = st.floats(NOW - 2000, NOW)
requests = st.builds(
    Request,
    hosts=st.integers(0, 5),
    slots=st.integers(1, 4),
    cores=st.integers(1, 3),
    gpus=st.integers(0, 1),
    exclusive=st.booleans(),
)
constraints = st.sampled_from([ANYWHERE, parse({"properties": ["burst"]}), parse({"ranks": ["3-5"]})])
wishes = st.sampled_from([None, Wish(), Wish("burst-1"), Wish("local"), Wish("nowhere"), Wish(nonsense="[]")])
failures = st.sampled_from([None, Failure("quota", 60.0), Failure("forbidden", None)])
reasons = st.sampled_from([None, None, None, MARK + "burst-0-g1: idle", "disk replaced"])


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Job, ...]:
    count = draw(st.integers(0, 6))
    return tuple(
        Job(
            id_,
            draw(st.sampled_from([JobState.SCHED, JobState.SCHED, JobState.RUN])),
            draw(requests),
            draw(times),
            urgency=draw(st.sampled_from([0, 16, 16])),
            priority=draw(st.integers(0, 3)),
            constraint=draw(constraints),
            queue=draw(st.sampled_from(["", "batch", "burst-0", "mixed"])),
            hold=draw(st.sampled_from([None, None, Hold("tester", 16), Hold("other", 16)])),
            stale_hold=draw(st.booleans()),
            wish=draw(wishes),
            cwd=draw(st.sampled_from(["", "/home/alice", "/home/bob", "/x"])),
        )
        for id_ in range(1, count + 1)
    )


@st.composite
def hosts(draw: st.DrawFn) -> tuple[Host, ...]:
    made = []
    for rank, name in enumerate(NAMES):
        busy = draw(st.booleans())
        made.append(
            Host(
                rank,
                name,
                Shape(2, properties=frozenset({"burst"}) if rank > 1 else frozenset()),
                online=draw(st.booleans()),
                drain_reason=draw(reasons),
                free_cores=draw(st.integers(0, 1)) if busy else 2,
                jobs=(100,) if busy else (),
                quiet_since=draw(times),
            )
        )
    return tuple(made)


def keeps(size: int) -> st.SearchStrategy[int | None]:
    return st.one_of(st.none(), st.integers(1, size - 1)) if size > 1 else st.none()


@st.composite
def bursts(draw: st.DrawFn) -> tuple[Burst, ...]:
    made = []
    for pool in POOLS:
        if not draw(st.booleans()):
            continue
        size = draw(st.integers(1, pool.size))
        phase = draw(st.sampled_from([phase for phase in Phase if phase is not Phase.GONE]))
        made.append(
            Burst(
                pool.name,
                draw(st.integers(1, 3)),
                phase,
                size,
                created=draw(times),
                since=draw(times),
                resized=draw(st.one_of(st.just(0.0), times)),
                keep=draw(keeps(size)) if phase is Phase.SERVING else None,
                why=draw(st.sampled_from([IDLE, "its lifetime is over"])),
                outcome=draw(
                    st.one_of(
                        st.none(),
                        st.builds(
                            Outcome,
                            st.sampled_from(
                                [Verb.PROVISION, Verb.LAUNCH, Verb.RESIZE, Verb.REMOVE, Verb.DRAIN]
                            ),
                            times,
                            st.one_of(st.none(), st.just(Failure("quota", 60.0))),
                        ),
                    )
                ),
                failure=draw(failures) if phase in (Phase.DRAINING, Phase.RELEASING) else None,
                absences=draw(st.integers(0, 3)),
            )
        )
    return tuple(made)


@st.composite
def queues(draw: st.DrawFn) -> tuple[Queue, ...]:
    if draw(st.booleans()):
        return ()
    requires = {"batch": frozenset({"local"}), "burst-0": frozenset({"burst"}), "mixed": frozenset()}
    return tuple(
        Queue(name, draw(st.booleans()), draw(st.sampled_from(["", NO_HOST, "maintenance"])), properties)
        for name, properties in requires.items()
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Snapshot, Policy]:
    alive = draw(bursts())
    snapshot = Snapshot(
        hosts=draw(hosts()),
        jobs=draw(jobs()),
        bursts=alive,
        generations=tuple((pool.name, 3) for pool in POOLS),
        in_flight=frozenset(burst.name for burst in alive if draw(st.booleans())),
        started=draw(times),
        queues=draw(queues()),
        scheduling=draw(st.sampled_from(list(Scheduling))),
        opened=draw(st.sampled_from([frozenset(), frozenset({"batch"})])),
        nudged=draw(st.sampled_from([(), ((1, NOW - 5),), ((1, NOW - 60),)])),
    )
    placement = draw(st.sampled_from(list(Placement)))
    policy = a_policy(*POOLS, placement=placement, max_bursts=1, max_hosts=draw(st.integers(0, 3)))
    return snapshot, policy


@given(worlds(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_its_input(world, random):
    """Shuffled hosts, jobs and bursts give the same plan."""
    snapshot, policy = world
    shuffled = replace(
        snapshot,
        hosts=tuple(random.sample(snapshot.hosts, len(snapshot.hosts))),
        jobs=tuple(random.sample(snapshot.jobs, len(snapshot.jobs))),
        bursts=tuple(random.sample(snapshot.bursts, len(snapshot.bursts))),
    )

    assert plan(shuffled, policy, NOW) == plan(snapshot, policy, NOW)


@given(worlds())
def test_the_plan_of_an_applied_plan_is_empty(world):
    """What was just asked for is not asked for again."""
    snapshot, policy = world
    after = applied(snapshot, plan(snapshot, policy, NOW), NOW)

    again = plan(after, policy, NOW)
    assert again.bursts == ()
    assert again.actions == ()


@given(worlds())
def test_no_burst_is_larger_than_its_pool(world):
    """Sizes stay within 0 and the pool's declared hosts."""
    snapshot, policy = world

    for burst in plan(snapshot, policy, NOW).bursts:
        assert 0 < burst.size <= policy.pool(burst.pool).size


@given(worlds())
def test_a_host_with_a_job_is_not_drained_by_idleness(world):
    """A drain names a host with a job only where a whole burst has to end."""
    snapshot, policy = world
    busy = {host.rank for host in snapshot.hosts if host.jobs}
    result = plan(snapshot, policy, NOW)
    after = {burst.name: burst for burst in (*snapshot.bursts, *result.bursts)}
    before = {burst.name: burst for burst in snapshot.bursts}

    for action in result.actions:
        if action.verb is Verb.DRAIN and busy & set(action.ranks):
            burst = after[action.key]
            known = before.get(burst.name)
            as_before = known is not None and (known.phase, known.keep) == (burst.phase, burst.keep)
            newly_idle = burst.why == IDLE and not as_before
            assert not newly_idle


@given(worlds())
def test_every_waiting_job_has_exactly_one_reason(world):
    """The jobs with a reason are the waiting ones, each once, in the order they are served."""
    snapshot, policy = world

    reasons = [job for job, _ in plan(snapshot, policy, NOW).reasons]
    assert reasons == [job.id for job in waiting(snapshot.jobs)]


@given(worlds())
def test_a_pool_has_at_most_one_living_burst(world):
    """No plan starts a burst in a pool that has one which is not gone."""
    snapshot, policy = world
    after = applied(snapshot, plan(snapshot, policy, NOW), NOW)

    pools = [burst.pool for burst in after.bursts]
    assert len(pools) == len(set(pools))


@given(worlds())
def test_the_caps_over_paid_bursts_hold(world):
    """A plan never makes the paid hosts exceed max_hosts; a burst that is over it already does not grow."""
    snapshot, policy = world
    before = sum(burst.size for burst in snapshot.bursts if burst.pool == "burst-1")
    after = applied(snapshot, plan(snapshot, policy, NOW), NOW)
    paid = sum(burst.size for burst in after.bursts if burst.pool == "burst-1")

    if policy.max_hosts:
        assert paid <= max(policy.max_hosts, before)


@given(worlds())
def test_a_foreign_drain_is_never_undone(world):
    """Undrains name only ranks with burstd's own mark."""
    snapshot, policy = world
    ours = {host.rank for host in snapshot.hosts if (host.drain_reason or "").startswith(MARK)}

    for action in plan(snapshot, policy, NOW).actions:
        if action.verb is Verb.UNDRAIN:
            assert set(action.ranks) <= ours


@given(worlds())
def test_an_effect_in_flight_is_left_alone(world):
    """No action is started on a key that has one in flight."""
    snapshot, policy = world

    assert not snapshot.in_flight & {action.key for action in plan(snapshot, policy, NOW).actions}


@given(worlds())
def test_removal_comes_only_after_draining_or_for_a_recorded_reason(world):
    """A site with a job on an online host is removed only with a reason in its record."""
    snapshot, policy = world
    result = plan(snapshot, policy, NOW)

    after = {burst.name: burst for burst in (*snapshot.bursts, *result.bursts)}
    for action in result.actions:
        if action.verb is Verb.REMOVE:
            assert after[action.key].why


@given(worlds())
def test_each_key_gets_one_effect_at_a_time(world):
    """Whatever is to be done to a job, a queue or a burst, a plan starts one thing with it."""
    snapshot, policy = world
    keys = [action.key for action in plan(snapshot, policy, NOW).actions]

    assert len(keys) == len(set(keys))


@given(worlds())
def test_queues_with_somebody_elses_reason_are_never_opened(world):
    """Only a queue stopped with burstd's reason or none is started."""
    snapshot, policy = world
    foreign = {queue.name for queue in snapshot.queues if queue.stop_reason not in ("", NO_HOST)}

    for action in plan(snapshot, policy, NOW).actions:
        if action.verb in (Verb.OPEN, Verb.PULSE):
            assert action.queue not in foreign


@given(worlds())
def test_a_job_that_somebody_else_holds_is_left_alone(world):
    """No plan touches the urgency or the queue of a job held by others."""
    snapshot, policy = world
    others = {
        job.id
        for job in snapshot.jobs
        if job.urgency == 0 and (job.hold is None or job.hold.owner != "tester") and not job.stale_hold
    }

    for action in plan(snapshot, policy, NOW).actions:
        if action.verb in (Verb.HOLD, Verb.UNHOLD, Verb.MOVE, Verb.NUDGE):
            assert action.job not in others
