"""What job-list shows: one job as a row of attributes, and the constraints that choose rows."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any

from burstd.core.hosts import compress, expand, format_idset, parse_idset
from burstd.core.model import JobState, Request
from burstd.lead.embedded.jobs import Job
from burstd.lead.embedded.wire import Refusal
from burstd.lead.request import read

NUMBERS = {
    JobState.NEW: 1,
    JobState.DEPEND: 2,
    JobState.PRIORITY: 4,
    JobState.SCHED: 8,
    JobState.RUN: 16,
    JobState.CLEANUP: 32,
    JobState.INACTIVE: 64,
}
_GROUPS = {"pending": 14, "running": 48, "active": 62}
_RESULTS = {"completed": 1, "failed": 2, "canceled": 4, "timeout": 8}
_ORDER = {JobState.RUN: 1, JobState.CLEANUP: 1, JobState.INACTIVE: 2}


def row(job: Job, names: Mapping[int, str], userid: int, attrs: list[str]) -> dict[str, Any]:
    """Return a job as job-list shows it: the id, and those of `attrs` that are set; "all" is all."""
    everything = _attributes(job, names, userid)
    if "all" in attrs:
        return everything
    return {name: value for name, value in everything.items() if name == "id" or name in attrs}


def ordered(jobs: list[Job]) -> list[Job]:
    """Return jobs as job-list lists them: pending by priority, then running, then inactive."""
    return sorted(jobs, key=lambda job: (_ORDER.get(job.state, 0), -job.priority, job.id))


def matcher(constraint: Any, names: Mapping[int, str], userid: int) -> Callable[[Job], bool]:
    """Return what says whether a job is wanted. Raises Refusal on an operator that job-list has not."""
    if not constraint:
        return lambda _: True
    parts = [_operator(name, values, names, userid) for name, values in constraint.items()]
    return lambda job: all(part(job) for part in parts)


def _operator(name: str, values: Any, names: Mapping[int, str], userid: int) -> Callable[[Job], bool]:
    if name in ("and", "or", "not"):
        terms = [matcher(value, names, userid) for value in values]
        if name == "and":
            return lambda job: all(term(job) for term in terms)
        if name == "or":
            return lambda job: any(term(job) for term in terms)
        return lambda job: not all(term(job) for term in terms)
    if name not in ("states", "results", "userid", "name", "queue", "ranks", "hostlist"):
        text = f"invalid payload: constraint object invalid: unknown constraint operator: {name}"
        raise Refusal(errno.EPROTO, text)
    return _leaf(name, values, names, userid)


def _leaf(name: str, values: Any, names: Mapping[int, str], userid: int) -> Callable[[Job], bool]:
    match name:
        case "states":
            mask = _mask(values, _GROUPS | {str(state): bit for state, bit in NUMBERS.items()})
            return lambda job: bool(NUMBERS[job.state] & mask)
        case "results":
            mask = _mask(values, _RESULTS)
            return lambda job: not job.active and bool(result(job) & mask)
        case "userid":
            return lambda _: userid in values or -1 in values
        case "name":
            return lambda job: read(job.jobspec).name in values
        case "queue":
            return lambda job: job.queue in values
        case "ranks":
            ranks = {rank for value in values for rank in parse_idset(str(value))}
            return lambda job: any(part.rank in ranks for part in job.parts)
        case _:
            hosts = {host for value in values for host in expand(value)}
            return lambda job: any(names[part.rank] in hosts for part in job.parts)


def _mask(values: Any, bits: Mapping[str, int]) -> int:
    mask = 0
    for value in values:
        bit = value if isinstance(value, int) else bits.get(str(value).lower())
        if bit is None:
            raise Refusal(
                errno.EPROTO, f"invalid payload: constraint object invalid: invalid value '{value}'"
            )
        mask |= bit
    return mask


def result(job: Job) -> int:
    """Return how the job ended: 1 completed, 2 failed, 4 canceled, 8 timeout."""
    if job.fatal:
        return {"cancel": 4, "timeout": 8}.get(job.fatal["type"], 2)
    return 1 if job.status == 0 else 2


def _attributes(job: Job, names: Mapping[int, str], userid: int) -> dict[str, Any]:
    reading = read(job.jobspec)
    request = reading.request
    shown: dict[str, Any] = {
        "id": job.id,
        "userid": userid,
        "urgency": job.urgency,
        "priority": job.priority,
        **job.times,
        "state": NUMBERS[job.state],
        "name": reading.name,
        "cwd": job.system.get("cwd"),
        "queue": job.queue or None,
        "ntasks": request.slots * max(request.hosts, 1),
        "ncores": _ncores(job, request),
        "duration": float(job.system.get("duration", 0)),
        "nnodes": len(job.parts) or request.hosts or None,
        "annotations": {name: notes for name, notes in job.annotations.items() if notes} or None,
        **_allocation(job, names),
        **(_ending(job) if not job.active else {}),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _ncores(job: Job, request: Request) -> int | None:
    if job.parts:
        return sum(len(part.cores) for part in job.parts)
    return None if request.exclusive else request.slots * max(request.hosts, 1) * request.cores


def _allocation(job: Job, names: Mapping[int, str]) -> dict[str, Any]:
    if not job.r:
        return {}
    ranks = [part.rank for part in job.parts]
    nodelist = compress(names[rank] for rank in ranks)
    expiration = float(job.r["execution"]["expiration"])
    return {"ranks": format_idset(ranks), "nodelist": nodelist, "expiration": expiration}


def _ending(job: Job) -> dict[str, Any]:
    fatal = job.fatal or {}
    return {
        "success": result(job) == 1,
        "exception_occurred": bool(fatal),
        "exception_type": fatal.get("type"),
        "exception_severity": fatal.get("severity"),
        "exception_note": fatal.get("note"),
        "result": result(job),
        "waitstatus": job.status,
    }
