"""Virtual time: nothing waits, time is what the driver says it is."""

from __future__ import annotations

BEGIN = 1_800_000_000.0
"""When every run begins, in seconds since the epoch: in January 2027."""


class Clock:
    """Tells the time of one world, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.offset = 0.0
        """How far the clock of the lead's machine is ahead, in seconds: somebody may set it."""

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        """Return what the clock of the lead's machine shows."""
        return self.now + self.offset
