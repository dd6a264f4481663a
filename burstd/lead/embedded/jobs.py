"""Jobs as their eventlogs tell them (RFC 21): every change is an event, every reader follows events."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from burstd.core.jobid import next_fluid
from burstd.core.model import JobState
from burstd.lead.embedded.rset import Part
from burstd.lead.embedded.sched import Ask
from burstd.lead.embedded.wire import Reply, Subscribers
from burstd.lead.request import read

Event = dict[str, Any]

_MAX_PRIORITY = 4294967295
_EXPEDITED = 31
_STATES = {
    "submit": JobState.DEPEND,
    "depend": JobState.PRIORITY,
    "alloc": JobState.RUN,
    "finish": JobState.CLEANUP,
    "clean": JobState.INACTIVE,
}
_TIMES = {
    "submit": "t_submit",
    "validate": "t_depend",
    "depend": "t_priority",
    "priority": "t_sched",
    "alloc": "t_run",
    "finish": "t_cleanup",
    "clean": "t_inactive",
}
"""What each event does to a job's state and which of job-list's times it sets, unless it is set."""


@dataclass(slots=True)
class Job:
    """One job. `jobspec` is without its environment, as Flux shows it."""

    id: int
    jobspec: dict[str, Any]
    environment: dict[str, str]
    urgency: int
    submitted_spec: str
    events: list[Event] = field(default_factory=list)
    output: list[Event] = field(default_factory=list)
    watchers: dict[str, Subscribers] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    annotations: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: JobState = JobState.NEW
    priority: int = 0
    parts: tuple[Part, ...] = ()
    r: dict[str, Any] | None = None
    status: int | None = None
    fatal: dict[str, Any] | None = None
    running: set[int] = field(default_factory=set)
    """The ranks whose tasks have not all ended."""

    @property
    def system(self) -> dict[str, Any]:
        attributes: dict[str, Any] = self.jobspec.get("attributes", {}).get("system", {})
        return attributes

    @property
    def queue(self) -> str:
        return str(self.system.get("queue", ""))

    @property
    def active(self) -> bool:
        return self.state is not JobState.INACTIVE

    def ask(self) -> Ask:
        """Return what the scheduler needs to know. Submitting checked that it can be read."""
        reading = read(self.jobspec)
        return Ask(self.id, self.priority, reading.request, reading.constraint, self.queue)


class Jobs:
    """All jobs of the instance, and the streams that follow them."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._last = 0
        self._jobs: dict[int, Job] = {}
        self._journal = Subscribers()

    def get(self, id_: int) -> Job | None:
        return self._jobs.get(id_)

    def all(self) -> list[Job]:
        return list(self._jobs.values())

    def in_state(self, state: JobState) -> list[Job]:
        return [job for job in self._jobs.values() if job.state is state]

    def add(self, jobspec: dict[str, Any], urgency: int, flags: int, userid: int) -> Job:
        """Make a job of a checked jobspec and take it up to where it waits for an allocation."""
        self._last = next_fluid(self._last, time.monotonic() - self._started)
        environment = jobspec.get("attributes", {}).get("system", {}).pop("environment", {})
        job = Job(self._last, jobspec, environment, urgency, json.dumps(jobspec, separators=(",", ":")))
        self._jobs[job.id] = job
        context = {"userid": userid, "urgency": urgency, "flags": flags, "version": 1}
        self.post(job, "submit", context, jobspec=jobspec)
        self.post(job, "validate")
        self.post(job, "depend")
        self.prioritize(job)
        return job

    def prioritize(self, job: Job) -> None:
        """Give the job the priority that follows from its urgency."""
        job.priority = _MAX_PRIORITY if job.urgency == _EXPEDITED else job.urgency
        self.post(job, "priority", {"priority": job.priority})
        if job.state is JobState.PRIORITY:
            job.state = JobState.SCHED

    def update(self, job: Job, updates: Mapping[str, Any]) -> None:
        """Change a waiting job's `attributes.system`, by dotted path, and give it its priority anew."""
        job.jobspec = deepcopy(job.jobspec)
        for path, value in updates.items():
            job.system[path.removeprefix("attributes.system.")] = value
        self.post(job, "jobspec-update", updates)
        self.prioritize(job)

    def post(self, job: Job, name: str, context: Mapping[str, Any] | None = None, **beside: Any) -> None:
        """Append an event and tell whoever follows; `beside` goes into the journal's response alone."""
        event = make_event(name, context)
        job.events.append(event)
        job.state = _STATES.get(name, job.state)
        if name in _TIMES:
            job.times.setdefault(_TIMES[name], event["timestamp"])
        self._journal.publish({"id": job.id, "events": [event], **beside})
        watchers(job, "eventlog").publish({"event": as_line(event)})
        if name == "clean":
            watchers(job, "eventlog").end()
            watchers(job, "guest.output").end()

    def mention(self, job: Job, name: str, context: Mapping[str, Any]) -> None:
        """Tell the journal of an event that no eventlog keeps."""
        self._journal.publish({"id": job.id, "events": [make_event(name, context)]})

    def write_output(self, job: Job, name: str, context: Mapping[str, Any]) -> None:
        """Append an event to the job's output eventlog (RFC 24)."""
        event = make_event(name, context)
        job.output.append(event)
        watchers(job, "guest.output").publish({"event": as_line(event)})

    def follow(self, reply: Reply, full: bool) -> None:
        """Answer job-manager.events-journal: one response a job, the sentinel, then whatever comes."""
        for job in reversed(self._jobs.values()):
            if full or job.active:
                beside: dict[str, Any] = {"jobspec": job.jobspec}
                beside |= {"R": job.r} if job.r else {}
                reply.respond({"id": job.id, "events": list(job.events), **beside})
        reply.respond({"id": -1, "events": []})
        self._journal.add(reply)


def watchers(job: Job, path: str) -> Subscribers:
    """Return the streams that watch one of the job's eventlogs."""
    return job.watchers.setdefault(path, Subscribers())


def make_event(name: str, context: Mapping[str, Any] | None = None) -> Event:
    """Return an event of now (RFC 18)."""
    event: Event = {"timestamp": time.time(), "name": name}
    return event if context is None else event | {"context": dict(context)}


def as_line(event: Event) -> str:
    """Return an event as it stands in an eventlog."""
    return json.dumps(event, separators=(",", ":")) + "\n"


def eventlog(events: list[Event]) -> str:
    return "".join(map(as_line, events))
