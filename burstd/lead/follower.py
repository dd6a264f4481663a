"""A thread that follows one journal of the lead, and begins anew whenever that breaks."""

from __future__ import annotations

import logging
import threading
from time import monotonic
from typing import Generic, Protocol, TypeVar

from burstd.core.errors import LeadError, LeadLost
from burstd.lead.handle import Connect, Handle, Payload, Stream

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
PING_SECONDS = 0.9
FIRST_DELAY = 0.1
LAST_DELAY = 5.0
RANK_0 = 0


class Fold(Protocol):
    """What a journal's responses are folded into."""

    complete: bool

    def apply(self, response: Payload) -> None:
        """Take in one response. Raises LeadLost where the journal must be read anew."""
        ...


F = TypeVar("F", bound=Fold)


class Feed(Protocol[F]):
    """One journal, and where its fold is brought. All calls come from the follower's thread."""

    @property
    def topic(self) -> str: ...

    @property
    def request(self) -> Payload: ...

    def begin(self, handle: Handle) -> F:
        """Return a fold for a new reading."""
        ...

    def publish(self, handle: Handle, generation: str, fold: F) -> None:
        """Take a fold whose history is complete."""
        ...

    def apply(self, fold: F, response: Payload) -> None:
        """Take a live response into the published fold."""
        ...

    def withdraw(self) -> None:
        """Forget the fold, if one was published: what it shows may be old."""
        ...


class Follower(Generic[F]):
    """Follows one feed until it is stopped."""

    def __init__(self, connect: Connect, feed: Feed[F]) -> None:
        self._connect = connect
        self._feed = feed
        self._stop = threading.Event()
        self._again = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {feed.topic}", daemon=True)
        self._said = ""

    @property
    def trouble(self) -> str:
        """What broke the latest reading, "" while one stands."""
        return self._said

    def start(self) -> None:
        self._thread.start()

    def read_again(self) -> None:
        """Ask for a new reading, soon and from any thread."""
        self._again.set()

    def stop(self) -> None:
        self._stop.set()

    def join(self, seconds: float) -> None:
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            began = monotonic()
            self._again.clear()
            try:
                self._follow()
            except LeadError as exc:
                self._say(str(exc))
            except (
                Exception
            ) as exc:  # the edge of a thread: were it to end here, an old view would stay for ever
                _log.exception("following %s failed in a way nobody foresaw", self._feed.topic)
                self._said = f"unforeseen: {type(exc).__name__}: {exc}"
            self._feed.withdraw()
            if monotonic() - began > LAST_DELAY:
                delay = FIRST_DELAY
            self._stop.wait(delay)
            delay = min(2 * delay, LAST_DELAY)

    def _follow(self) -> None:
        handle = self._connect()
        try:
            self._read(handle)
        finally:
            handle.close()

    def _read(self, handle: Handle) -> None:
        generation = broker_generation(handle)
        fold = self._feed.begin(handle)
        stream = handle.stream(self._feed.topic, self._feed.request, RANK_0)
        heard, published = monotonic(), False
        while not (self._stop.is_set() or self._again.is_set()):
            response = self._next(stream)
            if response is None:
                if monotonic() - heard > PING_SECONDS:
                    self._ping(handle, generation)
                    heard = monotonic()
                continue
            heard = monotonic()
            if published:
                self._feed.apply(fold, response)
                continue
            fold.apply(response)
            if fold.complete:
                self._ping(handle, generation)
                self._feed.publish(handle, generation, fold)
                published, self._said = True, ""

    def _next(self, stream: Stream) -> Payload | None:
        try:
            return stream.next(POLL_SECONDS)
        except StopIteration as exc:
            raise LeadLost(f"{self._feed.topic}: the lead ended the journal") from exc

    def _ping(self, handle: Handle, generation: str) -> None:
        """Notice a broker that keeps the connection but does not answer, and one that is another by now.

        A stream may have a connection of its own. While the handle's first broker answers, the
        stream that was opened after it is with the same one.
        """
        if broker_generation(handle) != generation:
            raise LeadLost(f"{self._feed.topic}: another broker answers now")

    def _say(self, text: str) -> None:
        """Log what broke, once until it changes: the tries in between would say the same."""
        if text != self._said:
            _log.info("The lead cannot be followed just now: %s", text)
            self._said = text


def broker_generation(handle: Handle) -> str:
    """Return the broker's uuid, which is another after each restart. Raises LeadLost, LeadRefused."""
    return str(handle.rpc("attr.get", {"name": "broker.uuid"}, RANK_0).get("value", ""))
