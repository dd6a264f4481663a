"""Messages of google.container.v1 as values of burstd's own.

They are read by field name from the protocol buffers themselves: an enum's value that this client does not
know is then a number, and no warning.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from burstd.plugins.gke.seen import ClusterSeen, NodePoolSeen, OperationSeen, Words

_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The names of google.rpc.Code, by number."""


def cluster(message: Any) -> ClusterSeen:
    """Return a Cluster as burstd sees it."""
    return ClusterSeen(
        name=message.name,
        location=message.location or message.zone,
        id=message.id,
        status=_name(message, "status"),
        labels=dict(message.resource_labels),
        fingerprint=message.label_fingerprint,
        endpoint=message.endpoint,
        ca=_pem(message.master_auth.cluster_ca_certificate),
        created=_moment(message.create_time),
        words=_words(message),
        node_pools=tuple(map(node_pool, message.node_pools)),
    )


def node_pool(message: Any) -> NodePoolSeen:
    """Return a NodePool as burstd sees it."""
    return NodePoolSeen(
        name=message.name,
        status=_name(message, "status"),
        labels=dict(message.config.resource_labels),
        max_nodes=message.autoscaling.max_node_count,
        words=_words(message),
    )


def operation(message: Any) -> OperationSeen:
    """Return an Operation as burstd sees it. One that failed has `error`, an older one a status message."""
    error = message.error
    words = [Words(_code(error.code), error.message)] if error.code else []
    words += _conditions(message.cluster_conditions)
    words += _conditions(message.nodepool_conditions)
    words += [Words("", message.status_message)] if message.status_message else []
    done = _name(message, "status") == "DONE"
    return OperationSeen(
        name=message.name,
        location=message.location or message.zone,
        done=done,
        failed=done and bool(error.code or message.status_message),
        target=message.target_link,
        words=tuple(words),
        started=message.start_time,
    )


def _words(message: Any) -> tuple[Words, ...]:
    told = [*_conditions(message.conditions)]
    return (*told, Words("", message.status_message)) if message.status_message else tuple(told)


def _conditions(conditions: Iterable[Any]) -> Iterator[Words]:
    for condition in conditions:
        code = _name(condition, "code")
        yield Words(_code(condition.canonical_code) if code == "UNKNOWN" else code, condition.message)


def _name(message: Any, field: str) -> str:
    """Return the name of an enum's value, or its number where this client knows no name."""
    number = getattr(message, field)
    value = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return str(value.name) if value else str(number)


def _code(number: int) -> str:
    return _CODES[number] if 0 <= number < len(_CODES) else str(number)


def _pem(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one, and so is what it says of other letters
        return b""


def _moment(text: str) -> float:
    """Return seconds since the epoch of a time as RFC 3339 writes it; 0.0 where there is none."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0
    except (ValueError, OverflowError):
        return 0.0
