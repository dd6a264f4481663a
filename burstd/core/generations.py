"""The numbers of bursts: which one the next burst of a pool gets."""

from __future__ import annotations

from burstd.core.model import Pool

BEGIN = 1_767_225_600
"""2026-01-01 00:00 UTC, in seconds since the Unix epoch: the clock's number of a paid pool was 0 then."""

STEP_SECONDS = 10
"""The clock's number grows by one in this time; on the average a paid pool has fewer new bursts than that."""


def born_by(generation: int) -> float:
    """Return a moment by which a burst of a paid pool was begun, in seconds since the epoch."""
    return float(BEGIN + generation * STEP_SECONDS)


def next_generation(pool: Pool, highest: int, now: float) -> int:
    """Return the number above `highest`, the highest one known, and for a paid pool above the clock's too.

    `now` is in seconds since the Unix epoch. A ledger may be lost, and what was remembered with it; the
    clock is not, so no name that a bill or a cloud may still know is used again (docs/decisions/0003).
    """
    by_clock = int(now - BEGIN) // STEP_SECONDS if pool.paid else 0
    return 1 + max(highest, by_clock)
