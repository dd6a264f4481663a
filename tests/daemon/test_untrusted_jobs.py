"""Jobs of any content beside one that wants hosts: burstd goes on, in lines that are lines."""

from __future__ import annotations

import re
from typing import Any

import pytest

from burstd.core.errors import LeadRefused
from burstd.core.model import JobState
from burstd.lead.jobspec import command_jobspec, wrap

pytestmark = pytest.mark.process

FORGED = "x\n2026-01-01T00:00:00Z ERROR everything is lost\x1b[2J\u2028\u202e\x9b"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR) .*")


def deep(levels: int) -> Any:
    constraint: Any = {"properties": ["burst"]}
    for _ in range(levels):
        constraint = {"not": [constraint]}
    return constraint


ODD: tuple[dict[str, Any], ...] = (
    {"burstable": FORGED},
    {"burstable": "y" * 200_000},
    {"burstable": {"pool": FORGED, "placement": ["mixed"]}},
    {"burstable": [[[[1]]]]},
    {"burstable": 1, "cwd": f"/home/{FORGED}"},
    {"burstable": 1, "cwd": "/" + "z" * 200_000},
    {"burstable": 1, "job": {"name": FORGED}},
    {"burstable": 1, "job": {"name": ["no", "text"]}},
    {"burstable": 1, "constraints": {"hostlist": ["burst-0-[0-999999999]"]}},
    {"burstable": 1, "constraints": deep(60)},
    {"burstable": 1, "constraints": {FORGED: ["x"]}},
)
"""What stands in `attributes.system` of jobs that nobody means well with."""


def submitted(town, system: dict[str, Any]) -> int | None:
    """Submit a job with these attributes; None where Flux itself does not take it."""
    spec = command_jobspec(["true"], 3, cwd="/tmp")
    spec["attributes"]["system"] |= system
    try:
        answer = town.watch.handle.rpc("job-ingest.submit", {"J": wrap(spec), "urgency": 16, "flags": 0})
    except LeadRefused:
        return None
    return int(answer["id"])


def test_jobs_of_any_content_neither_stop_burstd_nor_forge_a_line(town) -> None:
    """Beside every odd job a plain one gets its hosts, and each line of the log is one sentence."""
    taken = [job for system in ODD if (job := submitted(town, system)) is not None]
    assert taken
    daemon = town.burstd("--verbose")
    daemon.start()
    daemon.said("serving the lead", 20)
    daemon.said("bad-burstable", 20)
    daemon.said("unknown-target", 20)
    plain = town.watch.submit(["true"], 4)
    waiting = {job.id for job in town.watch.until(lambda view: bool(view.jobs), "jobs wait").jobs}
    for job in waiting - {plain}:
        cancel(town, job)

    assert len(town.watch.until_ended(plain, 60)) == 4
    daemon.stop()
    for line in daemon.lines:
        assert line.isprintable(), line
        assert LINE.fullmatch(line), line
        assert len(line) < 2000, line[:200]


def cancel(town, job: int) -> None:
    """Cancel a job, if it still waits, as its user would once they have seen why it waits."""
    view = town.watch.until(lambda _: True, "the lead is read")
    if any(one.id == job and one.state is not JobState.INACTIVE for one in view.jobs):
        exception = {"id": job, "type": "cancel", "severity": 0, "note": FORGED}
        town.watch.handle.rpc("job-manager.raise", exception, 0)
