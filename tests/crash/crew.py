"""Workers that work when the driver says so, in its own thread: what a daemon is given instead of threads."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class Crew:
    """Every task of one daemon. `slow` says how many seconds a task begins later than it was submitted.

    A task that takes no time is done at once, within `submit`.
    """

    def __init__(self, clock: Callable[[], float], slow: Callable[[Any], float]) -> None:
        self._clock = clock
        self._slow = slow
        self._tasks: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.submitting: Callable[[Any], None] = lambda _: None
        self.worked = False
        """Whether a task was done since this was last set to False."""

    def hire(self, _count: int, name: str) -> Executor:
        """Fulfil burstd.engine.workers.Workers."""
        return _Worker(self, name)

    def submit(self, name: str, work: Callable[..., object], args: tuple[Any, ...]) -> None:
        subject = args if name == "effect" else None
        if subject is not None:
            self.submitting(subject)
        seconds = self._slow(subject) if subject is not None else 0.0
        if seconds <= 0:
            self._do(work, args)
        else:
            task = (self._clock() + seconds, next(self._numbers), lambda: self._do(work, args))
            heapq.heappush(self._tasks, task)

    def next_event(self) -> float | None:
        return self._tasks[0][0] if self._tasks else None

    def advance(self) -> None:
        """Do what is due."""
        while self._tasks and self._tasks[0][0] <= self._clock():
            heapq.heappop(self._tasks)[2]()

    def _do(self, work: Callable[..., object], args: tuple[Any, ...]) -> None:
        work(*args)
        self.worked = True


class _Worker(Executor):
    def __init__(self, crew: Crew, name: str) -> None:
        self._crew = crew
        self._name = name

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        self._crew.submit(self._name, fn, args)
        return Future()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Tasks that were not begun are never done: this is how a life ends, too."""
