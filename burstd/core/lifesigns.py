"""What a listing tells of the owner of a site: its last sign of life, and how long that lasts."""

from __future__ import annotations

from dataclasses import dataclass

from burstd.core.model import Site
from burstd.core.silence import LeaseTerms


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
