"""Who does the work that waits for the world, so that the main loop never does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

Workers = Callable[[int, str], Executor]
"""Makes so many workers at most, called so."""

_SIGNAL_SECONDS = 0.2
"""How late a signal may be heard while the end of the work is waited for."""


def threads(count: int, name: str) -> Executor:
    """Return a pool of threads."""
    return _Threads(count, thread_name_prefix=name)


class _Threads(ThreadPoolExecutor):
    """Hears signals while it is waited for.

    Python would not wake for a signal that comes just before it begins to wait for a thread without a limit.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        end = super().shutdown
        end(wait=False, cancel_futures=cancel_futures)
        if wait:
            waiting = threading.Thread(target=end, name="end of work", daemon=True)
            waiting.start()
            while waiting.is_alive():
                waiting.join(_SIGNAL_SECONDS)
