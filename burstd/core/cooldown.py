"""How long a pool rests after its burst failed. Pure."""

from __future__ import annotations

from burstd.core.model import Burst, Cooldown

LONGEST_COOLDOWN_SECONDS = 1800.0
"""A pool that fails again and again is tried at least this often."""

CLOSED_SECONDS = 3600.0
"""How long a pool is closed whose bursts never join, unless a person opens it again."""

CLOSE_AFTER = 3
"""So many bursts in a row that never joined close a pool, where the configuration does not say."""


def cooled(
    burst: Burst, before: Cooldown | None, now: float, close_after: int = CLOSE_AFTER
) -> Cooldown | None:
    """Return the pause of the pool after its burst was gone at `now`; each in a row is twice as long.

    After `close_after` in a row that never joined the lead the pool is closed for long. A provider that had
    no room is no failure of the pool: what it lacked rests, and nothing is counted.
    """
    failure = burst.failure
    if failure is None:
        return None
    failures, unjoined = (before.failures, before.unjoined) if before else (0, 0)
    if failure.offer and failure.retry_after is not None:
        until = now + failure.retry_after
        return Cooldown(burst.pool, failure.text, until, failures, unjoined, offer=failure.offer)
    failures, unjoined = failures + 1, 0 if burst.served else unjoined + 1
    if failure.retry_after is None:
        return Cooldown(burst.pool, failure.text, None, failures, unjoined)
    closed = unjoined >= close_after
    pause = min(failure.retry_after * 2 ** (max(failures, 1) - 1), LONGEST_COOLDOWN_SECONDS)
    until = now + (CLOSED_SECONDS if closed else pause)
    return Cooldown(burst.pool, failure.text, until, failures, unjoined, closed)
