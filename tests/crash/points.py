"""Where burstd may die: before, in and after each step of an effect, and around each write of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crash.disk import Image


class Point(StrEnum):
    """The crash points. Lost, torn, present: what a loss of power leaves of the write under way."""

    UNMEANT = "before the intent is appended"
    MEANT_LOST = "intent appended, lost"
    MEANT_TORN = "intent appended, torn"
    MEANT_PRESENT = "intent appended, present"
    UNSENT = "intent durable, not sent"
    UNAPPLIED = "sent, not applied"
    LATE = "sent, applied after the restart"
    HALF = "sent, half applied"
    HALF_ALONE = "sent, half applied, and the ledger lost"
    UNANSWERED = "applied, answer lost"
    UNRECORDED = "answer seen, not recorded"
    RECORDED_LOST = "outcome recorded, lost"
    RECORDED_TORN = "outcome recorded, torn"
    RECORDED_PRESENT = "outcome recorded, present"
    UNACTED = "outcome durable, not acted on"
    UNWRITTEN = "before a decision is written"
    WRITTEN_LOST = "decision written, lost"
    WRITTEN_TORN = "decision written, torn"
    WRITTEN_PRESENT = "decision written, present"
    LEDGER_LOST = "applied, answer lost, and the ledger with it"


INTENDING = (Point.MEANT_LOST, Point.MEANT_TORN, Point.MEANT_PRESENT)
CONCLUDING = (Point.RECORDED_LOST, Point.RECORDED_TORN, Point.RECORDED_PRESENT)
WRITING = (Point.WRITTEN_LOST, Point.WRITTEN_TORN, Point.WRITTEN_PRESENT)


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """The n-th time that something was done in a run: an effect by its verb, a write by its method."""

    what: str
    number: int

    def __str__(self) -> str:
        return f"{self.what}#{self.number}"


@dataclass(frozen=True, slots=True, order=True)
class Boundary:
    """One crash point of one occurrence."""

    occurrence: Occurrence
    point: Point


class Death(BaseException):
    """burstd is gone, with all that it had in memory; `image` is what its ledger's files hold then."""

    def __init__(self, image: Image) -> None:
        super().__init__("burstd died")
        self.image = image
