"""The ledger as a daemon of the matrix has it: the real one, with crash points around each write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from burstd.core.model import Action, Burst, Outcome
from burstd.engine.ledger import Ledger
from crash.disk import DISK, Image, torn
from crash.fate import Fate
from crash.points import CONCLUDING, INTENDING, WRITING, Occurrence, Point

_READING = frozenset(
    {
        "close",
        "bursts",
        "generations",
        "past",
        "cooldowns",
        "note",
        "proven",
        "uses",
        "open_intents",
        "intents",
    }
)
"""What surely does not write; any other method has crash points if it is seen to."""


class FragileLedger:
    """Passes every call on. A call that writes has crash points, whichever method it is of."""

    def __init__(self, real: Ledger, fate: Fate, told: Callable[[str, tuple[Any, ...]], None]) -> None:
        self._real = real
        self._fate = fate
        self._told = told
        self.effects: dict[int, Occurrence] = {}
        """Which occurrence each intent is, by its number in the ledger."""
        self.under_way: dict[str, Occurrence] = {}
        """The same, by the key on which it works."""

    @property
    def path(self) -> Path:
        return self._real.path

    def intend(self, action: Action, burst: Burst | None, now: float) -> int:
        one = self.under_way[action.key] = self._fate.count(action.verb)
        self._stop(one, Point.UNMEANT)
        before = self._before(one)
        number = self._real.intend(action, burst, now)
        self.effects[number] = one
        self._fate.at(one, INTENDING, self._left(before))
        return number

    def conclude(self, intent: int, outcome: Outcome, burst: Burst | None, *rest: Any, **more: Any) -> None:
        one = self.effects[intent]
        self._stop(one, Point.UNRECORDED)
        before = self._before(one)
        self._real.conclude(intent, outcome, burst, *rest, **more)
        self._fate.at(one, CONCLUDING, self._left(before))
        self._stop(one, Point.UNACTED)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._writing(name, found) if callable(found) and name not in _READING else found

    def _writing(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self._told(name, args)
            one, before = self._fate.count(name), DISK.writes
            self._stop(one, Point.UNWRITTEN)
            image = self._before(one)
            answer = method(*args, **more)
            if before != DISK.writes:
                self._fate.at(one, WRITING, self._left(image))
            return answer

        return call

    def _before(self, one: Occurrence) -> Image:
        return DISK.durable(self.path) if self._fate.may_meet(one) else {}

    def _stop(self, one: Occurrence, point: Point) -> None:
        self._fate.at(one, (point,), lambda _: DISK.durable(self.path))

    def _left(self, before: Image) -> Callable[[Point], Image]:
        def left(point: Point) -> Image:
            if point in (Point.MEANT_LOST, Point.RECORDED_LOST, Point.WRITTEN_LOST):
                return before
            after = DISK.present(self.path)
            lost_half = point in (Point.MEANT_TORN, Point.RECORDED_TORN, Point.WRITTEN_TORN)
            return torn(before, after) if lost_half else after

        return left
