"""Answers of the broker itself: attributes, configuration, modules, services, state."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.clients import Connection
from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.wire import Refusal, Reply

Payload = Mapping[str, Any]

_FLAGS = 1
"""What Flux sends along with an attribute that does not change."""

_STATE_RUN = 5
"""The number of the broker state `run` in state-machine.monitor."""

_MODULES = ("config", "kvs", "groups", "resource", "job-manager", "job-ingest", "job-list", "job-info")

_OTHERS = (
    "rexec",
    "attr",
    "module",
    "service",
    "state-machine",
    "sched",
    "feasibility",
    "sched-fluxion-qmanager",
)

SERVICES = frozenset({*_MODULES, *_OTHERS})
"""The names that no client can have."""


def attr_get(instance: Instance, payload: Payload) -> Payload:
    value = instance.attribute(str(payload["name"]))
    if value is None:
        raise Refusal(errno.ENOENT)
    return {"value": value, "flags": _FLAGS}


def config_get(instance: Instance, _: Payload) -> Payload:
    return instance.file.tables


def module_list(instance: Instance, _: Payload) -> Payload:
    name = instance.scheduler()
    modules = [_module(module, [module]) for module in _MODULES]
    return {"mods": [*modules, _module(name, [name, "feasibility", "sched"])]}


def fluxion_params(instance: Instance, _: Payload) -> Payload:
    """Tell the queue policy in force: of the scheduler, and of each queue, which is the same here."""
    if not instance.argv.sched.fluxion:
        raise Refusal(errno.ENOSYS, "No service matching sched-fluxion-qmanager.params is registered")
    policy = {"queue-policy": str(instance.argv.sched), "queue-params": "", "policy-params": ""}
    return {"params": policy | dict.fromkeys(instance.queues.names(), policy)}


def _module(name: str, services: list[str]) -> dict[str, Any]:
    queues = {"sendqueue": 0, "recvqueue": 0}
    return {"name": name, "path": "embedded", "idle": 0, "status": 1, "services": services, **queues}


def state_wait(_instance: Instance, _: Payload) -> None:
    return None


def state_monitor(_instance: Instance, _: Payload, reply: Reply) -> None:
    reply.respond({"state": _STATE_RUN})
    reply.end()


def service_add(instance: Instance, payload: Payload, reply: Reply) -> None:
    """Give a name to one client until it lets go of it or is gone."""
    name = str(payload["service"])
    if not name or "." in name:
        raise Refusal(errno.EINVAL)
    if name in instance.services or name in SERVICES:
        raise Refusal(errno.EEXIST)
    client = reply.client
    if isinstance(client, Connection):
        instance.services[name] = client
        client.on_gone.append(lambda: _release(instance, name, client))
    reply.respond()


def service_remove(instance: Instance, payload: Payload, reply: Reply) -> None:
    name = str(payload["service"])
    if instance.services.get(name) is not reply.client:
        raise Refusal(errno.ENOENT)
    del instance.services[name]
    reply.respond()


def _release(instance: Instance, name: str, client: Connection) -> None:
    if instance.services.get(name) is client:
        del instance.services[name]
