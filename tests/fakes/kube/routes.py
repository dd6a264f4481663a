"""The verbs of the API, over a store."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakes.kube import ownership, selectors, status, writes
from fakes.kube.kinds import discover
from fakes.kube.requests import APPLY, Answer, Request, Target, locate
from fakes.kube.status import NoSuchPath, Object, Refused
from fakes.kube.store import Deletion, Store
from fakes.kube.watches import Watch, follow

VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0",
    "gitCommit": "0" * 40,
    "gitTreeState": "clean",
    "buildDate": "2026-04-22T00:00:00Z",
    "goVersion": "go1.26.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_HEALTH = {"/readyz", "/livez", "/healthz"}


@dataclass(slots=True)
class Routes:
    """Answers requests."""

    store: Store
    bookmark_seconds: float = 60.0
    _pages: dict[str, tuple[int, list[Object]]] = field(default_factory=dict)
    """What is left of lists that were cut by `limit`, with their version, by continue token."""

    def answer(self, request: Request) -> Answer:
        """Return what the API answers; never raises Refused."""
        try:
            return self._answer(request)
        except Refused as refused:
            headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
            return Answer(refused.code, refused.body(), headers)
        except NoSuchPath:
            return Answer(404, "404 page not found\n")

    def _answer(self, request: Request) -> Answer:
        path = request.path.rstrip("/") or "/"
        if path in _HEALTH:
            return Answer(200, "ok")
        if path == "/version":
            return Answer(200, dict(VERSION))
        parts = path.strip("/").split("/")
        if request.method == "GET" and len(parts) <= (3 if parts[0] == "apis" else 2):
            return Answer(200, discover(self.store.kinds, parts))
        target = locate(self.store.kinds, path)
        return self._verb(request, target)(request, target)

    def _verb(self, request: Request, target: Target) -> Callable[[Request, Target], Answer]:
        verbs = self._subresource_verbs(target) if target.subresource else self._object_verbs(target)
        if verb := verbs.get(request.method):
            return verb
        raise Refused(405, "the server does not allow this method on the requested resource")

    def _object_verbs(self, target: Target) -> dict[str, Callable[[Request, Target], Answer]]:
        if target.name:
            return {"GET": self._get, "PUT": self._put, "PATCH": self._patch, "DELETE": self._delete}
        return {"GET": self._list, "POST": self._create, "DELETE": self._delete_all}

    def _subresource_verbs(self, target: Target) -> dict[str, Callable[[Request, Target], Answer]]:
        if target.subresource == "log":
            return {"GET": self._log}
        if target.subresource == "scale":
            return {"GET": self._get_scale, "PUT": self._write_scale, "PATCH": self._write_scale}
        return {"GET": self._get, "PUT": self._put, "PATCH": self._patch}

    def _get(self, _request: Request, target: Target) -> Answer:
        return Answer(200, self._require(target))

    def _require(self, target: Target) -> Object:
        obj = self.store.get(target.kind.resource, target.namespace, target.name)
        if obj is None:
            raise status.absent(target.kind.resource, target.name)
        return writes.shown(target.kind, obj)

    def _list(self, request: Request, target: Target) -> Answer:
        if request.flag("watch"):
            return self._watch(request, target)
        version, rest = self._matching(request, target)
        limit = int(request.query.get("limit") or 0) or len(rest)
        meta: Object = {"resourceVersion": str(version)}
        items, rest = rest[:limit], rest[limit:]
        if rest:
            meta["continue"] = base64.urlsafe_b64encode(f"{version}/{uuid.uuid4()}".encode()).decode()
            self._pages[meta["continue"]] = version, rest
            if not request.query.get("labelSelector") and not request.query.get("fieldSelector"):
                meta["remainingItemCount"] = len(rest)
        return Answer(200, writes.listed(target.kind, items, meta))

    def _matching(self, request: Request, target: Target) -> tuple[int, list[Object]]:
        """Return the version and the objects of a list, or of what is left of one."""
        if token := request.query.get("continue"):
            if token not in self._pages:
                raise Refused(400, "invalid continue token: continue key is not valid")
            if self._pages[token][0] < self.store.compacted:
                raise Refused(410, "The provided continue parameter is too old to display a consistent list.")
            return self._pages[token]
        asked, matches = _version(request), _selector(request, target)
        version, found = self.store.snapshot(target.kind.resource, target.namespace)
        if asked > version:
            raise status.too_large(asked, version)
        if request.query.get("resourceVersionMatch") == "Exact" and asked < self.store.compacted:
            raise status.expired(asked, self.store.compacted)
        return version, [obj for obj in found if matches(obj)]

    def _watch(self, request: Request, target: Target) -> Answer:
        wanted = request.flag("allowWatchBookmarks")
        watch = Watch(
            target.kind,
            target.namespace,
            _selector(request, target),
            _version(request),
            float(request.query.get("timeoutSeconds") or 1800),
            self.bookmark_seconds if wanted else None,
        )
        return Answer(200, follow(self.store, watch, request.present))

    def _create(self, request: Request, target: Target) -> Answer:
        return Answer(201, self._create_object(request, target, request.document(), request.manager()))

    def _create_object(
        self, request: Request, target: Target, body: Object, manager: ownership.Manager | None
    ) -> Object:
        draft = writes.addressed(target, body)
        if draft["metadata"].get("resourceVersion"):
            raise Refused(500, "resourceVersion should not be set on objects to be created", reason="")
        if "status" in target.kind.subresources:
            draft.pop("status", None)
        writes.conform(target.kind, draft, request)
        fresh = self.store.create(target.kind.resource, draft, manager=manager, dry_run=request.dry_run)
        return writes.shown(target.kind, fresh)

    def _put(self, request: Request, target: Target) -> Answer:
        body = request.document()
        self._check_same(target, body)
        if target.kind.custom and not (body.get("metadata") or {}).get("resourceVersion"):
            why = "Invalid value: 0x0: must be specified for an update"
            cause = ("FieldValueInvalid", "metadata.resourceVersion", why)
            raise status.invalid(target.kind.kind, target.kind.group, target.name, [cause])
        return Answer(200, self._write(request, target, lambda _: body))

    def _check_same(self, target: Target, body: Object) -> None:
        """Raise Refused (409) where an object of this name was replaced by another."""
        there = self.store.get(target.kind.resource, target.namespace, target.name)
        asked = (body.get("metadata") or {}).get("uid")
        if there and asked and asked != (found := there["metadata"]["uid"]):
            why = f"Precondition failed: UID in precondition: {asked}, UID in object meta: {found}"
            raise status.conflict(target.kind.resource, target.name, why)

    def _patch(self, request: Request, target: Target) -> Answer:
        if request.content_type == APPLY:
            return self._apply(request, target)
        content = request.content()
        return Answer(200, self._write(request, target, writes.patcher(request, target.kind, content)))

    def _write(self, request: Request, target: Target, change: Callable[[Object], Any]) -> Object:
        """Change an object or its status subresource as `change` says, if nobody was faster."""

        def step(before: Object) -> Object:
            after = writes.addressed(target, change(before))
            writes.check_unmoved(target, before, after)
            after = writes.confine(target, before, after)
            writes.conform(target.kind, after, request)
            return after

        return self._edit(request, target, step, request.manager(target.subresource))

    def _edit(
        self,
        request: Request,
        target: Target,
        step: Callable[[Object], Object],
        manager: ownership.Manager | None,
    ) -> Object:
        address = target.kind.resource, target.namespace, target.name
        after = self.store.edit(*address, step, manager=manager, dry_run=request.dry_run)
        if after is None:
            raise status.absent(target.kind.resource, target.name)
        return writes.shown(target.kind, after)

    def _apply(self, request: Request, target: Target) -> Answer:
        if not request.query.get("fieldManager"):
            cause = "FieldValueRequired", "fieldManager", "Required value: is required for apply patch"
            raise status.invalid("PatchOptions", "meta.k8s.io", "", [cause])
        body = request.document()
        if not body.get("kind") or not body.get("apiVersion"):
            raise Refused(
                400, f"invalid object type: {body.get('apiVersion', '')}/, Kind={body.get('kind', '')}"
            )
        wanted = writes.addressed(target, body, applied=True)
        if wanted["metadata"].get("managedFields"):
            raise Refused(400, "metadata.managedFields must be nil")
        address = target.kind.resource, target.namespace, target.name
        if self.store.get(*address) is None and not target.subresource:
            return self._apply_new(request, target, wanted)
        return Answer(200, self._apply_over(request, target, wanted))

    def _apply_new(self, request: Request, target: Target, wanted: Object) -> Answer:
        writes.check_new(target, wanted)
        writes.check_typed(target.kind, wanted)
        wanted["metadata"].pop("resourceVersion", None)
        fresh = ownership.apply(None, wanted, request.manager(), force=True, now=_now())
        return Answer(201, self._create_object(request, target, fresh, None))

    def _apply_over(self, request: Request, target: Target, wanted: Object) -> Object:
        manager, force = request.manager(target.subresource), request.flag("force")

        def step(before: Object) -> Object:
            writes.check_unmoved(target, before, wanted)
            writes.check_typed(target.kind, wanted)
            after = ownership.apply(before, wanted, manager, force=force, now=_now())
            after = writes.confine(target, before, after)
            writes.conform(target.kind, after, request)
            return after

        return self._edit(request, target, step, None)

    def _delete(self, request: Request, target: Target) -> Answer:
        how = _deletion(request)
        resource = target.kind.resource
        obj, gone = self.store.remove(resource, target.namespace, target.name, how, dry_run=request.dry_run)
        if gone and resource != "pods":
            details = status.describe(resource, target.name) | {"uid": obj["metadata"]["uid"]}
            return Answer(200, status.success(details))
        return Answer(200, writes.shown(target.kind, obj))

    def _delete_all(self, request: Request, target: Target) -> Answer:
        version, found = self._matching(request, target)
        kind, how = target.kind, _deletion(request)
        for obj in found:
            meta = obj["metadata"]
            try:
                self.store.remove(
                    kind.resource, meta.get("namespace", ""), meta["name"], how, dry_run=request.dry_run
                )
            except Refused as refused:
                if refused.code != 404:
                    raise
        return Answer(200, writes.listed(kind, found, {"resourceVersion": str(version)}))

    def _get_scale(self, _request: Request, target: Target) -> Answer:
        return Answer(200, writes.scale_of(target.kind, self._require(target)))

    def _write_scale(self, request: Request, target: Target) -> Answer:
        content = request.content()
        put = request.method == "PUT"
        change = (lambda _: content) if put else writes.patcher(request, None, content)

        def step(before: Object) -> Object:
            return writes.rescaled(target, before, change(writes.scale_of(target.kind, before)), request)

        after = self._edit(request, target, step, request.manager("scale"))
        return Answer(200, writes.scale_of(target.kind, after))

    def _log(self, request: Request, target: Target) -> Answer:
        pod = self._require(target)
        names = [container["name"] for container in pod["spec"].get("containers") or ()]
        names += [container["name"] for container in pod["spec"].get("initContainers") or ()]
        container = request.query.get("container") or (names[0] if len(names) == 1 else "")
        if container not in names:
            told = (
                "container name must be specified" if not container else f"container {container} is not valid"
            )
            raise Refused(400, f"{told} for pod {target.name}, choose one of: {names}")
        text = self.store.logs.get((target.namespace, target.name, container), "")
        if lines := request.query.get("tailLines"):
            text = "".join(text.splitlines(keepends=True)[-int(lines) :])
        text = text[: int(request.query.get("limitBytes") or len(text))]
        return Answer(200 if text or pod["spec"].get("nodeName") else 204, text)


def _version(request: Request) -> int:
    text = request.query.get("resourceVersion") or "0"
    if not text.isdigit():
        raise Refused(400, f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _selector(request: Request, target: Target) -> selectors.Matches:
    query = request.query
    return selectors.build(
        target.kind.resource, query.get("labelSelector", ""), query.get("fieldSelector", "")
    )


def _deletion(request: Request) -> Deletion:
    options = request.document() if request.body.strip() else {}
    query = request.query
    demanded = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    policy = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
    if policy not in {"Background", "Foreground", "Orphan"}:
        cause = "FieldValueNotSupported", "propagationPolicy", f'Unsupported value: "{policy}"'
        raise status.invalid("DeleteOptions", "meta.k8s.io", "", [cause])
    return Deletion(
        policy,
        None if grace is None else int(grace),
        demanded.get("uid"),
        demanded.get("resourceVersion"),
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
