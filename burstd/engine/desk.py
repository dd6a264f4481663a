"""Where questions are answered: from what the loop saw last, whether the lead answers now or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from burstd.core.model import Host, Plan, Policy, Snapshot
from burstd.core.reasons import Reason
from burstd.core.status import status
from burstd.engine.control import Question


class Desk:
    """Used by the main loop alone."""

    def __init__(self) -> None:
        self.questions: Callable[[], Iterable[Question]] = lambda: ()
        """Tells what was asked since the last time; whoever made this may listen for some."""
        self._hosts: tuple[Host, ...] = ()
        self._reasons: tuple[tuple[int, Reason], ...] = ()

    def keep(self, snapshot: Snapshot, plan: Plan) -> None:
        """Take in what was seen of the lead and why jobs wait."""
        self._hosts, self._reasons = snapshot.hosts, plan.reasons

    def answer(
        self, known: Callable[[float], Snapshot], policy: Policy, now: float, *, lead_answers: bool
    ) -> None:
        """Answer every question; `known` tells what is known now without the lead."""
        for question in self.questions():
            seen = replace(known(now), hosts=self._hosts)
            found = status(seen, policy, self._reasons, now, lead_answers=lead_answers)
            question.answer(found.document())
