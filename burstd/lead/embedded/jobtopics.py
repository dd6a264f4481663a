"""Answers of job-ingest and job-manager: what changes jobs and queues, and the journal of it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.jobs import Job
from burstd.lead.embedded.resourcetopics import feasibility
from burstd.lead.embedded.wire import Refusal, Reply
from burstd.lead.jobspec import unwrap

Payload = Mapping[str, Any]

_QUEUE = "attributes.system.queue"
_LAST_URGENCY = 31
_LAST_SEVERITY = 7


def submit(instance: Instance, payload: Payload) -> Payload:
    signed, urgency = payload.get("J"), payload.get("urgency")
    if not isinstance(signed, str) or not isinstance(urgency, int):
        raise Refusal(errno.EPROTO, "error decoding job request: Protocol error")
    if not 0 <= urgency <= _LAST_URGENCY:
        raise Refusal(errno.EINVAL, f"urgency range is [0:{_LAST_URGENCY}]")
    try:
        jobspec = unwrap(signed)
    except ValueError as exc:
        raise Refusal(errno.EINVAL, "could not unwrap jobspec: Invalid argument") from exc
    instance.queues.admit(jobspec)
    job = instance.jobs.add(jobspec, urgency, int(payload.get("flags", 0)), instance.userid)
    instance.execution.wake()
    return {"id": job.id}


def journal(instance: Instance, payload: Payload, reply: Reply) -> None:
    instance.jobs.follow(reply, bool(payload.get("full", False)))


def raise_exception(instance: Instance, payload: Payload) -> None:
    type_, severity = payload["type"], payload["severity"]
    if not isinstance(type_, str) or not type_ or " " in type_:
        raise Refusal(errno.EPROTO, "invalid exception type")
    if not isinstance(severity, int) or not 0 <= severity <= _LAST_SEVERITY:
        raise Refusal(errno.EPROTO, "invalid exception severity")
    job = _active(instance, payload["id"])
    instance.execution.raise_exception(job, type_, severity, str(payload.get("note", "")))


def urgency(instance: Instance, payload: Payload) -> Payload:
    wanted = int(payload["urgency"])
    if not 0 <= wanted <= _LAST_URGENCY:
        raise Refusal(errno.EINVAL, "urgency value is out of range")
    job = instance.jobs.get(payload["id"])
    if job is None or not job.active:
        raise Refusal(errno.EINVAL, "job is inactive" if job else "unknown job")
    return {"old_urgency": instance.execution.set_urgency(job, wanted)}


def update(instance: Instance, payload: Payload) -> None:
    """Move a waiting job to another queue; Flux could change its duration too, which nobody asks for here."""
    _need(payload, "id", "updates")
    job, updates = instance.jobs.get(payload["id"]), payload["updates"]
    if job is None or not job.active:
        raise Refusal(errno.EINVAL, "job is inactive") if job else Refusal(errno.ENOENT, "unknown job id")
    for path in updates:
        if path != _QUEUE:
            raise Refusal(errno.EINVAL, f"update of {path} not supported")
    if updates:
        instance.execution.update(job, lambda: _move(instance, job, updates[_QUEUE]))


def _move(instance: Instance, job: Job, queue: Any) -> Payload:
    """Return what a move changes. Raises Refusal, as Flux does, also where the other queue could never do."""
    changes = instance.queues.move(job.system, queue)
    system = job.system | {path.rpartition(".")[2]: value for path, value in changes.items()}
    feasibility(instance, {"jobspec": job.jobspec | {"attributes": {"system": system}}})
    return changes


def getattr_(instance: Instance, payload: Payload) -> Payload:
    """Tell of a job what the job manager keeps of it in memory, decoded."""
    _need(payload, "id", "attrs")
    job, names = instance.jobs.get(payload["id"]), payload["attrs"]
    if job is None:
        raise Refusal(errno.EINVAL, "unknown job")
    known = {"eventlog": list(job.events), "jobspec": job.jobspec}
    for name in names:
        if name not in known:
            raise Refusal(errno.ENOENT, f"unknown attr {name}")
    return {name: known[name] for name in names}


def memo(instance: Instance, payload: Payload) -> None:
    """Merge notes into the job's annotations; null takes one out. Volatile ones reach no eventlog."""
    job, notes = _active(instance, payload["id"]), payload["memo"]
    merged = {**job.annotations.get("user", {}), **notes}
    job.annotations["user"] = {name: value for name, value in merged.items() if value is not None}
    if not job.annotations["user"]:
        del job.annotations["user"]
    post = instance.jobs.mention if payload.get("volatile") else instance.jobs.post
    post(job, "memo", notes)


def queue_list(instance: Instance, _: Payload) -> Payload:
    return {"queues": instance.queues.names()}


def queue_status(instance: Instance, payload: Payload) -> Payload:
    return instance.queues.status(payload.get("name"))


def queue_start(instance: Instance, payload: Payload) -> None:
    _need(payload, "start", "all")
    reason = str(payload.get("reason") or "")
    instance.queues.switch(payload.get("name"), bool(payload["all"]), bool(payload["start"]), reason)
    instance.execution.wake()


def _need(payload: Payload, *names: str) -> None:
    """Refuse a request that lacks a part, as the job manager does: without naming it."""
    if any(name not in payload for name in names):
        raise Refusal(errno.EPROTO, "Protocol error")


def _active(instance: Instance, id_: int) -> Job:
    job = instance.jobs.get(id_)
    if job is None or not job.active:
        raise Refusal(errno.ENOENT, "job is inactive" if job else "unknown job id")
    return job
