"""What a burst's reaper does: it looks at the lease, counts silence by its own clock, and ends the burst."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from burstd.core.errors import EffectError
from burstd.core.silence import LeaseTerms, Watched, left, seen, unseen
from burstd.kube import lease, removal
from burstd.kube.client import Cluster
from burstd.kube.kinds import LEASE
from burstd.kube.removal import Mine

log = logging.getLogger("burstd.reaper")

_LOOK_SECONDS = 30.0
_LOOKS = 20
"""In the time after which an idle burst ends it looks at least so often."""


class Reaper:
    """Watches the lease of one burst."""

    def __init__(
        self, cluster: Cluster, mine: Mine, terms: LeaseTerms, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is the reaper's own: times in the lease are another machine's and tell only of change."""
        self.look_seconds = min(_LOOK_SECONDS, terms.idle_seconds / _LOOKS)
        self._cluster = cluster
        self._mine = mine
        self._terms = terms
        self._clock = clock
        self._watched = Watched()
        self._told = ""

    def run(self, pause: Callable[[float], object]) -> None:
        """Look until the burst is ended, with `pause` between two looks. API errors are said and outlived."""
        name, terms = self._mine.namespace, self._terms
        text = "%s: watched; it ends after %g s without a renewal of its lease, with running jobs after %g s"
        log.info(text, name, terms.idle_seconds, terms.with_jobs_seconds)
        while not self.look():
            pause(self.look_seconds)

    def look(self) -> bool:
        """Look once, and end the burst if its time is over; say whether it was ended."""
        try:
            self._read()
            if left(self._watched, self._terms) > 0:
                return False
            self._end()
        except EffectError as exc:
            self._watched = unseen(self._watched)
            self._say(f"{self._mine.namespace}: {exc}; tried again")
            return False
        return True

    def _read(self) -> None:
        """A lease that is not there says nothing, which is silence."""
        found = self._cluster.get(LEASE, lease.NAME, self._mine.namespace)
        told = lease.read(found) if found is not None else None
        said = f"{told.renewed}/{told.busy}" if told else "nothing"
        busy = told.busy if told else self._watched.busy
        longest = 2 * self.look_seconds
        self._watched = seen(self._watched, said, busy=busy, now=self._clock(), longest_seconds=longest)

    def _end(self) -> None:
        name = self._mine.namespace
        self._say(f"{name}: nobody renewed its lease for {self._watched.silent_seconds:.0f} s; it is ended")
        removal.remove_brokers(self._cluster, self._mine)
        removal.remove_namespace(self._cluster, self._mine)
        self._say(f"{name}: its brokers are gone, and its namespace goes, with this reaper in it")

    def _say(self, text: str) -> None:
        if text != self._told:
            log.warning("%s", text)
        self._told = text
