"""The lead's named queues, read and switched by RPC (flux-queue, flux-config-queues)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burstd.core.marks import NO_HOST
from burstd.core.model import Queue
from burstd.lead.facts import Call

_OURS = (NO_HOST, "")
"""The stop reasons of a queue that burstd may start."""


def read_queues(call: Call) -> tuple[Queue, ...]:
    """Return the named queues by name; the one nameless queue of a lead without any is none of them.

    Raises LeadLost, LeadRefused.
    """
    names = sorted(call("job-manager.queue-list", {}).get("queues") or ())
    tables = (call("config.get", {}).get("queues") or {}) if names else {}
    return tuple(_queue(name, _status(call, name), tables.get(name) or {}) for name in names)


def start(call: Call, name: str) -> None:
    """Start a queue that is stopped for burstd's reason or for none. Raises LeadLost, LeadRefused."""
    status = _status(call, name)
    if not status["start"] and (status.get("stop_reason") or "") in _OURS:
        call("job-manager.queue-start", {"name": name, "start": True, "all": False})


def stop(call: Call, name: str) -> None:
    """Stop a queue that runs, for burstd's reason. Raises LeadLost, LeadRefused."""
    if _status(call, name)["start"]:
        how = {"start": False, "all": False, "reason": NO_HOST}
        call("job-manager.queue-start", {"name": name, **how})


def _status(call: Call, name: str) -> Mapping[str, Any]:
    return call("job-manager.queue-status", {"name": name})


def _queue(name: str, status: Mapping[str, Any], table: Mapping[str, Any]) -> Queue:
    requires = frozenset(map(str, table.get("requires") or ()))
    return Queue(name, bool(status["start"]), str(status.get("stop_reason") or ""), requires)
