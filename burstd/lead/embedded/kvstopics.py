"""Answers of the key-value store: whole values of the primary namespace, kept as long as the lead lives."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from burstd.lead.embedded.instance import Instance
from burstd.lead.embedded.wire import Refusal

Payload = Mapping[str, Any]


def lookup(instance: Instance, payload: Payload) -> Payload:
    _check(payload)
    value = instance.values.get(str(payload["key"]))
    if value is None:
        raise Refusal(errno.ENOENT)
    return {"val": value}


def commit(instance: Instance, payload: Payload) -> Payload:
    _check(payload)
    for operation in payload["ops"]:
        instance.values[str(operation["key"])] = dict(operation["dirent"])
    instance.commits += 1
    return {"rootseq": instance.commits, "rootref": f"embedded-{instance.commits}"}


def _check(payload: Payload) -> None:
    if payload["namespace"] != "primary":
        raise Refusal(errno.EOPNOTSUPP)
