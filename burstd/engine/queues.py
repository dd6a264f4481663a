"""What the main loop knows of the lead's queues. Flux tells nobody when a queue changes: it is asked."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass, replace

from burstd.core.errors import LeadError
from burstd.core.marks import NO_HOST
from burstd.core.model import Queue, Verb
from burstd.engine.effects import Ended
from burstd.engine.workers import Workers, threads
from burstd.lead.contract import Lead

log = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""Between two readings: what an administrator does to a queue is known this late at most."""

RETRY_SECONDS = 1.0
"""After a reading that failed."""


@dataclass(frozen=True, slots=True)
class _Reading:
    begun: float
    queues: tuple[Queue, ...] | None


class QueueBook:
    """The queues as last read, and as burstd's own effects have changed them since."""

    def __init__(
        self, lead: Lead, clock: Callable[[], float], wake: Callable[[], None], workers: Workers = threads
    ) -> None:
        self._lead = lead
        self._clock = clock
        self._wake = wake
        self._worker = workers(1, "queues")
        self._arrived: queue.SimpleQueue[_Reading] = queue.SimpleQueue()
        self._known: tuple[Queue, ...] | None = None
        self._asked = False
        self._read_at = 0.0
        self._changed_at = 0.0

    @property
    def known(self) -> tuple[Queue, ...] | None:
        """The queues; None before the first reading of a generation of the lead."""
        return self._known

    def forget(self, now: float) -> None:
        """Begin anew: the lead is another."""
        self._known, self._read_at, self._changed_at = None, 0.0, now

    def refresh(self, now: float) -> float:
        """Take in what was read, ask again if it is time; return when the next reading is due."""
        while not self._arrived.empty():
            self._take(self._arrived.get_nowait())
        due = self._read_at + READ_SECONDS
        if now >= due and not self._asked:
            self._asked = True
            self._worker.submit(self._read)
        return max(due, now + READ_SECONDS) if self._asked else due

    def note(self, ended: Ended) -> None:
        """Take in what an effect of burstd's own did to a queue."""
        action = ended.action
        if action.verb not in (Verb.OPEN, Verb.CLOSE, Verb.PULSE):
            return
        self._changed_at, self._read_at = ended.outcome.at, 0.0
        if ended.outcome.failure is None and self._known is not None:
            opened = action.verb is Verb.OPEN
            reason = "" if opened else NO_HOST
            self._known = tuple(
                replace(one, started=opened, stop_reason=reason) if one.name == action.queue else one
                for one in self._known
            )

    def close(self) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _take(self, reading: _Reading) -> None:
        self._asked = False
        if reading.queues is None:
            self._read_at = reading.begun - READ_SECONDS + RETRY_SECONDS
        elif reading.begun >= self._changed_at:
            self._known, self._read_at = reading.queues, reading.begun

    def _read(self) -> None:
        begun = self._clock()
        try:
            self._arrived.put(_Reading(begun, self._lead.queues()))
        except LeadError as exc:
            log.debug("the lead's queues cannot be read now: %s", exc)
            self._arrived.put(_Reading(begun, None))
        self._wake()
