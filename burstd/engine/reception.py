"""What is told over HTTP: the main loop's answers, and what the ledger has."""

from __future__ import annotations

import logging
import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from burstd.config import Config
from burstd.core.jobpage import page
from burstd.core.model import Snapshot
from burstd.core.overview import overview
from burstd.engine.desk import Desk, Sight
from burstd.engine.history import History
from burstd.engine.questions import Question, Questions
from burstd.web.sources import NoAnswer, Sources

log = logging.getLogger("burstd")

PATIENCE_SECONDS = 5.0
"""How long the main loop may take to answer before it counts as stuck."""


class Reception:
    """Asks on behalf of whoever came in over HTTP; each of its methods may be called from any thread."""

    def __init__(self, questions: Questions, history: History) -> None:
        self._questions = questions
        self._history = history
        self._closing = False

    def sources(self, metrics: Callable[[], bytes] | None) -> Sources:
        """Return what the web server asks."""
        return Sources(
            pulse=lambda: self._ask("pulse"),
            overview=lambda: self._ask("overview"),
            jobs=lambda limit, after: _named(self._ask("jobs", limit=limit, after=after)),
            bursts=lambda: asdict(self._history.bursts(time.time())),
            events=self._history.events,
            trouble=self._history.trouble,
            metrics=metrics,
        )

    def close(self) -> None:
        """Answer nobody any more, those who wait neither."""
        self._closing = True
        self._questions.refuse()

    def _ask(self, ask: str, **about: Any) -> Mapping[str, Any]:
        answer = None if self._closing else self._questions.put(Question(ask, about), PATIENCE_SECONDS)
        if answer is None:
            raise NoAnswer("burstd is busy, or is being stopped: it gave no answer in time")
        return answer


def _named(page: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in users' names: here, since whoever knows them may take long, and the loop must not wait."""
    return {**page, "jobs": [{**job, "user": _name_of(job["userid"])} for job in page["jobs"]]}


@cache
def _name_of(userid: int) -> str:
    try:
        return pwd.getpwuid(userid).pw_name
    except (KeyError, OverflowError):
        return ""


@contextmanager
def received(
    config: Config,
    state: Path,
    questions: Questions,
    desk: Desk,
    metrics: Callable[[], bytes] | None = None,
) -> Iterator[None]:
    """Serve HTTP as the configuration says. Where that cannot be, say so, and go on without."""
    if config.http.off:
        yield
        return
    from burstd.web.server import Server  # what serves HTTP takes long to import

    desk.answers |= {"pulse": _pulse, "overview": _overview, "jobs": _jobs}
    reception = Reception(questions, History(state / "ledger.db"))
    server = Server(config.http, reception.sources(metrics))
    log.log(*server.start())
    try:
        yield
    finally:
        reception.close()
        server.stop()


def _pulse(_: Question, sight: Sight) -> Mapping[str, Any]:
    return {"lead_answers": sight.lead_answers and sight.tick is not None}


def _overview(_: Question, sight: Sight) -> Mapping[str, Any]:
    return overview(
        sight.snapshot,
        sight.policy,
        sight.plan.reasons,
        sight.now,
        lead_answers=sight.lead_answers,
        seen_at=sight.tick.at if sight.tick else None,
    )


def _jobs(question: Question, sight: Sight) -> Mapping[str, Any]:
    snapshot = sight.tick.snapshot if sight.tick else Snapshot((), ())
    found = page(
        snapshot,
        sight.plan.reasons,
        sight.now,
        seen_at=sight.tick.at if sight.tick else None,
        limit=question.about["limit"],
        after=question.about["after"],
    )
    return asdict(found)
