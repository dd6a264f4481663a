"""Who is told what happened, and cannot change it: what counts, what notifies, what answers questions."""

from __future__ import annotations

from dataclasses import dataclass

from burstd.core.model import Burst, Plan, Policy, Snapshot
from burstd.engine.effects import Ended
from burstd.engine.observer import Seen


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick that saw the lead whole: what was seen, what was decided, and how long it took."""

    snapshot: Snapshot
    plan: Plan
    policy: Policy
    at: float
    """When it began, in epoch seconds."""
    seconds: float
    """From there until its effects were started."""


class Witness:
    """Hears what happens, in the main loop: it returns at once, and does what takes time elsewhere."""

    def recorded(self, before: Burst | None, burst: Burst, now: float) -> None:
        """A burst's record changed; None: there was none before."""

    def ended(self, one: Ended) -> None:
        """An effect ended."""

    def ticked(self, tick: Tick) -> None:
        """A tick is over."""

    def met(self, lead_answers: bool) -> None:
        """The lead answers again, or does not any more."""

    def listed(self, seen: Seen) -> None:
        """A listing of what a pool's provider has came in, or failed."""

    def turned(self, known: Snapshot) -> None:
        """A turn of the loop is over, with the lead or without; `known` is what is known without it."""


class Audience(Witness):
    """All who are told, in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[Witness] = []

    def join(self, witness: Witness) -> None:
        """Tell this one, too, from now on."""
        self._all.append(witness)

    def recorded(self, before: Burst | None, burst: Burst, now: float) -> None:
        for one in self._all:
            one.recorded(before, burst, now)

    def ended(self, one: Ended) -> None:
        for witness in self._all:
            witness.ended(one)

    def ticked(self, tick: Tick) -> None:
        for one in self._all:
            one.ticked(tick)

    def met(self, lead_answers: bool) -> None:
        for one in self._all:
            one.met(lead_answers)

    def listed(self, seen: Seen) -> None:
        for one in self._all:
            one.listed(seen)

    def turned(self, known: Snapshot) -> None:
        for one in self._all:
            one.turned(known)
