"""What events say about hosts that get no machine."""

from __future__ import annotations

from typing import Any

import pytest

from burstd.kube import scaleups
from burstd.kube.scaleups import Note


def event(reason: str, text: str, second: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": text,
        "involvedObject": {"name": "burst-0-0-x"},
        "lastTimestamp": f"2026-11-25T04:00:{second:02}Z",
    } | more


@pytest.mark.parametrize(
    ("note", "seconds"),
    [
        (Note("FailedScaleUp", "Node scale up in zones a failed: GCE out of resources. Pod is"), 300.0),
        (Note("FailedScaleUp", "Node scale up in zones a failed: GCE quota exceeded. Pod is"), 900.0),
        (Note("FailedScaleUp", "Node scale up in zones a failed: Internal error"), None),
        (Note("NotTriggerScaleUp", "pod didn't trigger: 1 in backoff after failed scale-up"), 300.0),
        (Note("NotTriggerScaleUp", "pod didn't trigger: 1 max node group size reached"), None),
        (Note("TriggeredScaleUp", "quota-pool 0->4"), None),
        (Note("FailedCreate", "Error creating: exceeded quota: small, requested: pods=1"), 900.0),
    ],
    ids=str,
)
def test_a_lack_of_room_is_told_from_what_passes(note: Note, seconds: float | None) -> None:
    """Only where an autoscaler says that there are no machines, or a quota, is none to be had."""
    assert scaleups.shortage(note) == seconds


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([event("FailedScaleUp", "", 1), event("TriggeredScaleUp", "", 2)], "TriggeredScaleUp"),
        ([event("FailedScaleUp", "", 2), event("TriggeredScaleUp", "", 1)], "FailedScaleUp"),
        ([event("TriggeredScaleUp", "", 1), event("NotTriggerScaleUp", "", 1)], "TriggeredScaleUp"),
        ([event("FailedScaleUp", "", 1), event("FailedScheduling", "", 5)], "FailedScaleUp"),
        (
            [
                event("TriggeredScaleUp", "", 3),
                event("FailedScaleUp", "", lastTimestamp=None, eventTime="2026-11-25T04:00:04.123456Z"),
            ],
            "FailedScaleUp",
        ),
        (
            [
                event("TriggeredScaleUp", "", 3),
                event("FailedScaleUp", "", 1, series={"lastObservedTime": "2026-11-25T04:00:05.0Z"}),
            ],
            "FailedScaleUp",
        ),
    ],
)
def test_the_latest_event_counts(events: list[dict[str, Any]], reason: str) -> None:
    """An autoscaler that tries again after a failure has not failed; in one second the failure counts."""
    assert scaleups.about(events)["burst-0-0-x"].reason == reason
