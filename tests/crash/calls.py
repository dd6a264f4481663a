"""The calls of a run: each with its crash points, its fault if it has one, and those who look on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from burstd.core.errors import BurstdError
from burstd.core.model import Action, Burst, Phase, Verb
from burstd.plugins.contract import Listing
from crash import invariants
from crash.disk import DISK
from crash.fate import Case, Fate
from crash.faults import BY_NAME, DRAWN, Fault
from crash.ledgers import FragileLedger
from crash.place import Place
from crash.points import Occurrence, Point
from crash.scripts import Script
from crash.world import World

SLOW = {Verb.PROVISION: 25.0, Verb.LAUNCH: 3.0, Verb.RESIZE: 0.5, Verb.REMOVE: 8.0}
"""Seconds until a call is applied; every other is at once."""


class Calls(World):
    """A world, and what becomes of the calls that change it."""

    def __init__(self, case: Case, script: Script) -> None:
        super().__init__(script)
        self.case = case
        self.fault: Fault | None = BY_NAME.get(case.fault)
        self.fate = Fate(case)
        self.absences: dict[tuple[str, int], int] = {}
        """How many complete listings in a row did not show a burst's site, since it was last changed."""
        self.interfered = False
        """Whether somebody or something else changed what burstd pays for."""
        self.fenced = False
        """Whether what runs now is a burstd whose turn another has taken."""
        self.belated = False
        """Whether a call is applied whose caller waits for it no more."""
        self.struck = 0
        self._sent_at: dict[str, float] = {}
        self._failing: list[str] = []
        self._directory = Path(tempfile.mkdtemp(prefix="m-"))
        self.path = self._directory / "ledger.db"
        self.place: Place | None = None

    def _perform(self, ledger: FragileLedger, action: Action, call: Callable[[], None]) -> None:
        """Make a call as a daemon does, with the crash points and faults that are meant for it."""
        one = ledger.under_way.get(action.key)
        if one is None:  # nothing was ever meant on this key: whoever is called will say so
            call()
            return
        self.cloud.asked_at = self._sent_at.get(action.key, self.clock.now)
        self._meet(one, Point.UNAPPLIED)
        if self.fate.meets(one, Point.LATE):
            self.interfered = True
            self.later(30.0, lambda: self._apply_late(call))
            self.fate.die(DISK.durable(self.path))
        if self.place is not None:
            self.place.begin(one)
        half = iter((lambda: self._meet(one, Point.HALF),))
        self.cloud.step = self.lead.step = lambda: next(half, lambda: None)()
        try:
            self._apply(one, action, call)
        except Exception:
            self._look_at_place()
            self._answer(one)
            raise
        finally:
            self.cloud.step = self.lead.step = lambda: None
        self._look_at_place()
        self._answer(one)

    def _look_at_place(self) -> None:
        """See what a call has changed, and whether burstd died within it."""
        if self.place is None:
            return
        self.place.mirror()
        if self.place.is_deaf:
            self.fate.die({} if self.place.loses_ledger else DISK.durable(self.path))

    def _answer(self, one: Occurrence) -> None:
        """Come by where the answer, or the error, may be lost."""
        self._meet(one, Point.UNANSWERED)
        if self.fate.meets(one, Point.LEDGER_LOST):
            self.fate.die({})

    def _apply(self, one: Occurrence, action: Action, call: Callable[[], None]) -> None:
        key = (action.pool, action.generation)
        if action.verb in SLOW:
            self.absences[key] = 0
        if self.fault and one == self.case.struck and self.struck < self.fault.times:
            self.struck += 1
            self.fault.strike(self, action, lambda: self._apply_late(call) if self.by_world else call())
            return
        if self._failing and action.verb in SLOW:
            DRAWN[self._failing.pop()](self, action, call)
            return
        call()

    def _apply_late(self, call: Callable[[], None]) -> None:
        """Apply a call whose caller is dead, or waits no more; nobody hears how it ended."""
        belated, self.belated, by_world, self.by_world = self.belated, True, self.by_world, False
        try:
            with suppress(BurstdError):
                call()
        finally:
            self.belated, self.by_world = belated, by_world

    def _meet(self, one: Occurrence, point: Point) -> None:
        self.fate.at(one, (point,), lambda _: DISK.durable(self.path))

    def see_call(self, verbs: tuple[Verb, ...], **named: Any) -> None:
        if self.fenced:
            invariants.fenced_does_nothing(self, verbs, named)
        invariants.meant_before_done(self, verbs, named)

    def _see_write(self, method: str, args: tuple[Any, ...]) -> None:
        if method != "record":
            return
        for burst in args[0]:
            if isinstance(burst, Burst) and burst.phase is Phase.GONE:
                invariants.gone_when_not_seen_twice(self, burst)

    def _see_listing(self, pool: str, listing: Listing) -> None:
        shown = {(site.pool, site.generation) for site in listing.sites if site.kept_until is None}
        for key in [key for key in self.absences if key[0] == pool]:
            if key in shown:
                self.absences[key] = 0
            elif listing.complete:
                self.absences[key] += 1

    def _leave(self, host: str) -> None:
        if not self.by_world:
            invariants.drained_before_removed(self, host)
        self.lead.leave(host)
