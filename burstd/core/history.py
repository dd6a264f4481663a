"""How the reason of a waiting job changed, and what became of the job. Pure, and bounded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from burstd.core.reasons import Reason

MOST_CHANGES = 16
"""So many changes of one job are kept, the latest ones."""

MOST_JOBS = 200_000
"""Of so many waiting jobs at once it is kept how their reasons changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """From when on a job had a reason, in epoch seconds."""

    at: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class History:
    """The reasons of one job, oldest first; `dropped` older ones are forgotten."""

    changes: tuple[Change, ...] = ()
    dropped: int = 0

    def then(self, reason: Reason, at: float) -> History:
        """Return the history with this reason from now on; the same one if nothing changed."""
        if self.changes and self.changes[-1].reason == reason:
            return self
        kept = self.changes[-(MOST_CHANGES - 1) :]
        dropped = self.dropped + len(self.changes) - len(kept)
        return History((*kept, Change(at, reason)), dropped)


NOTHING = History()


@dataclass(frozen=True, slots=True)
class Left:
    """A job that waits no more: until when it did, whose it is, the hostlist of where it began, if it did."""

    history: History
    userid: int
    at: float
    hosts: str = ""


def followed(
    before: Mapping[int, History], reasons: Collection[tuple[int, Reason]], at: float
) -> dict[int, History]:
    """Return the histories of the jobs that wait now. Jobs alike share theirs: only what changes costs.

    Reasons that many jobs have are told apart by identity first, since that is cheap.
    """
    made: dict[tuple[int, int], History] = {}
    after: dict[int, History] = {}
    for job, reason in _bounded(before, reasons):
        known = before.get(job, NOTHING)
        key = id(known), id(reason)
        history = made.get(key)
        if history is None:
            history = made[key] = known.then(reason, at)
        after[job] = history
    return after


def _bounded(
    before: Mapping[int, History], reasons: Collection[tuple[int, Reason]]
) -> Iterable[tuple[int, Reason]]:
    if len(reasons) <= MOST_JOBS:
        return reasons
    known = [one for one in reasons if one[0] in before]
    new = (one for one in reasons if one[0] not in before)
    return [*known, *(one for one, _ in zip(new, range(MOST_JOBS - len(known)), strict=False))]
