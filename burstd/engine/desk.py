"""Where questions are answered: from what the loop saw last, whether the lead answers now or not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from burstd.core.discretion import for_others, sees_all
from burstd.core.model import Host, Plan, Policy, Snapshot
from burstd.core.status import status
from burstd.engine.questions import Question
from burstd.engine.witness import Tick, Witness


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known when a question is answered: bursts and orders as they are, hosts as last seen."""

    snapshot: Snapshot
    """Without the lead's jobs: those are in `tick`, which may be of a while ago."""
    policy: Policy
    tick: Tick | None
    """The last one that saw the lead whole; None: none did yet."""
    now: float
    lead_answers: bool

    @property
    def plan(self) -> Plan:
        """Return what was decided last."""
        return self.tick.plan if self.tick else Plan()

    def whole_for(self, userid: int) -> bool:
        """Say whether a user may know everything."""
        return sees_all(userid, os.geteuid(), self.policy)

    def jobs_of(self, userid: int) -> frozenset[int]:
        """Return the active jobs of a user."""
        jobs = self.tick.snapshot.jobs if self.tick else ()
        return frozenset(job.id for job in jobs if job.userid == userid)


Answer = Callable[[Question, Sight], Mapping[str, Any]]
"""Returns a document that JSON can hold. Raises BurstdError where the question cannot be answered."""


class Desk(Witness):
    """Used by the main loop alone."""

    def __init__(self) -> None:
        self.questions: Callable[[], Iterable[Question]] = lambda: ()
        """Tells what was asked since the last time; whoever made this may listen for some."""
        self.answers: dict[str, Answer] = {"status": _status}
        self._hosts: tuple[Host, ...] = ()
        self._tick: Tick | None = None
        self._lead_answers = True

    def ticked(self, tick: Tick) -> None:
        """Keep what was seen and decided."""
        self._tick, self._hosts = tick, tick.snapshot.hosts

    def met(self, lead_answers: bool) -> None:
        self._lead_answers = lead_answers

    def answer(self, known: Callable[[float], Snapshot], policy: Policy, now: float) -> None:
        """Answer every question; `known` tells what is known now without the lead."""
        for question in self.questions():
            seen = replace(known(now), hosts=self._hosts)
            sight = Sight(seen, policy, self._tick, now, self._lead_answers)
            question.answer(self.answers[question.ask](question, sight))


def _status(question: Question, sight: Sight) -> Mapping[str, Any]:
    reasons = sight.plan.reasons
    found = status(sight.snapshot, sight.policy, reasons, sight.now, lead_answers=sight.lead_answers)
    if not sight.whole_for(question.userid):
        found = for_others(found, reasons, sight.jobs_of(question.userid))
    return found.document()
