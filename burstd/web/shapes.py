"""The shapes of answers that no other module has: what the OpenAPI description is made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """One or more sentences for a person; a program goes by the status code."""

    detail: str


@dataclass(frozen=True, slots=True)
class Event:
    """What was decided, in the words of the log."""

    id: int
    at: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Events:
    """The latest first. `before` is what to ask for next; None: there are no older ones."""

    events: tuple[Event, ...]
    before: int | None
