"""What Kubernetes' events say about hosts that get no machine, and whether none can be had. Pure.

Events of the Cluster Autoscaler (TriggeredScaleUp, NotTriggerScaleUp) and of GKE's (FailedScaleUp) are about
pods, those of the Job controller (FailedCreate) about the Job whose pods a quota forbids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from burstd.kube.kinds import Manifest

STOCKOUT_SECONDS = 300.0
"""Before machines are asked for again that there were none of; autoscalers rest as long after a failure."""

QUOTA_SECONDS = 900.0
"""Before a quota that was used up is tried again."""

_TELLING = ("NotTriggerScaleUp", "TriggeredScaleUp", "FailedScaleUp", "FailedCreate")
"""The events that count, the last of them most where two are of the same second."""

_REFUSING = ("NotTriggerScaleUp", "FailedScaleUp", "FailedCreate")
_SECOND = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True)
class Note:
    """What an event says: its reason, and its text."""

    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.text}"


def about(events: Iterable[Manifest]) -> Mapping[str, Note]:
    """Return the latest note about each object, by its name."""
    telling = [event for event in events if event.get("reason") in _TELLING]
    return {
        event["involvedObject"]["name"]: Note(event["reason"], str(event.get("message", "")))
        for event in sorted(telling, key=_when)
    }


def shortage(note: Note) -> float | None:
    """Return after how many seconds to ask again, where a note says that none can be had; else None."""
    text = note.text.lower()
    if note.reason not in _REFUSING:
        return None
    if "quota" in text:
        return QUOTA_SECONDS
    lacking = "out of resources" in text or "in backoff after failed scale-up" in text
    return STOCKOUT_SECONDS if lacking else None


def _when(event: Manifest) -> tuple[str, int]:
    """A whole second counts: some events have no finer time, and some have one only in their series."""
    series = (event.get("series") or {}).get("lastObservedTime")
    time = series or event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or ""
    return str(time)[:_SECOND], _TELLING.index(event["reason"])
