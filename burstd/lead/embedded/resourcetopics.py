"""Answers about hosts: their status, journal, drains, and what the scheduler makes of them."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.rset import Part, resource_set
from burstd.lead.embedded.sched import Ask, Mode, refusal
from burstd.lead.embedded.wire import Refusal, Reply
from burstd.lead.request import read_constraint, read_request

Payload = Mapping[str, Any]


def groups_get(instance: Instance, payload: Payload, reply: Reply) -> None:
    name = str(payload["name"])
    reply.respond(instance.resources.members(name))
    if payload["stream"] and name in instance.resources.groups:
        instance.resources.groups[name].add(reply)


def status(instance: Instance, _: Payload) -> Payload:
    return instance.resources.status()


def journal(instance: Instance, _: Payload, reply: Reply) -> None:
    instance.resources.follow(reply)


def drain(instance: Instance, payload: Payload) -> None:
    reason, mode = payload.get("reason", ""), payload.get("mode", "")
    if not isinstance(payload.get("targets"), str) or not isinstance(mode, str):
        raise Refusal(errno.EPROTO)
    instance.resources.drain(payload["targets"], str(reason or ""), mode)


def undrain(instance: Instance, payload: Payload) -> None:
    if not isinstance(payload.get("targets"), str):
        raise Refusal(errno.EPROTO)
    instance.resources.undrain(payload["targets"], str(payload.get("mode", "")))
    instance.execution.wake()


def sched_status(instance: Instance, _: Payload) -> Payload:
    resources = instance.resources
    down = [rank for rank in resources.names if not resources.usable(rank)]
    if instance.argv.sched.fluxion:
        return {
            "all": _whole(instance, resources.parts(resources.names)),
            "allocated": _whole(instance, instance.execution.allocated()),
            "down": _whole(instance, resources.parts(down)),
        }
    return {
        "all": resources.everything(),
        "allocated": resource_set(instance.execution.allocated(), properties=resources.properties),
        "down": resource_set(resources.parts(down)),
    }


def feasibility(instance: Instance, payload: Payload) -> None:
    """Refuse what the declared hosts can never give; like Flux's own it does not look at the queue."""
    jobspec = payload["jobspec"]
    allowed = read_constraint(jobspec.get("attributes", {}).get("system", {}).get("constraints"))
    ask = Ask(0, 1, read_request(jobspec), allowed)
    text = refusal(Mode.FIFO, ask, instance.execution.offers())
    if text and instance.argv.sched.fluxion:
        raise Refusal(errno.ENODEV, "Unsatisfiable request")
    if text:
        raise Refusal(errno.EOVERFLOW, text)


def _whole(instance: Instance, parts: list[Part]) -> Payload | None:
    """Return a resource set as Fluxion shows it: in whole seconds, with names; null where it is empty."""
    resources = instance.resources
    rset = resource_set(parts, resources.names, resources.properties)
    rset["execution"] |= {"starttime": 0, "expiration": 0}
    return rset if parts else None
