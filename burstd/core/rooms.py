"""Room on hosts, and fitting requests into it. Capacity is counted per host and given once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from burstd.core.constraint import Constraint
from burstd.core.model import Host, Request, Shape


@dataclass(slots=True)
class Room:
    """What one host has left to give in this plan. `whole`: nothing on it is given yet."""

    rank: int
    name: str
    properties: frozenset[str]
    cores: int
    gpus: int
    whole: bool = True

    def slots(self, request: Request) -> int:
        """Return how many of the request's slots still go here."""
        if request.exclusive and not self.whole:
            return 0
        by_cores = self.cores // request.cores if request.cores else request.slots
        by_gpus = self.gpus // request.gpus if request.gpus else by_cores
        return min(by_cores, by_gpus)

    def take(self, request: Request, slots: int) -> None:
        """Give slots away; an exclusive request takes all there is."""
        self.whole = False
        self.cores = 0 if request.exclusive else self.cores - slots * request.cores
        self.gpus = 0 if request.exclusive else self.gpus - slots * request.gpus


@dataclass(frozen=True, slots=True)
class Take:
    """Slots given to one request in one room."""

    room: Room
    slots: int


def free_room(host: Host) -> Room:
    """Return what is free now on a host that is up."""
    whole = not host.jobs
    return Room(host.rank, host.name, host.shape.properties, host.free_cores, host.free_gpus, whole)


def whole_room(rank: int, name: str, shape: Shape) -> Room:
    """Return what a host will offer once it is up."""
    return Room(rank, name, shape.properties, shape.cores, shape.gpus)


def fit(request: Request, constraint: Constraint, rooms: Iterable[Room]) -> tuple[Take, ...] | None:
    """Return where the request fits, preferring rooms in the order given; None if nowhere. Takes nothing."""
    takes: list[Take] = []
    missing = request.hosts or request.slots
    for room in rooms:
        slots = room.slots(request)
        if slots < 1 or not constraint.allows(room.rank, room.name, room.properties):
            continue
        if request.hosts and slots < request.slots:
            continue
        takes.append(Take(room, request.slots if request.hosts else min(slots, missing)))
        missing -= 1 if request.hosts else takes[-1].slots
        if missing <= 0:
            return tuple(takes)
    return None


def take(request: Request, takes: Sequence[Take]) -> None:
    """Give the rooms of a fit to its request."""
    for one in takes:
        one.room.take(request, one.slots)
