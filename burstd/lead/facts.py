"""Reads what stays the same for the life of a broker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from errno import ENOENT
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.core.hosts import expand
from burstd.core.model import Scheduling
from burstd.lead.contract import LeadFacts
from burstd.lead.handle import Payload

_FLUXION = "sched-fluxion-qmanager"
_SCHEDULERS = dict.fromkeys(("sched-simple", "sched-fifo", "sched-backfill"), Scheduling.FIFO)
_POLICIES = {
    "fcfs": Scheduling.FCFS,
    "easy": Scheduling.BACKFILL,
    "conservative": Scheduling.BACKFILL,
    "hybrid": Scheduling.BACKFILL,
}

Call = Callable[[str, Payload], Payload]
"""Sends one RPC to rank 0. Raises LeadLost, LeadRefused."""


def read_facts(call: Call) -> LeadFacts:
    """Ask the broker for its facts. Raises LeadLost, LeadRefused."""
    config = call("config.get", {})
    bootstrap = config.get("bootstrap") or {}
    scheduler = _scheduler(call("module.list", {"service": ""}).get("mods") or ())
    policies = _queue_policies(call) if scheduler == _FLUXION else []
    owner = _attribute(call, "security.owner")
    return LeadFacts(
        generation=_attribute(call, "broker.uuid") or "",
        version=_attribute(call, "version") or "",
        hostlist=_attribute(call, "hostlist") or "",
        durable=_durable(call),
        curve_cert=str(bootstrap.get("curve_cert") or ""),
        lead_endpoint=endpoint(bootstrap),
        scheduler=scheduler,
        queue_policy=" ".join(policies),
        scheduling=scheduling(scheduler, policies),
        owner=int(owner) if owner else None,
        guests=(config.get("access") or {}).get("allow-guest-user") is True,
    )


def read_owner(call: Call) -> int:
    """Return the user id of the instance owner. Raises LeadLost, LeadRefused."""
    return int(call("attr.get", {"name": "security.owner"})["value"])


def scheduling(scheduler: str, policies: Collection[str]) -> Scheduling:
    """Say what a scheduler, Fluxion with its queues' policies, does with a job that waits for down hosts.

    One queue that refuses such jobs makes a lead that refuses them.
    """
    if scheduler != _FLUXION:
        return _SCHEDULERS.get(scheduler, Scheduling.UNKNOWN)
    found = {_POLICIES.get(policy, Scheduling.UNKNOWN) for policy in policies}
    return (
        Scheduling.FCFS
        if Scheduling.FCFS in found
        else found.pop()
        if len(found) == 1
        else Scheduling.UNKNOWN
    )


def endpoint(bootstrap: Mapping[str, Any]) -> str:
    """Return the URI at which `[bootstrap]` makes rank 0 reachable, "" if it names none.

    It is rank 0's own `connect`, else `default_connect` with its %h and %p filled in, else where
    rank 0 binds (flux-config-bootstrap).
    """
    first = next(iter(bootstrap.get("hosts") or ()), None)
    if not isinstance(first, Mapping) or not first.get("host"):
        return ""
    host = expand(str(first["host"]))[0]
    template = first.get("connect") or bootstrap.get("default_connect")
    template = template or first.get("bind") or bootstrap.get("default_bind") or ""
    return str(template).replace("%h", host).replace("%p", str(bootstrap.get("default_port", "")))


def _durable(call: Call) -> bool:
    """Tell whether the lead keeps its state over a restart.

    flux-core 0.88 always has a `statedir`: without one given it makes a temporary folder and sets
    the attribute `statedir-cleanup` to 1, and to 0 where the folder was given and stays. Brokers
    without that attribute have a `statedir` only if one was given.
    """
    cleanup = _attribute(call, "statedir-cleanup")
    return bool(_attribute(call, "statedir")) if cleanup is None else cleanup == "0"


def _attribute(call: Call, name: str) -> str | None:
    try:
        return str(call("attr.get", {"name": name})["value"])
    except LeadRefused as exc:
        if exc.errno == ENOENT:
            return None
        raise


def _queue_policies(call: Call) -> list[str]:
    """Return the policies of Fluxion's queues, each once: as they are in force, whatever set them."""
    params = call(f"{_FLUXION}.params", {})["params"]
    queues = [queue for queue in params.values() if isinstance(queue, Mapping)] or [params]
    return sorted({str(queue["queue-policy"]) for queue in queues})


def _scheduler(modules: Iterable[Mapping[str, Any]]) -> str:
    """Return the module that offers `sched`; one that is itself called so is offered by itself."""
    offering = (str(module.get("name")) for module in modules if "sched" in (module.get("services") or ()))
    return next(offering, "")
