"""Every fault on every provider: what the provider does then, or why there is no such thing.

A cell is a trial, whose docstring says what holds, or a reason. A trial may be made for several calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pytest

from burstd.core.errors import EffectError
from burstd.plugins.contract import Order, Provider, Site


class Fault(StrEnum):
    """What the fake clouds do wrong."""

    TIMED_OUT = "timed out and not applied"
    TIMED_OUT_APPLIED = "timed out and applied"
    EXISTS_MINE = "exists already, mine"
    EXISTS_FOREIGN = "exists already, somebody else's"
    QUOTA = "quota"
    STOCKOUT = "stockout"
    CLUSTER_IN_ERROR = "cluster in ERROR"
    UNAUTHENTICATED = "401"
    FORBIDDEN = "403"
    DELETED = "deleted behind our back"
    MISSING = "missing from a list for a while"
    PARTIAL = "a partial list"
    STALE = "a stale read"
    FEWER = "fewer machines than asked"
    STUCK = "an operation that takes 47 times longer than usual"
    DELETE_REFUSED = "a deletion refused because another operation runs"
    UNKNOWN = "an unknown enum, or an answer that is none"
    RESET = "connection reset mid-answer"
    EXPIRED = "token expired"
    RECLAIMED = "a machine reclaimed"


PROVIDERS = ("gke", "gke on an existing cluster", "kubernetes", "kind")


class World(Protocol):
    """A fake cloud with one provider on it, and something of somebody else's."""

    generation: int
    """Of the burst that is brought up in the end: another one than the trial's where that is over."""

    before: object
    """What is somebody else's, as it was: to be taken anew by a trial that adds to it."""

    def provider(self, **options: Any) -> Provider:
        """Return a provider as a burstd that has just started has it."""
        ...

    def order(self, size: int = 1) -> Order: ...

    def ours(self) -> list[str]:
        """Return all that burstd made and that is there, whoever looks."""
        ...

    def whole(self) -> list[str]:
        """Return what there is to be of one burst."""
        ...

    def foreign(self) -> object: ...


Trial = Callable[[Any, str], None]


@dataclass(frozen=True)
class Cell:
    """A trial for each call."""

    trial: Trial
    calls: tuple[str, ...]
    options: dict[str, Any]


@dataclass
class Column:
    """What becomes of every fault on one provider; `world` is called with its options, and monkeypatch."""

    name: str
    world: Callable[..., AbstractContextManager[World]]
    cells: dict[Fault, Cell] = field(default_factory=dict)
    reasons: dict[Fault, str] = field(default_factory=dict)

    def on(self, fault: Fault, *calls: str, **options: Any) -> Callable[[Trial], Trial]:
        """Enter a trial, for each of the calls."""

        def enter(trial: Trial) -> Trial:
            assert fault not in self.cells, f"{fault} on {self.name} is there twice"
            self.cells[fault] = Cell(trial, calls or ("",), options)
            return trial

        return enter

    def never(self, fault: Fault, reason: str) -> None:
        """Enter why there is no such fault."""
        assert fault not in self.reasons
        self.reasons[fault] = reason


def failure(call: Callable[[], object], kind: type[EffectError], said: str = "") -> EffectError:
    """Make a call that has to fail in one shape, and return how."""
    with pytest.raises(kind, match=said or None) as caught:
        call()
    return caught.value


def attempt(call: Callable[[], object], kind: type[EffectError]) -> EffectError | None:
    """Make a call that may fail in one shape; return how it did."""
    try:
        call()
    except kind as exc:
        return exc
    return None


def site(order: Order) -> Site:
    return Site(order.site_name, order.pool.name, order.generation, ())
