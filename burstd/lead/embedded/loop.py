"""One thread that waits for file descriptors, ZeroMQ sockets, signals and deadlines."""

from __future__ import annotations

import contextlib
import heapq
import os
import signal
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import zmq

Readable = Any
"""A file descriptor (int) or a zmq.Socket."""


class Timer:
    """A deadline that can be given up."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Loop:
    """Calls what was registered when its time has come; ends when told to."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._actions: dict[Readable, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._running = True

    def watch(self, readable: Readable, action: Callable[[int], None], events: int = zmq.POLLIN) -> None:
        """Call `action(events)` whenever one of the events is there; again: change the events."""
        self._poller.register(readable, events)
        self._actions[readable] = action

    def unwatch(self, readable: Readable) -> None:
        """Forget what is watched; harmless when it is not."""
        if self._actions.pop(readable, None):
            self._poller.unregister(readable)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call `action` once, `seconds` from now."""
        timer = Timer(action)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def on_signals(self, signals: tuple[signal.Signals, ...], action: Callable[[], None]) -> None:
        """Call `action` from the loop when one of the signals arrives."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer)
        for number in signals:
            signal.signal(number, lambda *_: None)

        def arrived(_: int) -> None:
            os.read(reader, 64)
            action()

        self.watch(reader, arrived)

    def run(self) -> None:
        """Wait and call until `stop`."""
        while self._running:
            with contextlib.suppress(InterruptedError):
                for readable, events in self._poller.poll(self._milliseconds()):
                    action = self._actions.get(readable)
                    if action:
                        action(events)
            self._expire()

    def stop(self) -> None:
        self._running = False

    def _milliseconds(self) -> int | None:
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0, int((self._timers[0][0] - time.monotonic()) * 1000) + 1)

    def _expire(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            action = heapq.heappop(self._timers)[2].action
            if action:
                action()
