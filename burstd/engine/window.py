"""Where questions are answered in the thread of whoever asks, from the last tick: no plan is waited for.

That serves those who want an answer at once, and strangers, who shall not keep the main loop busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from burstd.core import discretion
from burstd.core.history import History
from burstd.core.model import Policy, Snapshot
from burstd.core.status import waits
from burstd.core.why import Why, explain, find, unknown
from burstd.engine.chronicle import Chronicle
from burstd.engine.desk import Answer, Sight
from burstd.engine.questions import Question
from burstd.engine.witness import Tick, Witness

NOT_SEEN = "burstd has not seen the lead yet; ask again in a moment."
NOT_YOURS = "It belongs to another user: only that user, the instance owner and root are told of it."


class Window(Witness):
    """The main loop tells it what happens; any thread may ask."""

    def __init__(self, policy: Policy, status: Answer, clock: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._clock = clock
        self._seen: tuple[Tick | None, Mapping[int, History]] = None, {}
        self._lead_answers = True
        self.chronicle = Chronicle()
        self.answers: Mapping[str, Answer] = {"why": self.why, "waiting": waiting}
        """Those that everybody is answered here; a desk may answer them, too."""
        self._all: Mapping[str, Answer] = {**self.answers, "status": status}

    def ticked(self, tick: Tick) -> None:
        """Keep what was seen and decided, in one step, since other threads read it."""
        self.chronicle.ticked(tick)
        self._seen = tick, self.chronicle.waiting

    def met(self, lead_answers: bool) -> None:
        self._lead_answers = lead_answers

    def answer(self, question: Question) -> Mapping[str, Any]:
        """Return the answer to a question that is none of the main loop's alone."""
        return self._all[question.ask](question, self._sight())

    def _sight(self) -> Sight:
        (tick, _), now = self._seen, self._clock()
        if tick is None:
            return Sight(Snapshot((), ()), self._policy, None, now, self._lead_answers)
        bursts = {one.name: one for one in (*tick.snapshot.bursts, *tick.plan.bursts)}
        seen = replace(tick.snapshot, bursts=tuple(bursts.values()))
        return Sight(seen, tick.policy, tick, now, self._lead_answers)

    def why(self, question: Question, sight: Sight) -> Mapping[str, Any]:
        """Answer why one job waits: `about` has its id as `job`."""
        job = int(question.about["job"])
        return replace(self._why(job, question.userid, sight), lead_answers=sight.lead_answers).document()

    def _why(self, job: int, userid: int, sight: Sight) -> Why:
        tick = sight.tick
        if tick is None:
            return unknown(job, sight.now, NOT_SEEN)
        told, whole = self.chronicle.told(job, self._seen[1]), sight.whole_for(userid)
        found = find(job, tick.snapshot.jobs)
        owner = found.userid if found else told.left.userid if told.left else userid
        if not whole and owner != userid:
            return unknown(job, sight.now, NOT_YOURS)
        words = discretion.whole_sentence if whole else discretion.sentence
        return explain(job, tick.snapshot, tick.policy, tick.plan, sight.now, told, words)


def waiting(question: Question, sight: Sight) -> Mapping[str, Any]:
    """Answer why jobs wait, by reason."""
    reasons = sight.plan.reasons
    found = waits(reasons)
    if not sight.whole_for(question.userid):
        found = discretion.waits_for_others(found, reasons, sight.jobs_of(question.userid))
    return {
        "at": sight.now,
        "seen": sight.tick is not None,
        "lead_answers": sight.lead_answers,
        "jobs": len(reasons),
        "waiting": [asdict(one) for one in found],
    }
