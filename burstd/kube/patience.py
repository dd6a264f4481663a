"""Waiting for what has no event of its own: looked at again with growing pauses."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

LONGEST_PAUSE_SECONDS = 3.0


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds, at most so long; return whether it does."""
    looking = Retrying(
        retry=retry_if_result(lambda holds: not holds),
        wait=wait_exponential(multiplier=0.05, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
    )
    try:
        return bool(looking(condition))
    except RetryError:
        return False
