"""What people have ordered by hand: the frozen values of `burstd.core.model` about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Up:
    """The first `hosts` hosts of a pool (0: all) are to be up until a moment, whether jobs need them or not.

    `userid` is who ordered it; what it costs counts for that user.
    """

    pool: str
    hosts: int
    until: float
    userid: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """A pool that was taken down by hand: it stays down until it is opened again.

    `force`: its jobs are not waited for.
    """

    pool: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class ByHand:
    """All that stands. `paused`: nothing is made. `spend_unknown`: what was spent today nobody knows."""

    paused: bool = False
    spend_unknown: bool = False
    leaving: bool = False
    """burstd is being stopped, and takes everything down before it goes."""
    ups: tuple[Up, ...] = ()
    closed: tuple[Closed, ...] = ()

    def closing(self, pool: str) -> Closed | None:
        """Return how a pool was closed, None if it is open."""
        return next((one for one in self.closed if one.pool == pool), None)
