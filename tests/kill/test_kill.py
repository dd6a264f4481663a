"""burstd killed with SIGKILL at random moments; `make kill-test` does the same a hundred times."""

from __future__ import annotations

import random

import pytest

from kill.trial import Course, run

KILLS = 5

pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]


@pytest.mark.parametrize("flux", ["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
@pytest.mark.parametrize("queues", [False, True], ids=["no-queues", "queues"])
def test_whenever_burstd_dies_nothing_is_left_lost_held_or_run_twice(flux, queues):
    """Killed at random moments and started again, burstd leaves nothing, and every job ran once."""
    seed = random.randrange(1_000_000)
    print(f"python -m kill --kills {KILLS} --seed {seed} plays the same course")

    result = run(Course(KILLS, seed, flux, queues=queues), print)

    assert result.violations == [], f"seed {seed}"
    assert result.moments.total() == KILLS
