"""The objects of a cluster and the history of their changes, with what the API promises of every write.

An object that was stored is never changed again, only replaced: what `snapshot`, `page` and the watches hand
out is shared and must not be changed. `get`, `list` and all that writes give copies.
"""

from __future__ import annotations

import copy
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fakes.kube import checks, defaults, ownership, status
from fakes.kube.kinds import CRDS, Kind, Kinds
from fakes.kube.ownership import Manager
from fakes.kube.status import Object

Key = tuple[str, str, str]
Change = Callable[[Object], Object | None]

CONTROLLER = Manager("controller")
_KEPT = ("name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion", "generateName")
_DYING = ("deletionTimestamp", "deletionGracePeriodSeconds")
_FIRST_VERSION = 1000
"""A cluster has a past: a watch from version 1 is answered with 410."""
_UNGRACED = {"namespaces", CRDS}
"""Resources whose deletion is marked with a time alone: no grace, not even of 0 seconds, no generation."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change; `before` is None where the object is new, `after` is None where it is gone."""

    version: int
    resource: str
    before: Object | None
    after: Object | None
    last: Object
    """The object as the change left it."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete: DeleteOptions."""

    policy: str = "Background"
    grace_seconds: int | None = None
    uid: str | None = None
    version: str | None = None


class Store:
    """Thread-safe. With `hold_pods`, deleted pods stay, marked, until a fake kubelet calls `finish`."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.hold_pods = False
        self.logs: dict[tuple[str, str, str], str] = {}
        """What containers wrote, by namespace, pod and container."""
        self.version = self.compacted = _FIRST_VERSION
        self.closed = False
        self._objects: dict[Key, Object] = {}
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._wakes: list[Callable[[], None]] = []

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        with self._changed:
            return copy.deepcopy(self._objects.get((resource, namespace, name)))

    def list(
        self, resource: str, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Return copies, of all namespaces where none is given."""
        wanted = dict(labels or {}).items()
        found = self.snapshot(resource, namespace)[1]
        return [
            copy.deepcopy(obj) for obj in found if wanted <= (obj["metadata"].get("labels") or {}).items()
        ]

    def create(
        self, resource: str, obj: Object, *, manager: Manager | None = CONTROLLER, dry_run: bool = False
    ) -> Object:
        """Create an object in `metadata.namespace`. Raises Refused as the API would."""
        kind = self.kinds.of(resource)
        with self._changing():
            fresh = _begin(kind, obj)
            self._admit(kind, fresh)
            _complete(kind, fresh)
            if manager:
                fresh = ownership.record(None, fresh, manager, _now())
            return copy.deepcopy(fresh if dry_run else self._commit(kind, None, fresh))

    def update(self, resource: str, obj: Object) -> Object:
        """Replace a whole object, status too, whatever its version. Raises Refused (404) if it is absent."""
        meta = obj["metadata"]
        key = resource, meta.get("namespace", ""), meta["name"]
        updated = self.edit(*key, lambda _: copy.deepcopy(obj))
        if updated is None:
            raise status.absent(resource, meta["name"])
        return updated

    def set_status(self, resource: str, namespace: str, name: str, status: Object) -> Object | None:
        """Replace an object's status; None where the object is absent."""
        return self.edit(resource, namespace, name, lambda obj: obj | {"status": copy.deepcopy(status)})

    def edit(
        self,
        resource: str,
        namespace: str,
        name: str,
        change: Change,
        *,
        manager: Manager | None = CONTROLLER,
        dry_run: bool = False,
    ) -> Object | None:
        """Change an object in one step that no other write can come between; None where it is absent.

        `change` gets a copy and returns the object as it shall be, or None when it changed the copy itself.
        Without a manager, `managedFields` stay as `change` left them.
        """
        kind = self.kinds.of(resource)
        with self._changing():
            before = self._objects.get((resource, namespace, name))
            if before is None:
                return None
            draft = copy.deepcopy(before)
            after = _settle(kind, before, change(draft) or draft, manager)
            if dry_run or _same(before, after):
                return copy.deepcopy(after if dry_run else before)
            return copy.deepcopy(self._keep_or_drop(kind, before, after))

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete as the API does: finalizers hold, dependents follow. An absent object is fine."""
        if self.get(resource, namespace, name) is not None:
            self.remove(resource, namespace, name, Deletion())

    def remove(
        self, resource: str, namespace: str, name: str, how: Deletion, *, dry_run: bool = False
    ) -> tuple[Object, bool]:
        """Begin a deletion; return the object and whether it is gone. Raises Refused (404, 409)."""
        kind = self.kinds.of(resource)
        with self._changing():
            before = self._objects.get((resource, namespace, name))
            if before is None:
                raise status.absent(resource, name)
            _check_preconditions(resource, before, how)
            after = self._mark(kind, before, how)
            held = self._held(kind, after)
            if held and not dry_run and not _same(before, after):
                after = self._commit(kind, before, after)
            if not held and not dry_run:
                self._commit(kind, before, None)
            return copy.deepcopy(after), not held

    def finish(self, resource: str, namespace: str, name: str) -> None:
        """Remove for good, whatever holds it: a kubelet ended a pod."""
        with self._changing():
            if before := self._objects.get((resource, namespace, name)):
                self._commit(self.kinds.of(resource), before, None)

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after every change, from any thread; return what ends that."""
        self._wakes.append(wake)
        return lambda: self._wakes.remove(wake)

    def snapshot(self, resource: str, namespace: str = "") -> tuple[int, list[Object]]:
        """Return the version and the objects of a resource, shared, by namespace and name."""
        with self._changed:
            keys = sorted(key for key in self._objects if key[0] == resource and namespace in {"", key[1]})
            return self.version, [self._objects[key] for key in keys]

    def everything(self) -> list[tuple[str, Object]]:
        """Return every resource and object, shared."""
        with self._changed:
            return [(key[0], obj) for key, obj in self._objects.items()]

    def events_after(self, version: int, resource: str, timeout: float) -> tuple[int, list[Event]]:
        """Wait for changes after a version; return the version reached and those of the resource."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > version or self.closed, timeout)
            fresh = self._events[self._index(version) :]
            return self.version, [event for event in fresh if event.resource == resource]

    def compact(self) -> None:
        """Answer new watches and pages from before now with 410; watches that run go on."""
        with self._changing():
            self.version += 1
            self.compacted = self.version

    def close(self) -> None:
        """Release all who wait for changes."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def open(self) -> None:
        self.closed = False

    def wait_closed(self, timeout: float) -> None:
        """Wait, at most until the store closes."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed, timeout)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._changed:
            version = self.version
            yield
            moved = self.version != version
            self._changed.notify_all()
        for wake in tuple(self._wakes) if moved else ():
            wake()

    def _index(self, version: int) -> int:
        """Events come in order of version, one each, without gaps but those of `compact`."""
        for index in range(len(self._events), 0, -1):
            if self._events[index - 1].version <= version:
                return index
        return 0

    def _admit(self, kind: Kind, obj: Object) -> None:
        """Raise Refused where an object may not come to be."""
        meta = obj["metadata"]
        name, namespace = meta["name"], meta.get("namespace", "")
        if kind.namespaced:
            home = self._objects.get(("namespaces", "", namespace))
            if home is None:
                raise status.absent("namespaces", namespace)
            if "deletionTimestamp" in home["metadata"]:
                raise status.terminating(kind.resource, name, namespace)
        if (kind.resource, namespace, name) in self._objects:
            raise status.exists(kind.resource, name)

    def _mark(self, kind: Kind, before: Object, how: Deletion) -> Object:
        after = copy.deepcopy(before)
        meta = after["metadata"]
        grace, ungraced = _grace_seconds(kind, after, how), kind.resource in _UNGRACED
        if kind.resource == "namespaces":
            after["status"] = (after.get("status") or {}) | {"phase": "Terminating"}
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = _now()
            meta |= {"generation": meta["generation"] + 1} if kind.counted and not ungraced else {}
        if not ungraced:
            meta["deletionGracePeriodSeconds"] = min(grace, meta.get("deletionGracePeriodSeconds", grace))
        held_by = [*(meta.get("finalizers") or ()), *_holding(kind, how)]
        if held_by:
            meta["finalizers"] = list(dict.fromkeys(held_by))
        return after

    def _held(self, kind: Kind, obj: Object) -> bool:
        """Whether an object that is being deleted must stay yet."""
        meta = obj["metadata"]
        if meta.get("finalizers") or (kind.resource == "namespaces" and obj["spec"].get("finalizers")):
            return True
        return kind.resource == "pods" and self.hold_pods and meta.get("deletionGracePeriodSeconds", 0) > 0

    def _keep_or_drop(self, kind: Kind, before: Object, after: Object) -> Object:
        dying = "deletionTimestamp" in after["metadata"]
        return self._commit(kind, before, None if dying and not self._held(kind, after) else after, after)

    def _commit(
        self, kind: Kind, before: Object | None, after: Object | None, last: Object | None = None
    ) -> Object:
        """Store one change under the next version; `last` is how a removed object looked at its end."""
        self.version += 1
        final = copy.copy(after or last or before or {})
        final["metadata"] = final["metadata"] | {"resourceVersion": str(self.version)}
        meta = final["metadata"]
        key = kind.resource, meta.get("namespace", ""), meta["name"]
        if after is None:
            self._objects.pop(key, None)
        else:
            self._objects[key] = final
        self._events.append(Event(self.version, kind.resource, before, after and final, final))
        return final


def _begin(kind: Kind, obj: Object) -> Object:
    """Return a copy with its name decided. Raises Refused (422) where the name does not do."""
    fresh = copy.deepcopy(obj) | {"apiVersion": obj.get("apiVersion") or kind.api_version, "kind": kind.kind}
    meta = fresh["metadata"] = dict(fresh.get("metadata") or {})
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + "".join(
            secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5)
        )
    checks.check_name(kind, meta.get("name") or "")
    if not kind.namespaced:
        meta.pop("namespace", None)
    _drop_empty(meta)
    return fresh


def _drop_empty(meta: Object) -> None:
    """Metadata that hold nothing are not shown."""
    for key in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields"):
        if not meta.get(key):
            meta.pop(key, None)


def _complete(kind: Kind, obj: Object) -> None:
    meta = obj["metadata"]
    for key in (*_DYING, "resourceVersion", "selfLink"):
        meta.pop(key, None)
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": _now()}
    if kind.counted:
        meta["generation"] = 1
    if kind.resource == "secrets":
        defaults.fold_secret(obj)
    defaults.fill(kind.resource, obj)


def _settle(kind: Kind, before: Object, after: Object, manager: Manager | None) -> Object:
    """Return a changed object with what a client cannot change put back, and what follows from the change."""
    after["metadata"] = meta = dict(after.get("metadata") or {})
    old = before["metadata"]
    for key in (*_KEPT, *_DYING):
        meta.pop(key, None)
        if key in old:
            meta[key] = old[key]
    _drop_empty(meta)
    after |= {"apiVersion": after.get("apiVersion") or before["apiVersion"], "kind": before["kind"]}
    if kind.resource == "secrets":
        defaults.fold_secret(after)
    if kind.counted and _content(kind, before) != _content(kind, after):
        meta["generation"] = old.get("generation", 0) + 1
    if manager:
        meta["managedFields"] = old.get("managedFields", [])
        after = ownership.record(before, after, manager, _now())
    return after


def _content(kind: Kind, obj: Object) -> Object:
    """Return what a change of counts as a new generation."""
    if not kind.custom:
        return {"spec": obj.get("spec")}
    left_out = {"metadata", "apiVersion"} | ({"status"} if "status" in kind.subresources else set())
    return {key: value for key, value in obj.items() if key not in left_out}


def _same(one: Object, other: Object) -> bool:
    """Whether nothing changed but the times in `managedFields`."""
    return _untimed(one) == _untimed(other)


def _untimed(obj: Object) -> Object:
    entries = [entry | {"time": ""} for entry in obj["metadata"].get("managedFields") or ()]
    return obj | {"metadata": obj["metadata"] | {"managedFields": entries}}


def _grace_seconds(kind: Kind, obj: Object, how: Deletion) -> int:
    """Only pods have a grace, and none before they have a Node or once they have ended."""
    ended = (obj.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    if kind.resource != "pods" or ended or not obj["spec"].get("nodeName"):
        return 0
    return (
        how.grace_seconds
        if how.grace_seconds is not None
        else obj["spec"].get("terminationGracePeriodSeconds", 30)
    )


def _holding(kind: Kind, how: Deletion) -> tuple[str, ...]:
    """Return the finalizers that a deletion itself adds."""
    policies = {"Foreground": ("foregroundDeletion",), "Orphan": ("orphan",)}
    return policies.get(how.policy, ()) + ((defaults.CRD_FINALIZER,) if kind.resource == CRDS else ())


def _check_preconditions(resource: str, obj: Object, how: Deletion) -> None:
    meta = obj["metadata"]
    for label, wanted, found in (
        ("UID", how.uid, meta["uid"]),
        ("ResourceVersion", how.version, meta["resourceVersion"]),
    ):
        if wanted is not None and wanted != found:
            why = f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}"
            raise status.conflict(resource, meta["name"], why)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
