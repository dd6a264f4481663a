"""Who owns which field (`metadata.managedFields`), and server-side apply on top of it.

Lists count as one field each: the real server merges some of them by key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fakes.kube.patches import merge
from fakes.kube.status import Object, Refused

Path = tuple[str, ...]

_OWN = {
    ("apiVersion",),
    ("kind",),
    *(
        ("metadata", key)
        for key in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
            "generateName",
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes: a field manager's name, by apply or by update, to an object or to its subresource."""

    name: str
    operation: str = "Update"
    subresource: str = ""


def apply(live: Object | None, wanted: Object, manager: Manager, *, force: bool, now: str) -> Object:
    """Return what server-side apply makes of `live`. Raises Refused (409) if others own a change."""
    fields = leaves(wanted)
    if live is None:
        return _signed(wanted, {manager: set(fields)}, {}, now)
    owners = _owners(live)
    _settle_conflicts(live, fields, owners, manager, force=force, version=wanted["apiVersion"])
    merged = merge(live, wanted)
    for path in owners.get(manager, set()) - fields.keys():
        if not any(path in theirs for other, theirs in owners.items() if other != manager):
            _drop(merged, path)
    owners[manager] = set(fields)
    return _signed(merged, owners, _times(live), now, fresh=manager)


def record(before: Object | None, after: Object, manager: Manager, now: str) -> Object:
    """Return `after` with the fields that differ from `before` noted as the manager's."""
    old, new = leaves(before or {}), leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    gone = old.keys() - new.keys()
    owners = _owners(before or {})
    if not changed and not gone:
        return _signed(after, owners, _times(before or {}), now)
    for theirs in owners.values():
        theirs -= gone | changed
    owners.setdefault(manager, set()).update(changed)
    return _signed(after, owners, _times(before or {}), now, fresh=manager)


def leaves(obj: Object) -> dict[Path, Any]:
    """Return the fields that can be owned, by path."""
    return {path: value for path, value in _walk(obj, ()) if path not in _OWN}


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and path not in _OWN:
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif path:
        yield path, value


def _settle_conflicts(
    live: Object,
    fields: dict[Path, Any],
    owners: dict[Manager, set[Path]],
    manager: Manager,
    *,
    force: bool,
    version: str,
) -> None:
    held = leaves(live)
    changed = {path for path, value in fields.items() if held.get(path) != value}
    taken = {
        other: {path for path in theirs if any(_overlap(path, mine) for mine in changed)}
        for other, theirs in owners.items()
        if other != manager
    }
    causes = [_cause(other, path, version) for other, paths in taken.items() for path in sorted(paths)]
    if causes and not force:
        plural = "s" if len(causes) > 1 else ""
        text = f"Apply failed with {len(causes)} conflict{plural}: "
        text += "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
        raise Refused(409, text, details={"causes": causes})
    for other, paths in taken.items():
        owners[other] -= paths


def _cause(other: Manager, path: Path, version: str) -> Object:
    using = f" using {version}" if other.operation == "Update" else ""
    return {
        "reason": "FieldManagerConflict",
        "message": f'conflict with "{other.name}"{using}',
        "field": "".join(f".{step}" for step in path),
    }


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _drop(obj: Object, path: Path) -> None:
    """Remove a field, and the maps that it leaves empty."""
    parents = [obj]
    for step in path[:-1]:
        inner = parents[-1].get(step)
        if not isinstance(inner, dict):
            return
        parents.append(inner)
    for parent, step in zip(reversed(parents), reversed(path), strict=True):
        if parent.get(step) and step != path[-1]:
            return
        parent.pop(step, None)


def _owners(obj: Object) -> dict[Manager, set[Path]]:
    return {_manager(entry): set(_paths(entry["fieldsV1"], ())) for entry in _entries(obj)}


def _times(obj: Object) -> dict[Manager, str]:
    return {_manager(entry): entry["time"] for entry in _entries(obj)}


def _entries(obj: Object) -> list[Object]:
    return obj.get("metadata", {}).get("managedFields") or []


def _manager(entry: Object) -> Manager:
    return Manager(entry["manager"], entry["operation"], entry.get("subresource", ""))


def _signed(
    obj: Object,
    owners: dict[Manager, set[Path]],
    times: dict[Manager, str],
    now: str,
    fresh: Manager | None = None,
) -> Object:
    signed = copy.copy(obj)
    entries = [
        _entry(
            manager, paths, obj.get("apiVersion", ""), now if manager == fresh else times.get(manager, now)
        )
        for manager, paths in owners.items()
        if paths
    ]
    signed["metadata"] = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    signed["metadata"] |= {"managedFields": entries} if entries else {}
    return signed


def _entry(manager: Manager, paths: Iterable[Path], version: str, time: str) -> Object:
    entry: Object = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(paths),
    }
    return entry | ({"subresource": manager.subresource} if manager.subresource else {})


def _tree(paths: Iterable[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        branch = tree
        for step in path:
            branch = branch.setdefault(f"f:{step}", {})
    return tree


def _paths(tree: Object, path: Path) -> Iterator[Path]:
    for key, inner in tree.items():
        step = (*path, key.removeprefix("f:"))
        if inner:
            yield from _paths(inner, step)
        else:
            yield step
