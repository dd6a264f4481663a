"""The named queues of broker.toml: what they require, whether they schedule; and what submitting checks."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burstd.lead.embedded.wire import Refusal
from burstd.lead.request import read_constraint, read_request


@dataclass(slots=True)
class Queue:
    """One queue, or with no named queue the whole instance."""

    requires: list[str]
    started: bool
    stop_reason: str = ""


class Queues:
    """Named queues begin stopped, as in Flux; without any there is one nameless queue, which is started."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        named = tables.get("queues", {})
        policies = tables.get("policy", {}).get("jobspec", {}).get("defaults", {})
        self.named = bool(named)
        self.default = str(policies.get("system", {}).get("queue", ""))
        self._queues = {name: Queue(list(entry.get("requires", [])), False) for name, entry in named.items()}
        if not self.named:
            self._queues[""] = Queue([], True)

    def names(self) -> list[str]:
        return list(self._queues) if self.named else []

    def started(self, name: str) -> bool:
        return self._queues[name].started

    def status(self, name: str | None) -> dict[str, Any]:
        """Return the answer to job-manager.queue-status; None is the nameless queue."""
        if name is None and self.named:
            raise Refusal(errno.EINVAL, "a named queue is required")
        queue = self._find(name)
        stopped = {} if queue.started or not queue.stop_reason else {"stop_reason": queue.stop_reason}
        return {"enable": True, "start": queue.started, **stopped}

    def switch(self, name: str | None, everything: bool, start: bool, reason: str) -> None:
        """Start or stop scheduling of one queue or all. Raises Refusal on an unknown one."""
        if name is None and self.named and not everything:
            raise Refusal(errno.EINVAL, "Use --all to apply this command to all queues")
        chosen = self._queues.values() if everything else [self._find(name)]
        for queue in chosen:
            queue.started, queue.stop_reason = start, "" if start else reason

    def move(self, system: Mapping[str, Any], to: Any) -> dict[str, Any]:
        """Return what a jobspec's `attributes.system` becomes in another queue: that, and its constraint.

        Raises Refusal with the texts of job-manager.update.
        """
        present = str(system.get("queue", ""))
        if to == present:
            raise Refusal(errno.EINVAL, f"job queue is already set to {to}")
        requires = self._find(str(to)).requires
        if (system.get("constraints") or {}) != _constraint(self._queues[present].requires):
            text = "job appears to have non-queue constraints, unable to update queue to"
            raise Refusal(errno.EINVAL, f"{text} {present}")
        return {"attributes.system.queue": to, "attributes.system.constraints": _constraint(requires)}

    def admit(self, jobspec: dict[str, Any]) -> None:
        """Check a submitted jobspec, and write the default queue and the queue's constraint into it.

        Raises Refusal with the texts of job-ingest.
        """
        for key in ("resources", "tasks", "attributes", "version"):
            if key not in jobspec:
                raise Refusal(errno.EPERM, f"Missing key ({key})")
        system = jobspec["attributes"].setdefault("system", {})
        if self.default:
            system.setdefault("queue", self.default)
        name = system.get("queue", "")
        if name not in self._queues:
            raise Refusal(errno.EPERM, f"Invalid queue '{name}' specified" if name else "no queue specified")
        _add_properties(system, self._queues[name].requires)
        self._check(jobspec, system)

    def _check(self, jobspec: Mapping[str, Any], system: Mapping[str, Any]) -> None:
        if system.get("dependencies"):
            raise Refusal(errno.EINVAL, "burstd's embedded instance has no job dependencies")
        try:
            read_request(jobspec)
            read_constraint(system.get("constraints"))
            command = jobspec["tasks"][0]["command"]
        except (ValueError, KeyError, IndexError, TypeError) as exc:
            raise Refusal(errno.EINVAL, f"invalid jobspec: {exc}") from exc
        if not isinstance(command, list) or not command:
            raise Refusal(errno.EINVAL, "invalid jobspec: tasks[0].command is not a list of words")

    def _find(self, name: str | None) -> Queue:
        if name is None and not self.named:
            return self._queues[""]
        if not name or name not in self._queues:
            raise Refusal(errno.EINVAL, f"'{name or ''}' is not a valid queue")
        return self._queues[name]


def _constraint(requires: list[str]) -> dict[str, Any]:
    return {"properties": list(requires)} if requires else {}


def _add_properties(system: dict[str, Any], requires: list[str]) -> None:
    """Join what a queue requires to a job's own constraint, as Flux does at ingest."""
    if not requires:
        return
    own = system.get("constraints")
    if not own:
        system["constraints"] = {"properties": list(requires)}
    elif "properties" in own:
        own["properties"] += [name for name in requires if name not in own["properties"]]
    else:
        system["constraints"] = {"and": [own, {"properties": list(requires)}]}
