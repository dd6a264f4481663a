"""The resource module's journal, folded into the declared ranks and their condition. Pure.

It begins with what `resource.status` says, since the journal may have dropped its oldest events.
The journal tells its history, an empty response, then each event as it happens. After a restart of
the lead with its statedir, the drains of earlier runs stand before the `restart` event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.errors import LeadLost
from burstd.core.hosts import parse_idset
from burstd.core.model import Shape
from burstd.lead.handle import Payload
from burstd.lead.rlite import declared

EXCLUDED = "excluded by the lead's configuration"
"""Stands in for the drain reason of a rank that the lead never lets jobs use."""


@dataclass(slots=True)
class Condition:
    """One rank as it is now. `quiet_since` is when it last came online or was undrained."""

    online: bool = False
    torpid: bool = False
    drain_reason: str | None = None
    quiet_since: float = 0.0


class Inventory:
    """The fold; it begins with the answer of `resource.status`."""

    def __init__(self, status: Payload) -> None:
        """Begin with a status. Raises LeadLost where it is not understood."""
        self.complete = False
        self.declared: dict[int, tuple[str, Shape]] = {}
        self.conditions: dict[int, Condition] = {}
        self.touched: set[int] = set()
        """Ranks that changed; whoever draws hosts from the fold empties it."""
        self._understand(self._begin, status)

    def apply(self, response: Payload) -> None:
        """Take in one response of the journal. Raises LeadLost where it is not understood."""
        self._understand(self._apply, response)

    def _understand(self, take: Callable[[Payload], None], payload: Payload) -> None:
        try:
            take(payload)
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise LeadLost(f"the resource module sent what is not understood ({exc!r})") from exc

    def _begin(self, status: Payload) -> None:
        self._define(status.get("R"))
        self._excluded = frozenset(parse_idset(status.get("exclude") or ""))
        for condition in self._each(status.get("online")):
            condition.online = True
        for condition in self._each(status.get("torpid")):
            condition.torpid = True
        for ranks, drain in (status.get("drain") or {}).items():
            for condition in self._each(ranks):
                condition.drain_reason = drain.get("reason") or ""

    def _apply(self, response: Payload) -> None:
        self._define(response.get("R"))
        if not response["events"]:
            self.complete = True
        for event in response["events"]:
            step = _STEPS.get(event["name"])
            context = event.get("context") or {}
            if event["name"] == "restart":
                self._restart(context)
            elif step is not None:
                for condition in self._each(context["idset"]):
                    step(condition, context, event["timestamp"])

    def reason(self, rank: int) -> str | None:
        """Return why a rank takes no jobs, None if it does."""
        return EXCLUDED if rank in self._excluded else self.conditions[rank].drain_reason

    def _define(self, rset: Mapping[str, Any] | None) -> None:
        if rset:
            self.declared = declared(rset)
            self.touched |= self.declared.keys()
            for rank in self.declared:
                self.conditions.setdefault(rank, Condition())

    def _restart(self, context: Mapping[str, Any]) -> None:
        for condition in self.conditions.values():
            condition.online = condition.torpid = False
        for condition in self._each(context.get("online")):
            condition.online = True
        self.touched |= self.conditions.keys()

    def _each(self, idset: str | None) -> list[Condition]:
        ranks = parse_idset(idset or "")
        self.touched.update(ranks)
        return [self.conditions.setdefault(rank, Condition()) for rank in ranks]


Step = Callable[[Condition, Mapping[str, Any], float], None]


def _online(condition: Condition, _context: Mapping[str, Any], at: float) -> None:
    condition.online, condition.quiet_since = True, at


def _offline(condition: Condition, _context: Mapping[str, Any], _at: float) -> None:
    condition.online = condition.torpid = False


def _drain(condition: Condition, context: Mapping[str, Any], _at: float) -> None:
    """`overwrite` 0 keeps a reason that is there; 1 and 2 replace it."""
    if context.get("overwrite", 1) or not condition.drain_reason:
        condition.drain_reason = context.get("reason") or ""


def _undrain(condition: Condition, _context: Mapping[str, Any], at: float) -> None:
    condition.drain_reason, condition.quiet_since = None, at


def _torpid(condition: Condition, _context: Mapping[str, Any], _at: float) -> None:
    condition.torpid = True


def _lively(condition: Condition, _context: Mapping[str, Any], _at: float) -> None:
    condition.torpid = False


_STEPS: Mapping[str, Step] = {
    "online": _online,
    "offline": _offline,
    "drain": _drain,
    "undrain": _undrain,
    "torpid": _torpid,
    "lively": _lively,
}
