"""Which number the next burst of a pool gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.generations import BEGIN, STEP_SECONDS, next_generation
from burstd.testing.builders import a_pool

FREE = a_pool()
PAID = a_pool(paid=True)
DAY = 86_400


@pytest.mark.parametrize("highest", [0, 6])
def test_a_free_pool_counts_on(highest: int) -> None:
    """A pool that costs nothing counts from 1, whatever the time is."""
    assert next_generation(FREE, highest, BEGIN + DAY) == highest + 1


def test_a_paid_pool_begins_at_the_clocks_number() -> None:
    """The first burst that is known of a paid pool gets a number that tells the time."""
    assert next_generation(PAID, 0, BEGIN + DAY) == DAY // STEP_SECONDS + 1


def test_a_clock_that_was_put_back_does_not_matter() -> None:
    """Numbers that are known are never used again, whatever the clock says."""
    assert next_generation(PAID, 9_999_999, BEGIN + DAY) == 10_000_000
    assert next_generation(PAID, 0, 0.0) == 1


@given(
    waits=st.lists(st.floats(STEP_SECONDS, 30 * DAY), max_size=20),
    lost=st.integers(0, 20),
)
def test_a_lost_ledger_brings_no_number_back(waits: list[float], lost: int) -> None:
    """Each burst has a higher number than all before it, also when what was known is lost on the way."""
    now, highest, used = float(BEGIN + DAY), 0, [0]
    for count, wait in enumerate(waits):
        now += wait
        highest = next_generation(PAID, 0 if count == lost else highest, now)
        assert highest > max(used)
        used.append(highest)
