"""Waiting for what has no event of its own: looked at again with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

LONGEST_PAUSE_SECONDS = 3.0

HEED_SECONDS = 0.25
"""How often it is looked at, during a pause, whether anybody still waits."""

Heed = Callable[[], None]
"""Raises where nobody waits any more."""


def always() -> None:
    """Heed nothing: somebody always waits."""


def until(condition: Callable[[], bool], seconds: float, heed: Heed = always) -> bool:
    """Wait until the condition holds, at most so long; return whether it does. Raises what `heed` raises."""
    looking = Retrying(
        retry=retry_if_result(lambda holds: not holds),
        wait=wait_exponential(multiplier=0.05, max=LONGEST_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
        sleep=lambda pause: sleep(pause, heed),
    )
    try:
        return bool(looking(condition))
    except RetryError:
        return False


def sleep(seconds: float, heed: Heed, rest: Callable[[float], object] = time.sleep) -> None:
    """Sleep so long in pieces, by `rest`, between which `heed` is called; less if `rest` returns True."""
    end = time.monotonic() + seconds
    heed()
    while (left := end - time.monotonic()) > 0 and not rest(min(left, HEED_SECONDS)):
        heed()
