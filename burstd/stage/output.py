"""A job's standard output, read from its guest output eventlog (RFC 24)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from burstd.core.errors import LeadLost
from burstd.core.hosts import parse_idset
from burstd.lead.handle import Handle, Payload


def read_output(handle: Handle, job: int, seconds: float) -> list[tuple[int, str]]:
    """Return the lines a job wrote, each with its task; waits until the output is complete.

    Raises LeadLost when it is not complete after `seconds`.
    """
    lines: list[tuple[int, str]] = []
    for payload in _events(handle, job, seconds):
        event = json.loads(payload["event"])
        if event["name"] == "data":
            lines += _lines(event["context"])
    return lines


def _events(handle: Handle, job: int, seconds: float) -> Iterator[Payload]:
    stream = handle.stream("job-info.eventlog-watch", {"id": job, "path": "guest.output", "flags": 0})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            payload = stream.next(timeout=1.0)
        except StopIteration:
            return
        if payload is not None:
            yield payload
    raise LeadLost(f"the output of job {job} did not end within {seconds:g} s")


def _lines(context: Payload) -> Iterator[tuple[int, str]]:
    """One data event may be of several tasks that wrote the same: their ranks are an idset."""
    for task in parse_idset(str(context["rank"])):
        for line in str(context.get("data", "")).splitlines():
            yield task, line
