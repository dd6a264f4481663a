"""A watch: the changes of a resource after a version (API concepts, "Efficient detection of changes")."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fakes.kube import status
from fakes.kube.kinds import Kind
from fakes.kube.selectors import Matches
from fakes.kube.status import Object
from fakes.kube.store import Event, Store

LOOK_SECONDS = 0.25
"""How often a watch without news looks whether its client is still there."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a client asked to watch. `version` 0 means: begin with what is there."""

    kind: Kind
    namespace: str
    matches: Matches
    version: int
    timeout_seconds: float
    bookmark_seconds: float | None


def follow(store: Store, watch: Watch, present: Callable[[], bool]) -> Iterator[Object]:
    """Yield events until the time is over, the store closes or the client is gone.

    Where bookmarks are wanted, the last event is one; a version that is compacted is an error, as an event.
    """
    version, end = watch.version, time.monotonic() + watch.timeout_seconds
    if 0 < version < store.compacted:
        yield {"type": "ERROR", "object": status.expired(version, store.compacted).body()}
        return
    if not version:
        version, objects = store.snapshot(watch.kind.resource, watch.namespace)
        yield from (_event("ADDED", watch.kind, obj) for obj in objects if watch.matches(obj))
    yield from _changes(store, watch, version, end, present)


def _changes(
    store: Store, watch: Watch, version: int, end: float, present: Callable[[], bool]
) -> Iterator[Object]:
    bookmark = watch.bookmark_seconds
    due = time.monotonic() + bookmark if bookmark is not None else float("inf")
    while (now := time.monotonic()) < end and present() and not store.closed:
        wait = max(0.0, min(LOOK_SECONDS, end - now, due - now))
        version, events = store.events_after(version, watch.kind.resource, wait)
        yield from (told for event in events if (told := _tell(watch, event)))
        if bookmark is not None and time.monotonic() >= due:
            due = time.monotonic() + bookmark
            yield _bookmark(watch.kind, version)
    if bookmark is not None and not store.closed:
        yield _bookmark(watch.kind, version)


def _tell(watch: Watch, event: Event) -> Object | None:
    """Return an event as this watch sees it: an object that leaves its selector is deleted for it."""
    if watch.namespace not in {"", event.last["metadata"].get("namespace", "")}:
        return None
    was = event.before is not None and watch.matches(event.before)
    is_now = event.after is not None and watch.matches(event.after)
    if not was and not is_now:
        return None
    change = "MODIFIED" if was and is_now else "ADDED" if is_now else "DELETED"
    return _event(change, watch.kind, event.last)


def _event(change: str, kind: Kind, obj: Object) -> Object:
    return {"type": change, "object": obj | {"apiVersion": kind.api_version}}


def _bookmark(kind: Kind, version: int) -> Object:
    meta = {"resourceVersion": str(version), "creationTimestamp": None}
    return {
        "type": "BOOKMARK",
        "object": {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta},
    }
