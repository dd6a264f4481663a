"""Answers of job-info and job-list: what can be read of jobs."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.joblist import matcher, ordered, row
from burstd.lead.embedded.jobs import Job, as_line, eventlog, watchers
from burstd.lead.embedded.wire import Refusal, Reply

Payload = Mapping[str, Any]

_DECODE = 1
"""The flag of job-info.lookup that asks for objects instead of text."""

_CURRENT = 2
"""The flag that asks for the jobspec with its updates."""


def lookup(instance: Instance, payload: Payload) -> Payload:
    job = instance.jobs.get(payload["id"])
    if job is None:
        raise Refusal(errno.ENOENT, "invalid job id")
    current = bool(payload.get("flags", 0) & _CURRENT)
    texts = {key: _text(job, key, current) for key in payload["keys"]}
    if payload.get("flags", 0) & _DECODE:
        decoded = {key: json.loads(texts[key]) for key in texts if key in ("jobspec", "R")}
        return {"id": job.id, **texts, **decoded}
    return {"id": job.id, **texts}


def eventlog_watch(instance: Instance, payload: Payload, reply: Reply) -> None:
    job = instance.jobs.get(payload["id"])
    if job is None or payload["path"] not in ("eventlog", "guest.output"):
        raise Refusal(errno.ENOENT)
    for event in job.events if payload["path"] == "eventlog" else job.output:
        reply.respond({"event": as_line(event)})
    if job.active:
        watchers(job, payload["path"]).add(reply)
    else:
        reply.end()


def list_jobs(instance: Instance, payload: Payload, reply: Reply) -> None:
    most, names = int(payload["max_entries"]), instance.resources.names
    attrs, since = list(payload["attrs"]), float(payload.get("since", 0.0))
    wanted = matcher(payload.get("constraint"), names, instance.userid)
    jobs = [job for job in ordered(instance.jobs.all()) if wanted(job) and _since(job, since)]
    for index, job in enumerate(jobs[: most or None]):
        version = {} if index else {"version": 1}
        reply.respond({"jobs": [row(job, names, instance.userid, attrs)], **version})
    reply.end()


def list_id(instance: Instance, payload: Payload) -> Payload:
    job = instance.jobs.get(payload["id"])
    if job is None:
        raise Refusal(errno.ENOENT)
    return {"job": row(job, instance.resources.names, instance.userid, list(payload["attrs"]))}


def _since(job: Job, since: float) -> bool:
    return job.active or job.times.get("t_inactive", 0.0) > since


def _text(job: Job, key: str, current: bool) -> str:
    if key == "eventlog":
        return eventlog(job.events)
    if key == "jobspec":
        return json.dumps(job.jobspec, separators=(",", ":")) if current else job.submitted_spec
    if key == "guest.output" and job.output:
        return eventlog(job.output)
    if key == "R" and job.r:
        return json.dumps(job.r, separators=(",", ":"))
    raise Refusal(errno.ENOENT, f"{key}: key not found")
