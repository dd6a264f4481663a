"""What a cluster does by itself: collects garbage, ends namespaces, serves new kinds, starts Deployments.

One thread, level-triggered: after each change of the store, and when a delay is over, all rules look again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from fakes.kube.defaults import CRD_FINALIZER
from fakes.kube.kinds import CRDS
from fakes.kube.status import NoSuchPath, Object, Refused
from fakes.kube.store import Deletion, Store

_FOREVER = 3600.0


@dataclass(slots=True)
class Pace:
    """How long a cluster takes for things, in seconds."""

    namespace_seconds: float = 0.02
    """From the end of a namespace's contents to its own."""
    crd_seconds: float = 0.02
    """From the creation of a CustomResourceDefinition to its being Established."""
    serve_seconds: float = 0.02
    """From there until its kind is found: a real server takes about 0.02 s, in which it answers 404."""
    deployment_seconds: float = 0.02
    """From a change of a Deployment to its availability."""


class Delays:
    """Which delays have passed, and when the next will."""

    def __init__(self) -> None:
        self._begun: dict[object, float] = {}
        self.next = _FOREVER

    def passed(self, key: object, seconds: float) -> bool:
        """Whether `seconds` have gone by since this was first asked for `key`."""
        left = self._begun.setdefault(key, time.monotonic()) + seconds - time.monotonic()
        if left > 0:
            self.next = min(self.next, left)
        return left <= 0


class Controllers:
    """Runs the rules while a cluster is up. With `deployments_stay_down` no Deployment becomes available."""

    def __init__(self, store: Store, pace: Pace) -> None:
        self.deployments_stay_down = False
        self._store = store
        self._pace = pace
        self._delays = Delays()
        self._defined: dict[str, int] = {}
        self._news = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._rules: list[Callable[[], None]] = [
            self._serve_kinds,
            self._collect,
            self._end_namespaces,
            self._tell_deployments,
        ]

    def start(self) -> None:
        self._ending = False
        self._unsubscribe = self._store.subscribe(self._news.set)
        self._thread = threading.Thread(target=self._run, name="fake-kube-controllers")
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            self._ending = True
            self._unsubscribe()
            self._news.set()
            self._thread.join()
            self._thread = None

    def look(self) -> None:
        """Have the rules look again: a setting changed."""
        self._news.set()

    def _run(self) -> None:
        while not self._ending:
            self._news.clear()
            self._delays.next = _FOREVER
            for rule in self._rules:
                rule()
            self._news.wait(self._delays.next)

    def _serve_kinds(self) -> None:
        for crd in self._store.snapshot(CRDS)[1]:
            meta = crd["metadata"]
            if "deletionTimestamp" in meta:
                self._retire_kind(crd)
            elif self._delays.passed(("crd", meta["uid"]), self._pace.crd_seconds):
                self._serve(crd)

    def _serve(self, crd: Object) -> None:
        """Take in what a definition declares, once for each of its generations, and serve it soon after."""
        meta = crd["metadata"]
        if self._defined.get(meta["uid"]) == meta["generation"]:
            if self._delays.passed(("served", meta["uid"]), self._pace.serve_seconds):
                self._store.kinds.serve(crd)
            return
        self._defined[meta["uid"]] = meta["generation"]
        self._store.kinds.define(crd)
        if self._delays.passed(("served", meta["uid"]), self._pace.serve_seconds):
            self._store.kinds.serve(crd)
        accepted = _condition("NamesAccepted", "NoConflicts", text="no conflicts found")
        served = _condition(
            "Established", "InitialNamesAccepted", text="the initial names have been accepted"
        )
        told = {"conditions": [accepted, served], "acceptedNames": crd["spec"]["names"]}
        self._store.set_status(CRDS, "", meta["name"], crd["status"] | told)

    def _retire_kind(self, crd: Object) -> None:
        resource = f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"
        try:
            left = self._store.snapshot(resource)[1]
            for obj in left:
                self._remove(resource, obj)
        except NoSuchPath:
            left = []
        if not left:
            self._store.kinds.forget(crd)
            self._drop_finalizer(CRDS, crd, CRD_FINALIZER)

    def _collect(self) -> None:
        """Follow owner references (Kubernetes documentation, "Garbage Collection")."""
        everything = self._store.everything()
        owners = {obj["metadata"]["uid"]: obj for _, obj in everything}
        for resource, obj in everything:
            if obj["metadata"].get("ownerReferences"):
                self._collect_one(resource, obj, owners)
        for resource, obj in everything:
            self._finish_owner(resource, obj)

    def _collect_one(self, resource: str, obj: Object, owners: dict[str, Object]) -> None:
        """Delete an object none of whose owners will stay; forget the absent ones where another stays."""
        meta = obj["metadata"]
        references = meta["ownerReferences"]
        present = [ref for ref in references if _owns(owners.get(ref["uid"]), obj)]
        if any("orphan" in _finalizers(owners[ref["uid"]]) for ref in present):
            return
        staying = [ref for ref in present if "foregroundDeletion" not in _finalizers(owners[ref["uid"]])]
        if not staying:
            if "deletionTimestamp" not in meta:
                self._remove(resource, obj, "Foreground" if present else "Background")
        elif len(staying) < len(references):
            self._set_owners(resource, obj, staying)

    def _finish_owner(self, resource: str, obj: Object) -> None:
        """Release an owner whose dependents are gone, or no longer its own."""
        if "orphan" in _finalizers(obj):
            for of, child in self._dependents(obj):
                rest = [
                    ref
                    for ref in child["metadata"]["ownerReferences"]
                    if ref["uid"] != obj["metadata"]["uid"]
                ]
                self._set_owners(of, child, rest)
            self._drop_finalizer(resource, obj, "orphan")
        elif "foregroundDeletion" in _finalizers(obj) and not self._blocked(obj):
            self._drop_finalizer(resource, obj, "foregroundDeletion")

    def _blocked(self, owner: Object) -> bool:
        uid = owner["metadata"]["uid"]
        references = (
            ref for _, child in self._dependents(owner) for ref in child["metadata"]["ownerReferences"]
        )
        return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in references)

    def _dependents(self, owner: Object) -> list[tuple[str, Object]]:
        uid = owner["metadata"]["uid"]
        return [
            (resource, obj)
            for resource, obj in self._store.everything()
            if any(ref["uid"] == uid for ref in obj["metadata"].get("ownerReferences") or ())
        ]

    def _set_owners(self, resource: str, obj: Object, references: list[Object]) -> None:
        def change(draft: Object) -> None:
            draft["metadata"]["ownerReferences"] = references

        self._store.edit(resource, *_address(obj), change)

    def _end_namespaces(self) -> None:
        for namespace in self._store.snapshot("namespaces")[1]:
            meta = namespace["metadata"]
            if "deletionTimestamp" not in meta:
                continue
            left = [
                pair
                for pair in self._store.everything()
                if pair[1]["metadata"].get("namespace") == meta["name"]
            ]
            for resource, obj in left:
                if "deletionTimestamp" not in obj["metadata"]:
                    self._remove(resource, obj)
            if not left and self._delays.passed(("namespace", meta["uid"]), self._pace.namespace_seconds):
                self._store.edit("namespaces", "", meta["name"], lambda draft: draft | {"spec": {}})

    def _tell_deployments(self) -> None:
        for deployment in self._store.snapshot("deployments.apps")[1]:
            meta = deployment["metadata"]
            key = ("deployment", meta["uid"], meta["generation"])
            up = self._delays.passed(key, self._pace.deployment_seconds) and not self.deployments_stay_down
            wanted = _deployment_status(deployment, up=up)
            known = deployment.get("status") or {}
            if known.keys() != wanted.keys() or _counts(known) != _counts(wanted):
                self._store.set_status("deployments.apps", meta["namespace"], meta["name"], wanted)

    def _remove(self, resource: str, obj: Object, policy: str = "Background") -> None:
        try:
            self._store.remove(resource, *_address(obj), Deletion(policy, uid=obj["metadata"]["uid"]))
        except (Refused, NoSuchPath):
            self._news.set()

    def _drop_finalizer(self, resource: str, obj: Object, finalizer: str) -> None:
        def change(draft: Object) -> None:
            draft["metadata"]["finalizers"] = [name for name in _finalizers(draft) if name != finalizer]

        self._store.edit(resource, *_address(obj), change)


def _address(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _finalizers(obj: Object) -> list[str]:
    return obj["metadata"].get("finalizers") or []


def _owns(owner: Object | None, obj: Object) -> bool:
    """An owner is in the namespace of what it owns, or in none."""
    return owner is not None and owner["metadata"].get("namespace", "") in {
        "",
        obj["metadata"].get("namespace", ""),
    }


def _condition(name: str, reason: str, value: str = "True", text: str = "") -> Object:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"type": name, "status": value, "reason": reason, "message": text, "lastTransitionTime": now}


def _counts(status: Object) -> Object:
    return {key: value for key, value in status.items() if key != "conditions"}


def _deployment_status(deployment: Object, *, up: bool) -> Object:
    replicas = deployment["spec"].get("replicas", 1)
    up = up or not replicas
    reason = "MinimumReplicasAvailable" if up else "MinimumReplicasUnavailable"
    names = [
        "replicas",
        "updatedReplicas",
        *(["readyReplicas", "availableReplicas"] if up else ["unavailableReplicas"]),
    ]
    return (dict.fromkeys(names, replicas) if replicas else {}) | {
        "observedGeneration": deployment["metadata"]["generation"],
        "conditions": [_condition("Available", reason, "True" if up else "False")],
    }
