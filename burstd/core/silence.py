"""How long a burst may live without a sign of its owner, and when that time is over.

Two kinds of watchers use it. One stands beside a burst, looks at its lease again and again and counts by its
own clock, so that no two clocks are compared. The other looks once, from outside, and has only what a listing
tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from burstd.core.model import Site

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


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of life of a site that a listing tells: what it was and when (None: nobody knows).

    `allowed_seconds` is how long the site may be silent after it.
    """

    what: str
    at: float | None
    allowed_seconds: float

    def is_over(self, now: float) -> bool:
        """Say whether the owner was silent for too long."""
        return self.at is not None and now - self.at > self.allowed_seconds


def last_sign(
    site: Site, terms: LeaseTerms, provision_seconds: float, lifetime_seconds: float | None
) -> Sign:
    """Return the last sign of life of a site.

    Sites of its pool take up to `provision_seconds` to be made, and live for `lifetime_seconds` at most, or
    for ever. A site without a lease may have running jobs as soon as it has hosts, and nobody says so.
    """
    if site.kept_until is not None:
        return Sign("kept for the next burst until", site.kept_until, terms.idle_seconds)
    if site.renewed is not None:
        what = "lease renewed, with jobs" if site.busy else "lease renewed"
        return Sign(what, site.renewed, terms.allowed(busy=site.busy))
    born = site.created or None
    if site.hosts and lifetime_seconds is None:
        return Sign("made, without a lease, to live for ever", None, 0.0)
    if site.hosts:
        longest = max(terms.with_jobs_seconds, lifetime_seconds or 0.0)
        return Sign("made, without a lease", born, longest)
    return Sign("made, nothing runs there", born, terms.idle_seconds + provision_seconds)
