"""One set of questions to a fresh lead of one host, put alike to a real Flux and to the embedded instance.

Run as a program it asks the lead that FLUX_URI names and prints what it heard as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.lead.connect import opener
from burstd.lead.handle import Handle, Stream
from burstd.lead.jobspec import command_jobspec, submit, wrap

HERE = {"PATH": os.environ["PATH"]}
NO_ATTRIBUTES = {
    name: part for name, part in command_jobspec(["true"], environment={}).items() if name != "attributes"
}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("attr.get", {"name": "nosuch"}),
    ("nosuch.topic", {}),
    ("job-manager.nosuch", {}),
    ("resource.drain", {"targets": "9", "reason": "x"}),
    ("resource.drain", {"targets": "nosuch", "reason": "x"}),
    ("resource.drain", {"targets": "0", "reason": "x", "mode": "bogus"}),
    ("resource.undrain", {"targets": "0"}),
    ("job-manager.raise", {"id": 1, "type": "burst", "severity": 4}),
    ("job-manager.raise", {"id": 1, "type": "two words", "severity": 4}),
    ("job-manager.raise", {"id": 1, "type": "burst", "severity": 9}),
    ("job-manager.memo", {"id": 1, "memo": {"x": 1}}),
    ("job-manager.urgency", {"id": 1, "urgency": 0}),
    ("job-manager.urgency", {"id": 1, "urgency": 99}),
    ("job-manager.queue-status", {"name": "nosuch"}),
    ("job-info.lookup", {"id": 1, "keys": ["jobspec"], "flags": 0}),
    ("job-list.list-id", {"id": 1, "attrs": ["all"]}),
    ("job-ingest.submit", {"J": "zzz", "urgency": 16, "flags": 0}),
    ("job-ingest.submit", {"J": wrap(NO_ATTRIBUTES), "urgency": 16, "flags": 0}),
    ("job-ingest.submit", {"urgency": 16, "flags": 0}),
    ("job-ingest.submit", {"J": wrap({}), "urgency": 99, "flags": 0}),
    ("service.add", {"service": "job-manager"}),
    ("service.add", {"service": "a.b"}),
    ("service.remove", {"service": "nosuch"}),
    ("feasibility.check", {"jobspec": command_jobspec(["true"], 3, environment={})}),
    ("feasibility.check", {"jobspec": command_jobspec(["true"], 2, tasks=2, environment={})}),
    ("feasibility.check", {"jobspec": command_jobspec(["true"], tasks=1, cores=64, environment={})}),
    ("feasibility.check", {"jobspec": command_jobspec(["true"], tasks=1, gpus=1, environment={})}),
]


def ask(handle: Handle) -> dict[str, Any]:
    """Return every answer, less what differs from one instance to the next."""
    return {
        "refused": [refusal(handle, topic, payload) for topic, payload in REFUSED],
        "services": _services(handle),
        "size": handle.rpc("attr.get", {"name": "size"}),
        "groups": handle.rpc("groups.get", {"name": "broker.online"}, 0),
        "queues": [handle.rpc("job-manager.queue-list", {}), handle.rpc("job-manager.queue-status", {})],
        "sched": _shape(handle.rpc("sched.resource-status", {})),
        "status": sorted(handle.rpc("resource.status", {}, 0)),
        "jobs": _jobs(handle),
        "drains": _drains(handle),
        "commands": _commands(handle),
    }


def _commands(handle: Handle) -> list[Any]:
    """Return what commands beside any job write and how they end, as `flux exec` would hear it."""
    script = "echo out; echo err >&2; printf 'no %s' \"$@\"; exit 3"
    command = {"cmdline": ["sh", "-c", script, "sh", "e'n$d"], "env": {}, "opts": {}, "channels": []}
    complaint = command | {"cmdline": ["sh", "-c", "echo err >&2"], "env": {"PATH": "/bin:/usr/bin"}}
    killed = command | {"cmdline": ["sh", "-c", "kill -9 $$"], "cwd": "/tmp"}
    missing = command | {"cmdline": ["/no/such/command"]}
    return [
        _command(handle, {"cmd": command, "flags": 3}),
        _command(handle, {"cmd": complaint, "flags": 2}),
        _command(handle, {"cmd": killed, "flags": 3, "local_flags": 0}),
        _command(handle, {"cmd": missing, "flags": 3}),
        _command(handle, {"cmd": {"cmdline": ["true"]}, "flags": 3}),
        _command(handle, {"cmd": command, "flags": 3}, 7),
    ]


def _command(handle: Handle, payload: Mapping[str, Any], rank: int = 0) -> list[Any]:
    """Return the responses in an order that does not depend on which stream was read first."""
    stream = handle.stream("rexec.exec", payload, rank)
    heard: list[str] = []
    try:
        while (response := stream.next(10.0)) is not None:
            heard.append(json.dumps(response | {"pid": "pid"}, sort_keys=True))
    except StopIteration:
        return sorted(heard)
    except LeadRefused as refused:
        return [refused.errno, refused.text]
    raise TimeoutError("a command does not end")


def _services(handle: Handle) -> list[Any]:
    add = ("service.add", {"service": "burstd"})
    first = dict(handle.rpc(*add))
    return [first, refusal(handle, *add), dict(handle.rpc("service.remove", add[1]))]


def _jobs(handle: Handle) -> dict[str, Any]:
    script = "echo out; echo err >&2; printf 'no end'; exit 3"
    failing = command_jobspec(["sh", "-c", script], tasks=2, cwd="/nonexistent", environment=HERE)
    endless = command_jobspec(
        ["sh", "-c", "echo here; exec sleep 300"], tasks=1, cwd="/tmp", environment=HERE, burstable=True
    )
    missing = command_jobspec(["no-such-command"], tasks=1, cwd="/tmp", environment=HERE)
    too_large = command_jobspec(["true"], tasks=1, cores=64, cwd="/tmp", environment=HERE)
    jobs = {
        "failing": submit(handle, failing),
        "missing": submit(handle, missing),
        "too large": submit(handle, too_large),
        "held": submit(handle, endless, urgency=0),
    }
    held = jobs.pop("held")
    events = ends(handle, jobs)
    handle.rpc("job-manager.memo", {"id": held, "memo": {"burst": "waits", "n": 4}})
    handle.rpc("job-manager.memo", {"id": held, "memo": {"n": None}})
    handle.rpc("job-manager.raise", {"id": held, "type": "burst", "severity": 4, "note": "no host"})
    asked = {"old": handle.rpc("job-manager.urgency", {"id": held, "urgency": 16})}
    _await_output(handle, held)
    handle.rpc("job-manager.raise", {"id": held, "type": "cancel", "severity": 0, "note": "why"})
    jobs["held"] = held
    events |= ends(handle, {"held": held})
    lookup = handle.rpc("job-info.lookup", {"id": held, "keys": ["jobspec", "R"], "flags": 1})
    return {
        "events": events,
        "output": _output(handle, jobs["failing"]),
        "rows": {name: _row(handle, job) for name, job in jobs.items()},
        "lookup": _shape(lookup),
        "inactive": [
            refusal(handle, "job-manager.raise", {"id": held, "type": "cancel", "severity": 0}),
            refusal(handle, "job-manager.memo", {"id": held, "memo": {"x": 1}}),
            refusal(handle, "job-manager.urgency", {"id": held, "urgency": 0}),
        ],
        **asked,
    }


def ends(handle: Handle, jobs: Mapping[str, int]) -> dict[str, Any]:
    """Return the whole eventlog of each job, once it is over."""
    return {name: [told(event) for event in _watch(handle, job, "eventlog")] for name, job in jobs.items()}


def _drains(handle: Handle) -> dict[str, Any]:
    journal = handle.stream("resource.journal", {}, 0)
    # the history first: what happens while Flux sends it can come twice
    seen = _until(journal, lambda events: not events)
    for mode in ({}, {"mode": "update"}, {"mode": "overwrite"}, {"mode": "force-overwrite"}):
        handle.rpc("resource.drain", {"targets": "0", "reason": f"because {mode}", **mode}, 0)
    again = refusal(handle, "resource.drain", {"targets": "0", "reason": "again"})
    drained = handle.rpc("resource.status", {}, 0)["drain"]["0"]["reason"]
    handle.rpc("resource.undrain", {"targets": "0"}, 0)
    seen += _until(journal, lambda events: events[-1]["name"] == "undrain")
    events = [told(event) for event in seen if event["name"] not in ("restart", "resource-define")]
    for event in events:
        event.get("context", {}).pop("nodelist", None)
    return {"again": again, "reason": drained, "journal": events}


def _until(journal: Stream, last: Callable[[list[Any]], bool]) -> list[Any]:
    """Return the events of a journal up to the response that is the last wanted."""
    seen: list[Any] = []
    while True:
        response = journal.next(10.0)
        if response is None:
            raise TimeoutError("the journal says no more")
        seen += response["events"]
        if last(response["events"]):
            return seen


def _row(handle: Handle, job: int) -> Mapping[str, Any]:
    """Return a finished job's row; job-list is a moment behind the journal."""
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        row = dict(handle.rpc("job-list.list-id", {"id": job, "attrs": ["all"]})["job"])
        if row["state"] == 64:
            names = sorted(row)
            differing = {"id", "nodelist"} | {name for name in row if name.startswith("t_")}
            return {"names": names, **{name: row[name] for name in names if name not in differing}}
    raise TimeoutError(f"job-list does not see the end of {job}")


def _output(handle: Handle, job: int) -> list[str]:
    """Return what was written, in an order that does not depend on who was first."""
    written = [told(event) for event in _watch(handle, job, "guest.output")]
    for event in written:
        event["context"] = {
            name: value for name, value in event["context"].items() if name not in ("file", "line")
        }
    return sorted(json.dumps(event, sort_keys=True) for event in written)


def _watch(handle: Handle, job: int, path: str) -> list[dict[str, Any]]:
    stream = handle.stream("job-info.eventlog-watch", {"id": job, "path": path, "flags": 0})
    seen: list[dict[str, Any]] = []
    try:
        while True:
            response = stream.next(10.0)
            if response is None:
                raise TimeoutError(f"the {path} of {job} does not end")
            seen.append(json.loads(response["event"]))
    except StopIteration:
        return seen


def _await_output(handle: Handle, job: int) -> None:
    """Wait until a job's task is well under way: Flux ends a job otherwise that is cancelled before."""
    stream = handle.stream("job-info.eventlog-watch", {"id": job, "path": "guest.output", "flags": 1})
    while (response := stream.next(10.0)) is not None:
        if json.loads(response["event"])["name"] == "data":
            return
    raise TimeoutError(f"job {job} writes nothing")


def told(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "timestamp"}


def refusal(handle: Handle, topic: str, payload: Mapping[str, Any]) -> list[Any]:
    try:
        return [topic, dict(handle.rpc(topic, payload))]
    except LeadRefused as refused:
        return [topic, refused.errno, refused.text]


def _shape(value: Any) -> Any:
    """Return a payload with its numbers and the names of hosts taken out."""
    if isinstance(value, Mapping):
        return {name: _shape(entry) for name, entry in sorted(value.items()) if name != "nodelist"}
    if isinstance(value, list):
        return [_shape(entry) for entry in value]
    return type(value).__name__ if isinstance(value, float | int) else value


if __name__ == "__main__":
    lead = opener(None)()
    json.dump(ask(lead), sys.stdout)
    lead.close()
