"""Who runs where, from values alone: strict FIFO as sched-simple, or as Fluxion with easy or fcfs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from burstd.core.constraint import Constraint
from burstd.core.model import Request


class Mode(StrEnum):
    """`fifo` is sched-simple: the first job that cannot start blocks all later ones.

    `easy` is Fluxion with queue-policy easy: later jobs that fit start, on the highest ranks and cores.
    It makes no reservation for the job that waits, so a large job can be overtaken for ever; a real
    Fluxion would not allow that.
    `fcfs` is Fluxion with that policy: in each queue the first job that cannot start blocks the later ones,
    and a job at the head that needs more hosts than are usable now is refused.
    """

    FIFO = "fifo"
    EASY = "easy"
    FCFS = "fcfs"

    @property
    def fluxion(self) -> bool:
        return self is not Mode.FIFO


@dataclass(frozen=True, slots=True)
class Ask:
    """One job that waits for an allocation."""

    job: int
    priority: int
    request: Request
    constraint: Constraint
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One declared host: what it has, and what of it no job holds. `usable`: online and not drained."""

    rank: int
    name: str
    properties: frozenset[str]
    cores: frozenset[int]
    gpus: frozenset[int]
    free_cores: frozenset[int]
    free_gpus: frozenset[int]
    usable: bool

    @property
    def whole(self) -> bool:
        return self.free_cores == self.cores and self.free_gpus == self.gpus

    def slots(self, request: Request) -> int:
        """Return how many of the request's slots fit into what is free."""
        if request.exclusive and not self.whole:
            return 0
        by_cores = len(self.free_cores) // request.cores if request.cores else request.slots
        return min(by_cores, len(self.free_gpus) // request.gpus) if request.gpus else by_cores

    def emptied(self) -> Offer:
        """Return the host as it would be up and with no job on it."""
        return replace(self, free_cores=self.cores, free_gpus=self.gpus, usable=True)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one job gets of one host."""

    rank: int
    slots: int
    cores: frozenset[int]
    gpus: frozenset[int]


@dataclass(frozen=True, slots=True)
class Start:
    """Give the job these pieces, in rank order."""

    job: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """No allocation can ever be given; `text` is the scheduler's own."""

    job: int
    text: str


def decide(mode: Mode, asks: Iterable[Ask], offers: Sequence[Offer]) -> tuple[Start | Refuse, ...]:
    """Return what follows for the jobs that wait, in the order in which it happens.

    Order is by priority, then by id, which is submit order. Priority 0 is held and not looked at.
    """
    ready = sorted((ask for ask in asks if ask.priority > 0), key=lambda ask: (-ask.priority, ask.job))
    decisions: list[Start | Refuse] = []
    left = {offer.rank: offer for offer in offers}
    blocked: set[str] = set()
    for ask in ready:
        line = _line(mode, ask)
        if mode is Mode.FCFS and line in blocked:
            continue
        if text := refusal(mode, ask, offers):
            decisions.append(Refuse(ask.job, text))
        elif line not in blocked:
            pieces = place(mode, ask, left.values())
            blocked |= {line} if pieces is None else set()
            decisions += [] if pieces is None else [Start(ask.job, pieces)]
            left |= {piece.rank: _without(left[piece.rank], piece) for piece in pieces or ()}
    return tuple(decisions)


def _line(mode: Mode, ask: Ask) -> str:
    """Return what a job stands in line for: its queue, all of them together, or with easy nothing."""
    return {Mode.FIFO: "", Mode.FCFS: ask.queue, Mode.EASY: str(ask.job)}[mode]


def place(mode: Mode, ask: Ask, offers: Iterable[Offer]) -> tuple[Piece, ...] | None:
    """Return where the job goes now, None if it does not fit into what is free."""
    request = ask.request
    hosts = [offer for offer in offers if offer.usable and _allows(ask, offer)]
    if mode is Mode.FIFO:
        hosts.sort(key=lambda offer: (-len(offer.free_cores), -len(offer.free_gpus), offer.rank))
    else:
        hosts.sort(key=lambda offer: -offer.rank)
    if request.hosts:
        fitting = [offer for offer in hosts if offer.slots(request) >= request.slots]
        taken = [(offer, request.slots) for offer in fitting[: request.hosts]]
        return _pieces(mode, request, taken) if len(taken) == request.hosts else None
    taken, missing = [], request.slots
    for offer in hosts:
        slots = min(offer.slots(request), missing)
        if slots:
            taken.append((offer, slots))
            missing -= slots
    return None if missing else _pieces(mode, request, taken)


def refusal(mode: Mode, ask: Ask, offers: Sequence[Offer]) -> str:
    """Return why the job is refused: the declared hosts, up or not, can never do; "" if it is not."""
    request = ask.request
    hosts = [offer.emptied() for offer in offers if _allows(ask, offer)]
    slots = [offer.slots(request) for offer in hosts]
    if mode.fluxion:
        usable = [offer.emptied() for offer in offers if _allows(ask, offer) and offer.usable]
        online = [offer.slots(request) for offer in usable]
        fits = _fluxion_fits(request, online if mode is Mode.FCFS and request.hosts else slots, mode)
        return "" if fits else 'alloc denied due to type="unsatisfiable"'
    if request.hosts:
        eligible = sum(count >= request.slots for count in slots)
        return "" if eligible >= request.hosts else _too_many_hosts(request, eligible)
    return "" if sum(slots) >= request.slots else _too_many_slots(request, hosts)


def _fluxion_fits(request: Request, slots: list[int], mode: Mode) -> bool:
    """Say whether Fluxion lets a job wait, by the slots that fit on each host.

    One host that fits is enough for easy, however many are asked for; fcfs wants all of them.
    """
    if not request.hosts:
        return sum(slots) >= request.slots
    fitting = sum(count >= max(request.slots, 1) for count in slots)
    return fitting >= (request.hosts if mode is Mode.FCFS else 1)


def _too_many_hosts(request: Request, eligible: int) -> str:
    if request.exclusive:
        return f"unsatisfiable request: need {request.hosts} exclusive node(s), only {eligible} eligible"
    gpus = f" and {request.slots * request.gpus} GPUs" if request.gpus else ""
    each = f"{request.slots * request.cores} cores{gpus} each"
    return f"unsatisfiable request: need {request.hosts} node(s) with {each}, only {eligible} eligible"


def _too_many_slots(request: Request, hosts: list[Offer]) -> str:
    by_cores = replace(request, gpus=0)
    available = sum(offer.slots(by_cores) for offer in hosts)
    need = f"unsatisfiable request: need {request.slots} slot(s)"
    if available < request.slots:
        total = sum(len(offer.cores) for offer in hosts)
        only = f"only {available} such slot(s) available (total cores: {total})"
        return f"{need} of {request.cores} core(s), {only}"
    available = sum(offer.slots(request) for offer in hosts)
    total = sum(len(offer.gpus) for offer in hosts)
    return f"{need} with {request.gpus} GPU(s) each, only {available} available (total GPUs: {total})"


def _allows(ask: Ask, offer: Offer) -> bool:
    return ask.constraint.allows(offer.rank, offer.name, offer.properties)


def _pieces(mode: Mode, request: Request, taken: list[tuple[Offer, int]]) -> tuple[Piece, ...]:
    pieces = [_piece(mode, request, offer, slots) for offer, slots in taken]
    return tuple(sorted(pieces, key=lambda piece: piece.rank))


def _piece(mode: Mode, request: Request, offer: Offer, slots: int) -> Piece:
    if request.exclusive:
        return Piece(offer.rank, slots, offer.cores, offer.gpus)
    highest_first = mode.fluxion
    cores = sorted(offer.free_cores, reverse=highest_first)[: slots * request.cores]
    gpus = sorted(offer.free_gpus, reverse=highest_first)[: slots * request.gpus]
    return Piece(offer.rank, slots, frozenset(cores), frozenset(gpus))


def _without(offer: Offer, piece: Piece) -> Offer:
    free_cores, free_gpus = offer.free_cores - piece.cores, offer.free_gpus - piece.gpus
    return replace(offer, free_cores=free_cores, free_gpus=free_gpus)
