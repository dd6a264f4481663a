"""What every machine costs: the time from when it is made until it is gone, booting included."""

from __future__ import annotations

import threading
import time


class Bill:
    """Counts machines. Used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        self._spent = 0.0

    def begin(self, machine: str) -> None:
        with self._lock:
            self._began[machine] = time.monotonic()

    def end(self, machine: str) -> None:
        with self._lock:
            began = self._began.pop(machine, None)
            self._spent += 0.0 if began is None else time.monotonic() - began

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that cost money now."""
        with self._lock:
            return tuple(sorted(self._began))

    @property
    def machine_seconds(self) -> float:
        with self._lock:
            now = time.monotonic()
            return self._spent + sum(now - began for began in self._began.values())
