"""What is told over HTTP: the main loop's answers, and what the ledger has."""

from __future__ import annotations

import logging
import pwd
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burstd.config import Config
from burstd.config.http import HttpConfig
from burstd.core.jobpage import page
from burstd.core.model import Snapshot
from burstd.core.overview import overview
from burstd.engine.desk import Desk, Sight
from burstd.engine.history import History
from burstd.engine.questions import Question, Questions
from burstd.engine.statedir import state_dir
from burstd.web.sources import NoAnswer, Sources

if TYPE_CHECKING:
    from burstd.web.server import Server

log = logging.getLogger("burstd")

PATIENCE_SECONDS = 5.0
"""How long the main loop may take to answer before it counts as stuck."""


class Reception:
    """Serves HTTP from `open` to `close`, also while burstd serves no lead: who asks is then told so.

    `open`, `attended` and `close` are for the main thread; what the server asks may come from any.
    """

    def __init__(self) -> None:
        self._opened: tuple[HttpConfig, Path] | None = None
        self._server: Server | None = None
        self._questions: Questions | None = None
        self._metrics: Callable[[], bytes] | None = None

    def open(self, config: Config) -> None:
        """Serve HTTP as the configuration says; where that cannot be, say so, and do without."""
        wanted = (config.http, state_dir(config) / "ledger.db")
        if wanted == self._opened:
            return
        self.close()
        if config.http.off:
            return
        from burstd.web.server import Server  # what serves HTTP takes long to import

        server = Server(config.http, self._sources(History(wanted[1])))
        listens, sentence = server.start()
        log.log(logging.INFO if listens else logging.WARNING, "%s", sentence)
        if listens:
            self._opened, self._server = wanted, server

    @contextmanager
    def attended(
        self, questions: Questions, desk: Desk, metrics: Callable[[], bytes] | None = None
    ) -> Iterator[None]:
        """Have the main loop answer, which takes its questions from here while this lasts."""
        desk.answers |= {"pulse": _pulse, "overview": _overview, "jobs": _jobs}
        self._questions, self._metrics = questions, metrics
        try:
            yield
        finally:
            self._questions = self._metrics = None
            questions.refuse()

    def close(self) -> None:
        """Serve no more; harmless where nothing is served."""
        if self._server is not None:
            self._server.stop()
        self._opened = self._server = None

    def _sources(self, history: History) -> Sources:
        return Sources(
            pulse=lambda: self._ask("pulse") if self._questions else _STANDS_BY,
            overview=lambda: self._ask("overview"),
            jobs=lambda limit, after: _named(self._ask("jobs", limit=limit, after=after)),
            bursts=lambda: asdict(history.bursts(time.time())),
            events=history.events,
            trouble=history.trouble,
            metrics=self._measured,
        )

    def _measured(self) -> bytes | None:
        metrics = self._metrics
        return metrics() if metrics is not None else None

    def _ask(self, ask: str, **about: Any) -> Mapping[str, Any]:
        questions = self._questions
        if questions is None:
            raise NoAnswer("burstd does not serve its lead now; its log says why")
        answer = questions.put(Question(ask, about), PATIENCE_SECONDS)
        if answer is None:
            raise NoAnswer("burstd is busy, or is being stopped: it gave no answer in time")
        return answer


_STANDS_BY = {"serves": False, "lead_answers": False}


@contextmanager
def received(
    reception: Reception | None,
    config: Config,
    questions: Questions,
    desk: Desk,
    metrics: Callable[[], bytes] | None = None,
) -> Iterator[None]:
    """Answer over HTTP while this lasts: at a reception that is there, or at one that is opened for it."""
    with nullcontext(reception) if reception else closing(Reception()) as present:
        present.open(config)
        with present.attended(questions, desk, metrics):
            yield


def _named(page: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in users' names: here, since whoever knows them may take long, and the loop must not wait."""
    return {**page, "jobs": [{**job, "user": _name_of(job["userid"])} for job in page["jobs"]]}


@cache
def _name_of(userid: int) -> str:
    try:
        return pwd.getpwuid(userid).pw_name
    except (KeyError, OverflowError):
        return ""


def _pulse(_: Question, sight: Sight) -> Mapping[str, Any]:
    return {"serves": True, "lead_answers": sight.lead_answers and sight.tick is not None}


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
