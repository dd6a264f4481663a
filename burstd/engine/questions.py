"""What people and programs ask the daemon: put by any thread, answered by the main loop."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 10.0
"""How long who asks waits for the main loop."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know. Nothing is written for it, and nobody waits for anything to happen.

    `about` narrows it, as its kind says; `userid` is who asks: others' names are not for everybody.
    """

    ask: str
    about: Mapping[str, Any] = field(default_factory=dict)
    userid: int = 0
    said: queue.SimpleQueue[Mapping[str, Any] | None] = field(default_factory=queue.SimpleQueue)

    def answer(self, document: Mapping[str, Any] | None) -> None:
        """Give the answer, which JSON can hold; None: there will be none."""
        self.said.put(document)


class Questions:
    """Those that are not answered yet."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._open: queue.SimpleQueue[Question] = queue.SimpleQueue()

    def put(self, question: Question, patience: float = PATIENCE_SECONDS) -> Mapping[str, Any] | None:
        """Ask, and wait for the answer; None when the loop gave none within `patience` seconds."""
        self._open.put(question)
        self._wake()
        try:
            return question.said.get(timeout=patience)
        except queue.Empty:
            return None

    def take(self) -> Iterator[Question]:
        """Yield what was asked since the last time."""
        while not self._open.empty():
            yield self._open.get_nowait()

    def refuse(self) -> None:
        """Tell whoever waits that no answer comes."""
        for question in self.take():
            question.answer(None)
