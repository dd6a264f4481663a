"""Who does the work that waits for the world, so that the main loop never does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

Workers = Callable[[int, str], Executor]
"""Makes so many workers at most, called so."""


def threads(count: int, name: str) -> Executor:
    """Return a pool of threads."""
    return ThreadPoolExecutor(count, thread_name_prefix=name)
