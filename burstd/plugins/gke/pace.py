"""How often what is being made is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from burstd.kube.patience import Heed, always, sleep


@dataclass(frozen=True, slots=True)
class Pace:
    """`probe_seconds` lies between two looks at a cluster itself; between looks at GKE the pause grows."""

    probe_seconds: float = 0.5
    first_seconds: float = 1.0
    longest_seconds: float = 5.0

    def probes(self, seconds: float, heed: Heed = always) -> Iterator[bool]:
        """Yield at once, then at each probe until so long has passed: whether to look at GKE too.

        Raises what `heed` raises, which is called between.
        """
        began, due, pause = time.monotonic(), 0.0, self.first_seconds
        while True:
            passed = time.monotonic() - began
            look = passed >= due
            if look:
                due, pause = passed + pause, min(pause * 1.5, self.longest_seconds)
            yield look
            if passed + self.probe_seconds > seconds:
                return
            sleep(self.probe_seconds, heed)

    def looks(self, seconds: float, heed: Heed = always) -> Iterator[None]:
        """Yield at once, then whenever to look at GKE, until so long has passed. Heeds `heed`."""
        began, pause = time.monotonic(), self.first_seconds
        while time.monotonic() - began <= seconds:
            yield None
            sleep(pause, heed)
            pause = min(pause * 1.5, self.longest_seconds)


QUICK = Pace(0.02, 0.02, 0.1)
"""For a ClusterManager on this machine."""
