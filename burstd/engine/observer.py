"""Listings of what providers have: asked for in threads of their own, collected by the main loop."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from burstd.core.errors import BurstdError
from burstd.core.model import Burst, Phase, Verb
from burstd.engine.workers import Workers, threads
from burstd.plugins.contract import Listing, Provider

log = logging.getLogger(__name__)

LIVE_SECONDS = 10.0
"""Between two listings of a pool that has a burst: brokers that end by themselves are noticed."""

QUIET_SECONDS = 60.0
"""Between two listings of a pool that has none: what should not be there is found."""

FAILED_SECONDS = 5.0
"""Before a listing that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing of one pool's provider; `listing` is None when it failed, `error` says why."""

    pool: str
    begun: float
    listing: Listing | None
    error: str = ""


class Observer:
    """Asks each pool's provider what it has; used by the main loop alone."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        clock: Callable[[], float],
        wake: Callable[[], None],
        workers: Workers = threads,
    ) -> None:
        self._providers = providers
        self._clock = clock
        self._wake = wake
        self._workers = workers(max(len(providers), 1), "observe")
        self._seen: queue.SimpleQueue[Seen] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self._latest: dict[str, Seen] = {}
        self._seen_whole: set[str] = set()
        self._changed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stale: set[str] = set()

    def note_change(self, pool: str) -> None:
        """Say that a pool's listing would show something else now; may be called from any thread."""
        self._changed.put(pool)
        self._wake()

    def answered(self) -> bool:
        """Say whether every provider has answered, be it with an error: before that, nothing is decided."""
        return self._providers.keys() <= self._latest.keys()

    def unseen(self) -> frozenset[str]:
        """Return the pools whose sites were never seen whole: what there is of them nobody knows."""
        return frozenset(self._providers.keys() - self._seen_whole)

    def ask(self, bursts: Iterable[Burst], now: float) -> float | None:
        """Begin the listings that are due; return when the next will be."""
        bursts = tuple(bursts)
        self._take_changes()
        times = {pool: self._due_at(pool, self._shown_by(pool, bursts)) for pool in self._providers}
        for pool, time in times.items():
            if time <= now and pool not in self._asked:
                self._asked.add(pool)
                self._stale.discard(pool)
                self._workers.submit(self._look, pool)
        return min((time for pool, time in times.items() if pool not in self._asked), default=None)

    def hurry(self) -> None:
        """Look again as soon as asked: what was seen before may be old."""
        self._latest = {pool: replace(seen, begun=0.0) for pool, seen in self._latest.items()}

    def look_again(self, bursts: Iterable[Burst], now: float) -> float | None:
        """Look at every pool as soon as its provider may be listed; return when that is."""
        self._stale |= self._providers.keys()
        return self.ask(bursts, now)

    def collect(self) -> list[Seen]:
        """Return the listings that came in since the last call."""
        found = []
        while not self._seen.empty():
            seen = self._seen.get_nowait()
            self._asked.discard(seen.pool)
            self._latest[seen.pool] = seen
            if seen.listing is not None and seen.listing.complete:
                self._seen_whole.add(seen.pool)
            found.append(seen)
        return found

    def shows(self, pool: str) -> bool:
        """Say whether a site of a pool was there when last looked, one that is kept too."""
        listings = (seen.listing for seen in self._latest.values() if seen.listing is not None)
        return any(site.pool == pool for listing in listings for site in listing.sites)

    def keeper(self, site_name: str) -> str | None:
        """Return the pool whose provider showed a site last: only it can take the site away."""
        for pool, seen in self._latest.items():
            if seen.listing is not None and any(site.name == site_name for site in seen.listing.sites):
                return pool
        return None

    def close(self) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _shown_by(self, pool: str, bursts: Iterable[Burst]) -> list[Burst]:
        """Return the bursts that a pool's listing tells of: its own, and those whose pool is undeclared."""
        return [burst for burst in bursts if burst.pool == pool or burst.pool not in self._providers]

    def _take_changes(self) -> None:
        while not self._changed.empty():
            self._stale.add(self._changed.get_nowait())

    def _due_at(self, pool: str, bursts: Iterable[Burst]) -> float:
        seen = self._latest.get(pool)
        bursts = tuple(bursts)
        if seen is None:
            return 0.0
        if seen.listing is None:
            return seen.begun + FAILED_SECONDS
        if pool in self._stale or any(_outdated(seen, burst) for burst in bursts):
            return seen.begun + self._providers[pool].listing_seconds
        pauses = (self._pause(pool, burst) for burst in bursts)
        due = seen.begun + min(pauses, default=QUIET_SECONDS)
        kept = (site.kept_until for site in seen.listing.sites if site.kept_until is not None)
        return min((due, *(until for until in kept if until > seen.begun)))

    def _pause(self, pool: str, burst: Burst) -> float:
        removed = burst.outcome is not None and burst.outcome.verb is Verb.REMOVE
        verifying = burst.phase is Phase.RELEASING and removed
        return self._providers[pool].listing_seconds if verifying else LIVE_SECONDS

    def _look(self, pool: str) -> None:
        begun = self._clock()
        try:
            seen = Seen(pool, begun, self._providers[pool].observe())
        except BurstdError as exc:
            seen = Seen(pool, begun, None, str(exc))
        except Exception as exc:  # the edge of a worker: a listing may not take the daemon down
            log.exception("listing the sites of pool %s failed in a way nobody foresaw", pool)
            seen = Seen(pool, begun, None, f"unforeseen: {type(exc).__name__}: {exc}")
        self._seen.put(seen)
        self._wake()


def _outdated(seen: Seen, burst: Burst) -> bool:
    """Say whether brokers were started after the listing began: whether they run shows only the next."""
    outcome = burst.outcome
    return outcome is not None and outcome.verb is Verb.LAUNCH and seen.begun < outcome.at
