"""One set of questions on queues and holds to a fresh lead of one host, put alike to both kinds of lead.

Its queues are `batch`, the default, `other`, and `burst`, which requires a property that no host has. Run
as a program it asks the lead that FLUX_URI names and prints what it heard as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from flux_questions import HERE, ends, refusal, told

from burstd.lead.connect import opener
from burstd.lead.handle import Handle
from burstd.lead.jobspec import command_jobspec, submit

QUEUES = """
[queues.batch]
[queues.other]
[queues.burst]
requires = ["burst"]
[policy.jobspec.defaults.system]
queue = "batch"
"""

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("sched-fluxion-qmanager.params", {}),
    ("job-manager.queue-status", {}),
    ("job-manager.queue-status", {"name": ""}),
    ("job-manager.queue-start", {"start": False, "all": False}),
    ("job-manager.queue-start", {"name": "nosuch", "start": False, "all": False}),
    ("job-manager.queue-start", {"name": "burst", "start": False}),
    ("job-manager.queue-start", {"name": "burst", "all": False}),
    ("job-manager.update", {"id": 1, "updates": {"attributes.system.queue": "burst"}}),
    ("job-manager.update", {"id": 1}),
    ("job-manager.getattr", {"id": 1, "attrs": ["eventlog"]}),
    ("job-manager.getattr", {"id": 1}),
]
SWITCHES: list[dict[str, Any]] = [
    {"start": True},
    {"start": False},
    {"start": False, "reason": "why"},
    {"start": False, "reason": "burstd: no host up"},
    {"start": True},
    {"start": False},
]


def ask(handle: Handle) -> dict[str, Any]:
    """Return every answer, less what differs from one instance to the next."""
    return {
        "refused": [refusal(handle, topic, payload) for topic, payload in REFUSED],
        "names": sorted(handle.rpc("job-manager.queue-list", {})["queues"]),
        "first": handle.rpc("job-manager.queue-status", {"name": "burst"}),
        "switched": [_switch(handle, "burst", **switch) for switch in SWITCHES],
        "moved": _moves(handle),
        "started": _switch(handle, "batch", start=True),
        "waited": _waits(handle),
    }


def _switch(handle: Handle, name: str, **how: Any) -> Mapping[str, Any]:
    handle.rpc("job-manager.queue-start", {"name": name, "all": False, **how})
    return handle.rpc("job-manager.queue-status", {"name": name})


def _job(handle: Handle, hosts: int, urgency: int = 16, **requires: Any) -> int:
    jobspec = command_jobspec(["true"], hosts, cwd="/tmp", environment=HERE, requires=requires or None)
    return submit(handle, jobspec, urgency)


def _moves(handle: Handle) -> dict[str, Any]:
    """Move one job about, hold it, and release it to its end."""
    plain, own = _job(handle, 1), _job(handle, 1, properties=["nosuch"])
    answers = [_move(handle, plain, queue) for queue in ("batch", "nosuch", "burst", "other", "batch")]
    answers += [_move(handle, own, queue) for queue in ("batch", "burst")]
    answers.append(refusal(handle, "job-manager.getattr", {"id": plain, "attrs": ["nosuch"]})[1:])
    for path in ("attributes.system.constraints", "attributes.system.burstable"):
        updates = {"id": plain, "updates": {path: {}}}
        answers.append(refusal(handle, "job-manager.update", updates)[1:])
    handle.rpc("job-manager.memo", {"id": plain, "memo": {"burstd_hold": {"owner": "x", "epoch": 1}}})
    handle.rpc("job-manager.urgency", {"id": plain, "urgency": 0})
    held = handle.rpc("job-manager.getattr", {"id": plain, "attrs": ["eventlog", "jobspec"]})
    handle.rpc("job-manager.urgency", {"id": plain, "urgency": 16})
    handle.rpc("job-manager.memo", {"id": plain, "memo": {"burstd_hold": None}})
    handle.rpc("job-manager.raise", {"id": own, "type": "cancel", "severity": 0})
    _switch(handle, "batch", start=True)
    events = ends(handle, {"plain": plain})
    _switch(handle, "batch", start=False)
    return {
        "answers": answers,
        "held": [told(event) for event in held["eventlog"]],
        "jobspec": held["jobspec"]["attributes"]["system"],
        "events": events,
        "gone": _move(handle, plain, "burst"),
        "kept": sorted(handle.rpc("job-manager.getattr", {"id": plain, "attrs": ["eventlog"]})),
    }


def _move(handle: Handle, job: int, queue: str) -> list[Any]:
    updates = {"attributes.system.queue": queue}
    return refusal(handle, "job-manager.update", {"id": job, "updates": updates})[1:]


def _waits(handle: Handle) -> dict[str, Any]:
    """Ask for more hosts than there are, then for one, and cancel what waits still."""
    many = _job(handle, 2)
    one = submit(handle, command_jobspec(["true"], tasks=1, cwd="/tmp", environment=HERE))
    events = ends(handle, {"one": one})
    answer = refusal(handle, "job-manager.raise", {"id": many, "type": "cancel", "severity": 0})[1:]
    return {"cancel": answer, **events, **ends(handle, {"many": many})}


if __name__ == "__main__":
    lead = opener(None)()
    json.dump(ask(lead), sys.stdout)
    lead.close()
