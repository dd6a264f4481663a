"""Recovering twice is recovering once: a start of burstd that dies at once leaves nothing of its own."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from crash.cases import in_process
from crash.disk import DISK
from crash.fate import Case
from crash.points import Death
from crash.run import RESTART_SECONDS, Run

EVERY = 40
"""Of the cases with one death in memory: each so many-th is recovered from in both ways."""

PARTS = 6


def chosen(part: int) -> list[Case]:
    """Return this part of the cases."""
    return in_process()["T1 one crash"][::EVERY][part::PARTS]


def recovered(case: Case, times: int) -> tuple[Any, ...]:
    """Let burstd die as the case says and start so often; return what it then holds, and what is there."""
    random.seed(str(case))
    run = Run(case)
    try:
        image = _until_death(run)
        if image is None:
            return ()
        for number in range(2):  # the same time passes, with one start or with two
            if number < 2 - times:
                run.pass_time(RESTART_SECONDS)
            else:
                run.revive(image if number == 2 - times else DISK.durable(run.path))
        run.go_on(0.5)
        return (_records(run), sorted(plot.name for plot in run.cloud.ours()), tuple(run.violations))
    finally:
        run.leave()


def _until_death(run: Run) -> Any:
    """Return the disk that the death leaves; None where burstd died in its very first start."""
    run.enter()
    while not run.fate.deaths:
        try:
            run.step()
        except Death as death:
            return death.image
    return None


def _records(run: Run) -> tuple[Any, ...]:
    """Return the bursts as recorded, without what only tells of moments."""
    blank = {
        "since": 0.0,
        "resized": 0.0,
        "created": 0.0,
        "outcome": None,
        "absences": 0,
        "spans": (),
        "site": None,
    }
    return tuple(replace(burst, **blank) for burst in run.life.real.bursts())


@pytest.mark.parametrize("part", range(PARTS))
def test_a_start_that_dies_at_once_changes_nothing(part: int) -> None:
    """After the same death and the same time, one start and two in a row find and hold the same."""
    different = [case for case in chosen(part) if recovered(case, 1) != recovered(case, 2)]
    assert not different, "\n".join(map(str, different))
