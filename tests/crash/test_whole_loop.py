"""The whole loop as Hypothesis drives it: whatever happens in whichever order, the invariants hold."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from burstd.core.errors import NotNow
from crash import invariants
from crash.disk import DISK
from crash.fate import Case
from crash.faults import ANYTHING
from crash.run import Run
from crash.scripts import LOOP

RUNS, STEPS = 120, 50

SECONDS = st.sampled_from([0.5, 3.0, 12.0, 45.0, 150.0, 700.0])


class Loop(RuleBasedStateMachine):
    """One world, and a burstd that dies in it at any boundary."""

    def __init__(self) -> None:
        super().__init__()
        random.seed(0)
        DISK.install()
        self.run = Run(Case(LOOP.name, "memory"), LOOP)
        self.run.fault = ANYTHING
        self.run.enter()
        self.submitted = 0

    @rule(hosts=st.integers(1, 4), seconds=st.sampled_from([5.0, 40.0, 300.0]))
    def submit(self, hosts: int, seconds: float) -> None:
        self.submitted += 1
        self.run.lead.submit(f"job {self.submitted}", hosts, seconds, pool="burst-0")

    @precondition(lambda self: self.run.lead.works)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.run.lead.cancel(data.draw(st.sampled_from(sorted(self.run.lead.works))))

    @rule(seconds=SECONDS)
    def go_on(self, seconds: float) -> None:
        self.run.go_on(seconds)

    @rule(boundary=st.integers(1, 40), seconds=SECONDS)
    def die_within(self, boundary: int, seconds: float) -> None:
        """Die at a boundary that comes by in that time, if one does."""
        self.run.fate.countdown = boundary
        self.run.go_on(seconds)
        self.run.fate.countdown = 0

    @rule(lost=st.booleans())
    def be_killed(self, lost: bool) -> None:
        self.run.revive({} if lost else DISK.durable(self.run.path))

    @rule(seconds=st.sampled_from([10.0, 60.0]), kind=st.sampled_from(["partial", "stale", "away"]))
    def list_badly(self, seconds: float, kind: str) -> None:
        cloud, until = self.run.cloud, self.run.clock() + seconds
        if kind == "stale":
            cloud.make_stale(seconds)
        elif kind == "partial":
            cloud.partial_until = until
        else:
            cloud.away, cloud.away_until = lambda: NotNow("away on demand"), until

    @precondition(lambda self: self.run.cloud.ours())
    @rule(data=st.data(), how=st.sampled_from(["deleted", "reclaimed"]))
    def take_from_us(self, data: st.DataObject, how: str) -> None:
        plot = data.draw(st.sampled_from(self.run.cloud.ours()))
        if how == "deleted":
            self.run.delete_behind(plot)
        else:
            self.run.by_world = True
            self.run.reclaim(plot.name)
            self.run.by_world = False

    @rule(error=st.sampled_from(["lost", "applied", "strange", "room"]), count=st.integers(1, 4))
    def fail_next(self, error: str, count: int) -> None:
        """Have the next calls on sites fail, with or without effect."""
        self.run.fail_next(error, count)

    @rule()
    def restart_lead(self) -> None:
        self.run.lead.restart()

    @rule(seconds=st.sampled_from([5.0, 70.0]))
    def lead_away(self, seconds: float) -> None:
        self.run.lead.unreachable = True
        self.run.later(seconds, self.run.lead_back)

    @rule(seconds=st.sampled_from([-3600.0, -5.0, 3600.0]))
    def jump(self, seconds: float) -> None:
        """Set burstd's clock, not the world's time."""
        self.run.clock.offset += seconds

    @invariant()
    def nothing_is_violated(self) -> None:
        assert not self.run.violations, self.run.violations

    def teardown(self) -> None:
        """Let everything come to its end: what is wanted runs, and then nothing is left."""
        try:
            self.run.calm()
            invariants.at_the_end(self.run)
            assert not self.run.violations, self.run.violations
        finally:
            self.run.leave()


@pytest.mark.timeout(600)
def test_the_loop_keeps_its_promises_whatever_happens() -> None:
    """120 runs of 50 steps, drawn anew each time; a failure tells the steps and how to run them again."""
    found = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Loop, settings=found)
