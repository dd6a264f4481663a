"""What is to happen in a run: where burstd dies, and which fault meets which effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crash.disk import Image
from crash.points import Boundary, Death, Occurrence, Point


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the matrix: it counts once for each distinct value.

    `recovery`: after the restart burstd dies again at that boundary, counted from 1; 0: it does not.
    """

    script: str
    provider: str
    boundary: Boundary | None = None
    fault: str = ""
    struck: Occurrence | None = None
    """The effect that the fault meets."""
    recovery: int = 0
    takeover: str = ""
    """Where it is not to die but to be paused while another takes its turn: with which ledger that one is."""

    def __str__(self) -> str:
        parts = [self.script, self.provider]
        if self.boundary is not None:
            parts += [str(self.boundary.occurrence), self.boundary.point]
        if self.fault:
            parts.append(f"{self.fault} at {self.struck}")
        if self.recovery:
            parts.append(f"again at step {self.recovery}")
        return " | ".join(parts) + (f" | taken over, {self.takeover}" if self.takeover else "")


@dataclass
class Fate:
    """Follows one run, and ends a life where the case says so."""

    case: Case
    life: int = 1
    passed: list[Boundary] = field(default_factory=list)
    """Every boundary of the first life, in order."""
    steps: int = 0
    """How many boundaries the present life has passed."""
    deaths: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    countdown: int = 0
    """Die at the boundary that comes by after so many; 0: as the case says."""
    usurp: Callable[[], None] = lambda: None
    """Has another burstd take over, while this one stands still where it is."""

    def count(self, what: str) -> Occurrence:
        """Number what is about to be done."""
        self.counts[what] = self.counts.get(what, 0) + 1
        return Occurrence(what, self.counts[what])

    def may_meet(self, occurrence: Occurrence) -> bool:
        """Say whether burstd may die around this occurrence."""
        if self.countdown:
            return True
        if self.life == 1:
            return self.case.boundary is not None and self.case.boundary.occurrence == occurrence
        return self.life == 2 and self.case.recovery > 0

    def meets(self, occurrence: Occurrence, point: Point) -> bool:
        """Say whether burstd dies here, and note that it came by."""
        here = Boundary(occurrence, point)
        self.steps += 1
        if self.countdown:
            self.countdown -= 1
            return self.countdown == 0
        if self.life == 1:
            self.passed.append(here)
            return self.case.boundary == here
        return self.life == 2 and self.steps == self.case.recovery

    def die(self, image: Image) -> None:
        """Die, with this left of the ledger. Raises Death; returns where burstd was only paused."""
        self.deaths += 1
        self.life += 1
        self.steps = 0
        if not self.case.takeover:
            raise Death(image)
        self.usurp()

    def at(self, occurrence: Occurrence, points: Sequence[Point], image: Callable[[Point], Image]) -> None:
        """Come by some points that are told apart by nothing but what is left of the ledger."""
        for point in points:
            if self.meets(occurrence, point):
                self.die(image(point))
