"""Removes what a burstd that is gone left behind, on request.

It passes the gate like every effect, with a ledger of its own: the daemon's may be lost, on another machine,
or in use (docs/decisions/0023-gc-has-a-ledger-of-its-own.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

from burstd.config import Config
from burstd.core.errors import EffectError, NotNow
from burstd.core.model import Action, Failure, Site, Verb
from burstd.engine.effects import Gate
from burstd.engine.ledger import Ledger
from burstd.engine.orphans import Seen, Survey, judged
from burstd.engine.statedir import state_dir
from burstd.plugins.contract import Keeps

LEDGER = "gc.db"
"""The ledger of what was removed so, beside the daemon's own."""

VERIFY_SECONDS = 900.0
"""How long a site that was removed may still be listed before it counts as left."""

ABSENCES = 2
"""So many complete listings must not show a site before it is gone."""


class Collector:
    """Removes orphans, each with an intent on disk before, and sees that they are gone."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], float] = time.time,
        verify_seconds: float = VERIFY_SECONDS,
    ) -> None:
        """Open the ledger. Raises LedgerError where it cannot be written: then nothing may be removed."""
        self._clock = clock
        self._verify_seconds = verify_seconds
        self._woken = threading.Event()
        self._orphans: dict[str, Seen] = {}
        self._ledger = Ledger(state_dir(config) / LEDGER)
        self._gate = Gate(self._ledger, self._perform, clock, self._woken.set)

    def close(self) -> None:
        self._gate.close()
        self._ledger.close()

    def remove(self, orphan: Seen) -> str:
        """Remove what still is an orphan, and see that it is gone; return why it is left, "" if it is not."""
        try:
            now_seen = _again(orphan)
            if now_seen is not None and not now_seen.sign.is_over(self._clock()):
                return "its owner has just given a sign of life"
            failure = self._removed(now_seen) if now_seen is not None else None
            return failure.text if failure is not None else self._verified(orphan)
        except EffectError as exc:
            return str(exc)

    def _removed(self, orphan: Seen) -> Failure | None:
        self._orphans[orphan.key] = orphan
        self._woken.clear()
        action = Action(Verb.REMOVE, orphan.key, orphan.site.pool, orphan.site.generation)
        self._gate.start(action, None)
        while not (ended := self._gate.collect()):
            self._woken.wait()
        self._gate.conclude(ended[0], None)
        return ended[0].outcome.failure

    def _perform(self, action: Action, _cancelled: Callable[[], bool]) -> None:
        orphan = self._orphans[action.key]
        provider = orphan.view.provider
        if isinstance(provider, Keeps):
            provider.discard(orphan.site)
        else:
            provider.remove(orphan.site)

    def _verified(self, orphan: Seen) -> str:
        """Wait until complete listings do not show the site; return why it counts as left, or ""."""
        provider, absences = orphan.view.provider, 0
        deadline = time.monotonic() + self._verify_seconds
        while time.monotonic() < deadline:
            listing = provider.observe()
            there = any(_is_same(one, orphan.site) for one in listing.sites)
            absences = absences + 1 if listing.complete and not there else 0
            if absences == ABSENCES:
                return ""
            time.sleep(provider.listing_seconds)
        return f"it was removed, and complete lists do not show it gone after {self._verify_seconds:g} s"


def collect(config: Config, found: Survey, say: Callable[[str], None]) -> bool:
    """Remove the orphans, with a sentence of each; return whether all are gone. Raises LedgerError."""
    if not found.orphans:
        return True
    with closing(Collector(config)) as collector:
        left = [one for one in found.orphans if not _told(one, collector.remove(one), say)]
    return not left


def _told(orphan: Seen, left: str, say: Callable[[str], None]) -> bool:
    name = f"{orphan.site.name} (pool {orphan.site.pool}, owner {orphan.view.owner})"
    say(f"{name} is left: {left}" if left else f"{name} is removed, and verified gone.")
    return not left


def _again(orphan: Seen) -> Seen | None:
    """Look once more just before the end; None: it is gone by itself. Raises NotNow, Never."""
    listing = orphan.view.provider.observe()
    site = next((one for one in listing.sites if _is_same(one, orphan.site)), None)
    if site is None and not listing.complete:
        raise NotNow("it cannot be seen now")
    return judged(orphan.view, site) if site is not None else None


def _is_same(site: Site, other: Site) -> bool:
    return (site.name, site.pool, site.generation) == (other.name, other.pool, other.generation)
