"""A job's eventlogs, followed to their end; its standard output is one of them (RFC 24)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from burstd.core.errors import LeadLost
from burstd.core.hosts import parse_idset
from burstd.lead.handle import Handle, Payload

WAIT_FOR_IT = 1
"""FLUX_JOB_EVENT_WATCH_WAITCREATE: the eventlog may not be there yet."""


def read_output(handle: Handle, job: int, seconds: float) -> list[tuple[int, str]]:
    """Return the lines a job wrote, each with its task; waits until the output is complete.

    Raises LeadLost when it is not complete after `seconds`.
    """
    lines: list[tuple[int, str]] = []
    for event in follow(handle, job, "guest.output", seconds):
        if event["name"] == "data":
            lines += _lines(event["context"])
    return lines


def follow(handle: Handle, job: int, path: str, seconds: float) -> Iterator[Payload]:
    """Yield the events of one of a job's eventlogs (RFC 18) until it ends.

    Raises LeadLost when it does not end within `seconds`.
    """
    wanted = {"id": job, "path": path, "flags": WAIT_FOR_IT}
    stream = handle.stream("job-info.eventlog-watch", wanted)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            payload = stream.next(timeout=1.0)
        except StopIteration:
            return
        for line in payload["event"].splitlines() if payload else ():
            yield json.loads(line)
    raise LeadLost(f"the {path} of job {job} did not end within {seconds:g} s")


def _lines(context: Payload) -> Iterator[tuple[int, str]]:
    """One data event may be of several tasks that wrote the same: their ranks are an idset."""
    for task in parse_idset(str(context["rank"])):
        for line in str(context.get("data", "")).splitlines():
            yield task, line
