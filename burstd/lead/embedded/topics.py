"""Every topic the embedded instance answers; any other is ENOSYS.

Each line names its handler, whether it streams, and the recorded transcripts of flux-core 0.88 that its
payloads were held to ("" where it was held to a real instance by hand).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.lead.embedded import brokertopics, commands, jobtopics, kvstopics, listtopics, resourcetopics
from burstd.lead.embedded.clients import Connection
from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.wire import Refusal, Reply
from burstd.lead.handle import ANY_RANK

Payload = Mapping[str, Any]
Answer = Callable[[Instance, Payload], Mapping[str, Any] | None]
Flow = Callable[[Instance, Payload, Reply], None]


@dataclass(frozen=True, slots=True)
class Topic:
    """A handler: `answer` returns the one response, `flow` sends any number, maybe later."""

    transcripts: str
    answer: Answer | None = None
    flow: Flow | None = None
    everywhere: bool = False
    """Whether every rank that is online answers it, and not rank 0 alone."""


TOPICS: Mapping[str, Topic] = {
    "attr.get": Topic("attr.get attr.get-missing attrs-lead instance-uuid", brokertopics.attr_get),
    "config.get": Topic("config.get config.get-queues", brokertopics.config_get),
    "module.list": Topic("module.list-fluxion", brokertopics.module_list),
    "service.add": Topic("service.add service.add-*", flow=brokertopics.service_add),
    "service.remove": Topic("service.remove service.remove-notowned", flow=brokertopics.service_remove),
    "kvs.lookup": Topic("kvs.lookup", kvstopics.lookup),
    "kvs.commit": Topic("", kvstopics.commit),
    "sched-fluxion-qmanager.params": Topic("", brokertopics.fluxion_params),
    "state-machine.wait": Topic("state-machine.wait", brokertopics.state_wait),
    "state-machine.monitor": Topic("state-machine.monitor", flow=brokertopics.state_monitor),
    "rexec.exec": Topic("", flow=commands.execute, everywhere=True),
    "groups.get": Topic("groups.get.* groups.get-streaming", flow=resourcetopics.groups_get),
    "resource.status": Topic("resource.status resource.status-drained*", resourcetopics.status),
    "resource.drain": Topic("resource.drain resource.drain-*", resourcetopics.drain),
    "resource.undrain": Topic("resource.undrain resource.undrain-*", resourcetopics.undrain),
    "resource.journal": Topic("resource.journal-initial resource.journal-E", flow=resourcetopics.journal),
    "sched.resource-status": Topic("sched.resource-status*", resourcetopics.sched_status),
    "feasibility.check": Topic("feasibility.check-*", resourcetopics.feasibility),
    "job-ingest.submit": Topic("", jobtopics.submit),
    "job-manager.events-journal": Topic(
        "job-manager.events-journal-full-* stream-1 stream-2", flow=jobtopics.journal
    ),
    "job-manager.raise": Topic("job-manager.raise-*", jobtopics.raise_exception),
    "job-manager.urgency": Topic("job-manager.urgency-*", jobtopics.urgency),
    "job-manager.update": Topic("job-manager.update-*", jobtopics.update),
    "job-manager.getattr": Topic("", jobtopics.getattr_),
    "job-manager.memo": Topic("job-manager.memo job-manager.memo-*", jobtopics.memo),
    "job-manager.queue-list": Topic("job-manager.queue-list", jobtopics.queue_list),
    "job-manager.queue-status": Topic("job-manager.queue-status*", jobtopics.queue_status),
    "job-manager.queue-start": Topic(
        "job-manager.queue-start job-manager.queue-stop-reason", jobtopics.queue_start
    ),
    "job-info.lookup": Topic("job-info.lookup*", listtopics.lookup),
    "job-info.eventlog-watch": Topic("", flow=listtopics.eventlog_watch),
    "job-list.list": Topic("job-list.list-*", flow=listtopics.list_jobs),
    "job-list.list-id": Topic("job-list.list-id*", listtopics.list_id),
}


def serve(instance: Instance, connection: Connection, message: Payload) -> None:
    """Answer one request of a client."""
    reply, payload = Reply(int(message["id"]), connection), message.get("payload") or {}
    try:
        topic = _topic(instance, str(message["topic"]), int(message["nodeid"]))
        if topic.flow:
            asked = {"stream": message["stream"], "nodeid": _rank(int(message["nodeid"]))}
            topic.flow(instance, payload | asked, reply)
        elif topic.answer:
            reply.respond(topic.answer(instance, payload))
    except Refusal as refusal:
        reply.refuse(refusal)
    except (KeyError, TypeError, ValueError) as exc:
        reply.refuse(_malformed(exc))


def _topic(instance: Instance, name: str, nodeid: int) -> Topic:
    if nodeid not in (0, ANY_RANK) and nodeid not in instance.resources.online:
        raise Refusal(errno.EHOSTUNREACH, "No route to host")
    topic = TOPICS.get(name)
    if topic is None or (_rank(nodeid) and not topic.everywhere):
        raise Refusal(errno.ENOSYS, _unknown(name))
    return topic


def _rank(nodeid: int) -> int:
    return 0 if nodeid == ANY_RANK else nodeid


def _unknown(name: str) -> str:
    if name.partition(".")[0] in brokertopics.SERVICES:
        return f"Unknown service method '{name}'"
    return f"No service matching {name} is registered"


def _malformed(exc: Exception) -> Refusal:
    if isinstance(exc, KeyError):
        return Refusal(errno.EPROTO, f"invalid payload: Object item not found: {exc.args[0]}")
    return Refusal(errno.EPROTO, f"invalid payload: {exc}")
