"""How long a burst may live without a sign of its owner, and when that time is over.

A watcher stands beside the burst, looks at its lease again and again and counts by its own clock, so that no
two clocks are compared. Whoever looks once, from outside, has `burstd.core.lifesigns`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

IDLE_SECONDS = 900.0
WITH_JOBS_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """After how many seconds of silence a burst ends: while nobody's job runs there, and while one does."""

    idle_seconds: float = IDLE_SECONDS
    with_jobs_seconds: float = WITH_JOBS_SECONDS

    def allowed(self, *, busy: bool) -> float:
        """Return the seconds of silence that a burst survives."""
        return self.with_jobs_seconds if busy else self.idle_seconds


RENEWALS = 6
"""How often a lease is renewed in the time after which an idle burst would end."""


@dataclass(frozen=True, slots=True)
class Lease:
    """That bursts have a lease, and on which terms.

    `image` is burstd's own image, for providers whose sites run a watcher from one; "": none is named.
    """

    terms: LeaseTerms
    image: str = ""

    @property
    def renewal_seconds(self) -> float:
        """How often it is to be renewed, in seconds."""
        return self.terms.idle_seconds / RENEWALS


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watcher knows of a lease: what it last said, and for how long it has said no other thing.

    `looked` is when the watcher last saw it, by its own clock; None: it never did, or not the last time.
    """

    said: str = ""
    busy: bool = False
    silent_seconds: float = 0.0
    looked: float | None = None


def seen(before: Watched, said: str, *, busy: bool, now: float, longest_seconds: float) -> Watched:
    """Return what is known after a look at the lease, at `now` by the watcher's own clock.

    Only time between two looks that both saw the lease counts as silence, and of each such time no more than
    `longest_seconds`: a watcher that was cut off, or did not run, has not heard that nobody spoke.
    """
    if said != before.said:
        return Watched(said, busy, 0.0, now)
    since = 0.0 if before.looked is None else min(max(now - before.looked, 0.0), longest_seconds)
    return Watched(said, busy, before.silent_seconds + since, now)


def unseen(before: Watched) -> Watched:
    """Return what is known after a look that failed."""
    return replace(before, looked=None)


def left(watched: Watched, terms: LeaseTerms) -> float:
    """Return for how many seconds the burst may still be silent; 0 or less: it is to end now."""
    return terms.allowed(busy=watched.busy) - watched.silent_seconds
