"""What the loop remembers of its own effects and no journal tells: lost with the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from burstd.core.marks import BUSY
from burstd.core.model import Directory, LeadView, Verb
from burstd.core.steward import OVERRULED
from burstd.engine.effects import Ended


class Memory:
    """Used by the main loop alone."""

    def __init__(self) -> None:
        self._opened: set[str] = set()
        self._nudged: dict[int, float] = {}
        self._overruled: set[int] = set()
        self._prepared: dict[int, frozenset[Directory]] = {}
        self._renewed: dict[str, tuple[float, bool]] = {}
        self._checkpointed = (0.0, "")

    def note(self, one: Ended) -> None:
        """Take in how an effect ended.

        A directory that could not be made counts as made: no job is kept waiting for ever because of it.
        """
        action, at = one.action, one.outcome.at
        match action.verb:
            case Verb.PREPARE:
                for rank in action.ranks:
                    self._prepared[rank] = self._prepared.get(rank, frozenset()) | set(action.directories)
            case Verb.NUDGE:
                self._nudged[action.job] = at
            case Verb.UNHOLD if action.text == OVERRULED:
                self._overruled.add(action.job)
            case Verb.OPEN if one.outcome.failure is None:
                self._opened.add(action.queue)
            case Verb.RENEW if one.outcome.failure is None:
                self._renewed[f"{action.pool}-g{action.generation}"] = (at, action.text == BUSY)
            case Verb.CHECKPOINT if one.outcome.failure is None:
                self._checkpointed = (at, action.text)

    def forget_lead(self) -> None:
        """Begin anew with a lead that is another: what was done to the one before is gone with it."""
        self._opened.clear()
        self._prepared.clear()
        self._checkpointed = (0.0, "")

    def forget_jobs(self, waiting: Collection[int]) -> None:
        """Keep only what is about jobs that still wait."""
        self._nudged = {job: at for job, at in self._nudged.items() if job in waiting}
        self._overruled &= set(waiting)

    def forget_burst(self, name: str) -> None:
        self._renewed.pop(name, None)

    def fields(self, view: LeadView) -> Mapping[str, Any]:
        """Return the fields of a Snapshot that are told from here."""
        return {
            "opened": frozenset(self._opened),
            "nudged": tuple(sorted(self._nudged.items())),
            "overruled": frozenset(self._overruled),
            "prepared": self._prepared_on(view),
            "renewed": tuple((name, at, busy) for name, (at, busy) in sorted(self._renewed.items())),
            "checkpointed": self._checkpointed,
        }

    def _prepared_on(self, view: LeadView) -> tuple[tuple[int, frozenset[Directory]], ...]:
        """A host that was down meanwhile may be another machine: what was made on it is forgotten."""
        online = {host.rank for host in view.hosts if host.online} if self._prepared else set()
        self._prepared = {rank: made for rank, made in self._prepared.items() if rank in online}
        return tuple(sorted(self._prepared.items()))
