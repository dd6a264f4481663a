"""The objects of a cluster as controllers read and write them, whoever else changes them at the same time."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fakes.kube.status import Refused
from fakes.kube.store import Store

Object = dict[str, Any]
Condition = dict[str, Any]

_DICE = random.SystemRandom()
"""Dice of its own: a test that draws from the common ones meanwhile is not disturbed."""

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of Kubernetes' generated names."""


class Objects:
    """Reads copies; writes only what differs; what is gone meanwhile is left alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._store.get(resource, namespace, name)

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """Return every object of a resource; [] where there is no such resource."""
        return self._store.list(resource, namespace)

    def create(self, resource: str, manifest: Mapping[str, Any]) -> None:
        """Create an object, unless there is one of that name or its namespace is going."""
        with contextlib.suppress(Refused):
            self._store.create(resource, dict(manifest))

    def change(self, resource: str, seen: Object, edit: Callable[[Object], None]) -> None:
        """Edit an object as it is now, unless it is gone or another one has its name."""

        def edit_same(current: Object) -> None:
            if current["metadata"]["uid"] == seen["metadata"]["uid"]:
                edit(current)

        metadata = seen["metadata"]
        self._store.edit(resource, metadata.get("namespace", ""), metadata["name"], edit_same)

    def set_status(self, resource: str, seen: Object, status: Mapping[str, Any]) -> None:
        """Give an object this status."""
        self.change(resource, seen, lambda current: current.update(status=dict(status)))

    def delete(self, resource: str, seen: Object) -> None:
        self._store.delete(resource, seen["metadata"].get("namespace", ""), seen["metadata"]["name"])

    def finish(self, resource: str, seen: Object) -> None:
        """Let an object that is being deleted go."""
        self._store.finish(resource, seen["metadata"].get("namespace", ""), seen["metadata"]["name"])

    def note(self, about: Object, reason: str, message: str, kind: str = "Warning") -> None:
        """Write an Event about an object."""
        metadata = about["metadata"]
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{suffix(10)}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "kind": about.get("kind", "Pod"),
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
        }
        self.create("events", event)


def suffix(length: int = 5) -> str:
    """Return letters as Kubernetes puts them behind a generated name."""
    return "".join(_DICE.choices(_SAFE, k=length))


def now() -> str:
    """Return the time as Kubernetes writes it: RFC 3339, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def owned_by(owner: Mapping[str, Any], found: Iterable[Object]) -> list[Object]:
    """Return those objects whose controller is `owner`."""
    uid = owner["metadata"]["uid"]
    return [one for one in found if uid in _controllers(one)]


def owner_reference(owner: Mapping[str, Any], api_version: str, kind: str) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_going(seen: Mapping[str, Any]) -> bool:
    return bool(seen["metadata"].get("deletionTimestamp"))


def condition(status: Mapping[str, Any], kind: str) -> Condition:
    """Return the condition of a type; {} where there is none."""
    return next((one for one in status.get("conditions") or [] if one["type"] == kind), {})


def holds(status: Mapping[str, Any], kind: str) -> bool:
    return condition(status, kind).get("status") == "True"


def with_condition(status: Object, kind: str, value: bool, reason: str = "", message: str = "") -> Object:
    """Return the status with a condition set; its time is kept where its value is."""
    old = condition(status, kind)
    new: Condition = {"type": kind, "status": str(value), "lastTransitionTime": now()}
    if old.get("status") == new["status"]:
        new["lastTransitionTime"] = old["lastTransitionTime"]
    new |= {key: text for key, text in (("reason", reason), ("message", message)) if text}
    others = [one for one in status.get("conditions") or [] if one["type"] != kind]
    return status | {"conditions": [*others, new]}


def _controllers(seen: Mapping[str, Any]) -> list[str]:
    references = seen["metadata"].get("ownerReferences") or []
    return [one["uid"] for one in references if one.get("controller")]
