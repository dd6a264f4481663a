"""Merge patch (RFC 7396) and JSON patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any

from fakes.kube.status import Object, Refused


def merge(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch applied; neither is changed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply_operations(target: Object, operations: Any) -> Any:
    """Return `target` with a JSON patch applied. Raises Refused (400, 422)."""
    if not isinstance(operations, list):
        raise Refused(400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    document = copy.deepcopy(target)
    for operation in operations:
        try:
            document = _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as exc:
            text = "the server rejected our request due to an error in our request"
            raise Refused(422, f"{text}: {operation}") from exc
    return document


def _operate(document: Any, operation: Object) -> Any:
    steps, verb = _steps(operation["path"]), operation["op"]
    if verb == "test":
        if _read(document, steps) != operation["value"]:
            raise ValueError("test failed")
        return document
    if verb == "remove":
        return _remove(document, steps)
    if verb in {"copy", "move"}:
        source = _steps(operation["from"])
        value = copy.deepcopy(_read(document, source))
        return _add(_remove(document, source) if verb == "move" else document, steps, value)
    if verb == "replace":
        _read(document, steps)
        return _replace(document, steps, operation["value"])
    if verb == "add":
        return _add(document, steps, operation["value"])
    raise ValueError(f"no such operation: {verb}")


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(pointer)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _read(document: Any, steps: list[str]) -> Any:
    for step in steps:
        document = document[int(step) if isinstance(document, list) else step]
    return document


def _add(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    parent = _read(document, steps[:-1])
    if not isinstance(parent, list):
        parent[steps[-1]] = value
    else:
        parent.insert(len(parent) if steps[-1] == "-" else int(steps[-1]), value)
    return document


def _replace(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    parent = _read(document, steps[:-1])
    parent[int(steps[-1]) if isinstance(parent, list) else steps[-1]] = value
    return document


def _remove(document: Any, steps: list[str]) -> Any:
    parent = _read(document, steps[:-1])
    del parent[int(steps[-1]) if isinstance(parent, list) else steps[-1]]
    return document
