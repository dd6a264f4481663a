"""V1 jobspecs (RFC 25): made, wrapped, submitted; the same for a real Flux and the embedded one."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.lead.handle import Handle

DEFAULT_URGENCY = 16


def command_jobspec(
    command: Sequence[str],
    hosts: int = 0,
    *,
    tasks: int = 0,
    cores: int = 1,
    gpus: int = 0,
    burstable: bool | int | str | Mapping[str, Any] | None = None,
    cwd: str = "",
    environment: Mapping[str, str] | None = None,
    queue: str = "",
    requires: Mapping[str, Any] | None = None,
    duration: float = 0.0,
) -> dict[str, Any]:
    """Return what `flux submit` makes of a command.

    `hosts` alone is `-N`: whole hosts, one task each. With `tasks` too it is `-N -n`; `tasks` alone
    is `-n`. `cores` and `gpus` are of each task, `requires` is an RFC 31 constraint, `duration` is in
    seconds (0: none). Without `environment` the caller's own goes along, as with `flux submit`.
    """
    system: dict[str, Any] = {
        "duration": duration or 0,
        "cwd": cwd or str(Path.cwd()),
        "environment": dict(os.environ if environment is None else environment),
    }
    optional = {"queue": queue or None, "constraints": requires, "burstable": burstable}
    system |= {name: value for name, value in optional.items() if value is not None}
    return {
        "resources": [_resources(hosts, tasks, cores, gpus)],
        "tasks": [{"command": list(command), "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {"system": system},
        "version": 1,
    }


def _resources(hosts: int, tasks: int, cores: int, gpus: int) -> dict[str, Any]:
    inside = [{"type": "core", "count": cores}]
    if gpus:
        inside.append({"type": "gpu", "count": gpus})
    count = tasks // hosts if hosts and tasks else 1 if hosts else max(tasks, 1)
    slot = {"type": "slot", "count": count, "with": inside, "label": "task"}
    if not hosts:
        return slot
    host: dict[str, Any] = {"type": "node", "count": hosts, "with": [slot]}
    return host if tasks else {**host, "exclusive": True}


def wrap(jobspec: Mapping[str, Any]) -> str:
    """Return the signed form that job-ingest takes, by flux-security's mechanism `none` (RFC 15)."""
    fields = ("version", "i1", "userid", f"i{os.getuid()}", "mechanism", "snone")
    header = "".join(f"{field}\0" for field in fields)
    return f"{_base64(header)}.{_base64(json.dumps(jobspec))}.none"


def unwrap(signed: str) -> dict[str, Any]:
    """Return the jobspec inside what `wrap` made. Raises ValueError where it is not of that form."""
    parts = signed.split(".")
    if len(parts) != 3 or parts[2] != "none":
        raise ValueError("not a jobspec wrapped by mechanism none (RFC 15)")
    jobspec = json.loads(base64.b64decode(parts[1], validate=True))
    if not isinstance(jobspec, dict):
        raise ValueError("the wrapped jobspec is not an object (RFC 25)")
    return jobspec


def submit(handle: Handle, jobspec: Mapping[str, Any], urgency: int = DEFAULT_URGENCY) -> int:
    """Submit a job and return its id. Raises LeadLost, LeadRefused."""
    answer = handle.rpc("job-ingest.submit", {"J": wrap(jobspec), "urgency": urgency, "flags": 0})
    job = answer.get("id")
    if not isinstance(job, int):
        raise LeadRefused("job-ingest.submit", 71, "the answer has no job id")
    return job


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
