"""Bursts on a time line: which phase each was in, from when until when. Pure.

The names of the fields are those of `/api/v1/bursts`; times are epoch seconds, money is in dollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from burstd.core.model import Burst, Phase
from burstd.core.money import cost
from burstd.core.phases import entered


@dataclass(frozen=True, slots=True)
class Stretch:
    """A burst in one phase; `end` None: it still is."""

    phase: str
    begin: float
    end: float | None


@dataclass(frozen=True, slots=True)
class BurstLine:
    """One burst as it went. `ended` None: it lives. `dollars` None: no price is known. `why` it goes."""

    name: str
    pool: str
    phase: str
    hosts: int
    created: float
    ended: float | None
    dollars: float | None
    why: str
    failure: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class BurstLines:
    """Those that live and those that went lately, the youngest first."""

    at: float
    since: float
    bursts: tuple[BurstLine, ...]


def lines(bursts: Iterable[Burst], told: Iterable[tuple[float, str]], now: float, since: float) -> BurstLines:
    """Return the bursts with their phases; `told` are sentences of the ledger, each with its moment."""
    phases: dict[str, list[tuple[float, Phase]]] = {}
    for at, sentence in told:
        found = entered(sentence)
        if found is not None:
            phases.setdefault(found[0], []).append((at, found[1]))
    made = (_line(burst, phases.get(burst.name, []), now) for burst in bursts)
    return BurstLines(now, since, tuple(sorted(made, key=lambda one: (-one.created, one.name))))


def _line(burst: Burst, told: list[tuple[float, Phase]], now: float) -> BurstLine:
    priced = bool(burst.cost_per_hour or burst.cluster_cost_per_hour)
    return BurstLine(
        burst.name,
        burst.pool,
        str(burst.phase),
        burst.size,
        burst.created,
        burst.since if burst.phase is Phase.GONE else None,
        cost(burst, now) if priced else None,
        burst.why,
        burst.failure.text if burst.failure else "",
        tuple(_stretches(burst, told)),
    )


def _stretches(burst: Burst, told: list[tuple[float, Phase]]) -> Iterator[Stretch]:
    """Yield the phases that are known; the record itself tells the first and the last."""
    known = [(burst.created, Phase.PLANNED), *told, (burst.since, burst.phase)]
    ordered = sorted((entry for entry in known if entry[0] >= burst.created), key=lambda entry: entry[0])
    begun: list[tuple[float, Phase]] = []
    for entry in ordered:
        if not begun or begun[-1][1] is not entry[1]:
            begun.append(entry)
    for (begin, phase), (end, _) in pairwise(begun):
        if end > begin:
            yield Stretch(str(phase), begin, end)
    if begun and begun[-1][1] is not Phase.GONE:
        yield Stretch(str(begun[-1][1]), begun[-1][0], None)
