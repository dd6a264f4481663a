"""The gate: the one way by which burstd changes the world.

An effect passes in three steps: its intent is durable in the ledger, a worker makes the call, its
outcome is written. The main loop does the first and the last; workers report back by a queue and wake
the loop. No call leaves once another burstd has the turn.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from burstd.core.errors import BurstdError, LeadLost, NoRoom, NotNow
from burstd.core.model import Action, Burst, Failure, Outcome
from burstd.engine.ledger import Ledger
from burstd.engine.workers import Workers, threads

log = logging.getLogger(__name__)

WORKERS = 8
"""Effects under way at once; sites are few, and each waits for a cloud most of its time."""

ATTEMPTS = 3
"""Calls of one effect before its failure is the planner's to judge."""

SOON_SECONDS = 30.0
"""A failure that asks for a longer pause than this is the planner's to judge at once."""

REST_SECONDS = 10.0
"""How long an effect that belongs to no burst rests after it failed."""

STRANGE_SECONDS = 60.0
"""How long a burst waits after a failure that nobody foresaw."""


Perform = Callable[[Action, Callable[[], bool]], None]
"""Makes the one call of an action; the second argument says whether nobody waits for it any more."""


class _NotSent(BurstdError):
    """The turn was not this burstd's, or could not be told: nothing was asked of the world."""


def _always(_: Action) -> None:
    """Let every call leave."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An effect that ended: which intent it was, and how."""

    intent: int
    action: Action
    outcome: Outcome
    sent: bool = True
    """Whether its call left and was seen to its end: False where it was not this burstd's turn, as far as
    could be told, and where burstd stopped meanwhile: it says nothing of the burst."""


class Gate:
    """Starts effects and collects how they ended; used by the main loop alone."""

    def __init__(
        self,
        ledger: Ledger,
        perform: Perform,
        clock: Callable[[], float],
        wake: Callable[[], None],
        *,
        turn: Callable[[Action], None] = _always,
        workers: Workers = threads,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """Start with nothing under way. `turn` is asked before each call; it raises where none may leave.

        `pause` waits, for so many seconds, before another attempt; None: as long as nobody stops the gate.
        """
        self._ledger = ledger
        self._perform = perform
        self._clock = clock
        self._wake = wake
        self._turn = turn
        self._workers = workers(WORKERS, "effect")
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._running: dict[str, threading.Event] = {}
        self._resting: dict[str, float] = {}
        self._stopping = threading.Event()
        self._pause = pause or sleep_using_event(self._stopping)

    def in_flight(self, now: float) -> frozenset[str]:
        """Return the keys on which nothing may be started now."""
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        return frozenset(self._running.keys() | self._resting.keys())

    def next_rest_end(self) -> float | None:
        """Return when the first resting key may be tried again."""
        return min(self._resting.values(), default=None)

    def start(self, action: Action, burst: Burst | None) -> None:
        """Write the intent, with the record of the burst it begins; then let a worker make the call."""
        intent = self._ledger.intend(action, burst, self._clock())
        cancelled = self._running[action.key] = threading.Event()
        self._workers.submit(self._work, intent, action, cancelled)

    def cancel(self, key: str) -> None:
        """Let what is under way on a key stop waiting; what it has asked for stays asked for."""
        if key in self._running:
            self._running[key].set()

    def collect(self) -> list[Ended]:
        """Return the effects that ended since the last call; the caller concludes each."""
        found = []
        while not self._ended.empty():
            found.append(self._ended.get_nowait())
        return found

    def conclude(self, ended: Ended, burst: Burst | None) -> None:
        """Write the outcome, with the record of the burst it was for; what was not sent rests."""
        self._ledger.conclude(ended.intent, ended.outcome, burst)
        self._running.pop(ended.action.key, None)
        failure = ended.outcome.failure
        if burst is None and failure is not None:
            rest = failure.retry_after or REST_SECONDS
            self._resting[ended.action.key] = ended.outcome.at + rest

    def close(self) -> None:
        """Let effects under way finish their present call, and wait for no more; start no further attempt."""
        self._stopping.set()
        for cancelled in list(self._running.values()):
            cancelled.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _work(self, intent: int, action: Action, cancelled: threading.Event) -> None:
        sent, failure = True, None
        try:
            failure = self._attempt(action, cancelled)
        except _NotSent as exc:
            sent, failure = False, Failure(str(exc), REST_SECONDS)
        if failure is not None and self._stopping.is_set():
            sent = False
        self._ended.put(Ended(intent, action, Outcome(action.verb, self._clock(), failure), sent))
        self._wake()

    def _attempt(self, action: Action, cancelled: threading.Event) -> Failure | None:
        try:
            self._retrying(cancelled)(self._call, action, cancelled)
        except _NotSent:
            raise
        except NoRoom as exc:
            return Failure(str(exc), exc.retry_after, exc.offer)
        except NotNow as exc:
            return Failure(str(exc), exc.retry_after)
        except LeadLost as exc:
            return Failure(str(exc), REST_SECONDS)
        except BurstdError as exc:
            return Failure(str(exc))
        except Exception as exc:  # the edge of a worker: no effect may take the daemon down
            log.exception("%s %s failed in a way nobody foresaw", action.verb, action.key)
            return Failure(f"unforeseen: {type(exc).__name__}: {exc}", STRANGE_SECONDS)
        return None

    def _call(self, action: Action, cancelled: threading.Event) -> None:
        try:
            self._turn(action)
        except BurstdError as exc:
            raise _NotSent(str(exc)) from exc
        self._perform(action, cancelled.is_set)

    def _retrying(self, cancelled: threading.Event) -> Retrying:
        return Retrying(
            retry=retry_if_exception(_passes_soon),
            wait=_pause,
            stop=stop_after_attempt(ATTEMPTS)
            | stop_when_event_set(self._stopping)
            | stop_when_event_set(cancelled),
            sleep=self._pause,
            reraise=True,
        )


def _passes_soon(error: BaseException) -> bool:
    """What asks for a long time is not tried again here, where a job's reason would not tell of it."""
    return isinstance(error, LeadLost | _NotSent) or (
        isinstance(error, NotNow) and error.retry_after <= SOON_SECONDS
    )


_backoff = wait_random_exponential(multiplier=0.2, max=5)


def _pause(state: RetryCallState) -> float:
    """A NotNow says itself how long to wait, within reason; everything else backs off with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, NotNow) else 0.0
    return max(_backoff(state), min(asked, 5.0))
