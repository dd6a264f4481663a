"""The thread that follows a journal outlives whatever the journal sends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from burstd.core.errors import LeadLost
from burstd.lead.follower import Follower
from burstd.lead.handle import Handle, Payload

PATIENCE_SECONDS = 10.0


class Broker:
    """A connection to a broker of one uuid whose journal sends the same responses to every reader."""

    def __init__(self, responses: list[Payload]) -> None:
        self._responses = list(responses)

    def rpc(self, *_: Any) -> Payload:
        return {"value": "one"}

    def stream(self, *_: Any) -> Broker:
        return self

    def next(self, _timeout: float) -> Payload | None:
        if not self._responses:
            raise StopIteration
        return self._responses.pop(0)

    def close(self) -> None:
        """There is nothing to close."""


class Journal:
    """A feed and its fold in one: whole with the first response, and broken by the error in the second."""

    topic = "journal"

    def __init__(self) -> None:
        self.request: Payload = {}
        self.complete = True
        self.published = 0
        self.withdrawn = threading.Semaphore(0)

    def begin(self, _: Handle) -> Journal:
        return self

    def publish(self, *_: Any) -> None:
        self.published += 1

    def apply(self, *given: Any) -> None:
        """Take a response: as a fold alone, as a feed with the fold before it."""
        if len(given) == 2:
            raise given[1]["error"]

    def withdraw(self) -> None:
        self.withdrawn.release()


def followed(error: Exception, until: Callable[[Journal], bool]) -> tuple[Journal, Follower[Any]]:
    """Follow a journal whose every reading ends with the error, until enough readings were withdrawn."""
    feed = Journal()
    follower: Follower[Any] = Follower(lambda: Broker([{}, {"error": error}]), feed)
    follower.start()
    assert feed.withdrawn.acquire(timeout=PATIENCE_SECONDS)
    assert feed.withdrawn.acquire(timeout=PATIENCE_SECONDS)
    assert until(feed)
    follower.stop()
    follower.join(PATIENCE_SECONDS)
    return feed, follower


def test_what_nobody_foresaw_makes_the_journal_be_read_anew(caplog) -> None:
    """An error of no class of burstd's withdraws the view and is told; the journal is then read anew."""
    _, follower = followed(RuntimeError("nobody foresaw"), lambda feed: feed.published >= 2)

    assert "RuntimeError: nobody foresaw" in follower.trouble
    assert "Traceback" in caplog.text


def test_a_gap_makes_the_journal_be_read_anew() -> None:
    """A reading that was lost is withdrawn, and the next one begins."""
    _, follower = followed(LeadLost("a gap"), lambda feed: feed.published >= 2)

    assert "a gap" in follower.trouble
