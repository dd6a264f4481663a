"""A custom resource against its CRD's openAPIV3Schema: unknown fields, defaults, what is wrong with it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from fakes.kube.status import Object

Cause = tuple[str, str, str]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_ENVELOPE = {"apiVersion", "kind", "metadata"}


def prune(obj: Object, schema: Object) -> list[str]:
    """Remove in place what the schema does not know, and nulls where it has none; return what was unknown."""
    return list(_prune(obj, schema, "", root=True)) if schema else []


def fill(value: Any, schema: Object) -> None:
    """Fill in the schema's defaults, in place."""
    if isinstance(value, dict):
        for key, inner in (schema.get("properties") or {}).items():
            if "default" in inner and value.get(key) is None:
                value[key] = copy.deepcopy(inner["default"])
    for _, inner, below in _children(value, schema, ""):
        fill(inner, below)


def check(obj: Object, schema: Object) -> list[Cause]:
    """Return what is wrong: reason, field and message of each."""
    body = {key: value for key, value in obj.items() if key not in _ENVELOPE}
    trimmed = schema | {
        "required": [key for key in schema.get("required") or () if key not in _ENVELOPE],
        "properties": {k: v for k, v in (schema.get("properties") or {}).items() if k not in _ENVELOPE},
    }
    return list(_check(body, trimmed, ""))


def _prune(value: Any, schema: Object, path: str, *, root: bool = False) -> Iterator[str]:
    if isinstance(value, dict) and not _open(schema):
        known = set(schema.get("properties") or {}) | (_ENVELOPE if root or _embedded(schema) else set())
        for key in [key for key in value if key not in known]:
            del value[key]
            yield _join(path, key)
    for key, inner in (schema.get("properties") or {}).items():
        if isinstance(value, dict) and key in value and value[key] is None and not inner.get("nullable"):
            del value[key]
    for where, inner, below in _children(value, schema, path):
        if not (root and where == "metadata"):
            yield from _prune(inner, below, where)


def _open(schema: Object) -> bool:
    return bool(schema.get("x-kubernetes-preserve-unknown-fields")) or "additionalProperties" in schema


def _embedded(schema: Object) -> bool:
    return bool(schema.get("x-kubernetes-embedded-resource"))


def _children(value: Any, schema: Object, path: str) -> Iterator[tuple[str, Any, Object]]:
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, inner in enumerate(value):
            yield f"{path}[{index}]", inner, schema["items"]
    if isinstance(value, dict):
        properties, further = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, inner in value.items():
            below = properties.get(key, further)
            if isinstance(below, dict):
                yield _join(path, key), inner, below


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _check(value: Any, schema: Object, path: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    if not _typed(value, schema):
        told = f'Invalid value: "{type(value).__name__}": must be of type {schema.get("type")}'
        yield "FieldValueTypeInvalid", path, told
        return
    if isinstance(value, dict):
        for key in schema.get("required") or ():
            if key not in value:
                yield "FieldValueRequired", _join(path, key), "Required value"
    yield from _bounds(value, schema, path)
    for where, inner, below in _children(value, schema, path):
        yield from _check(inner, below, where)


def _typed(value: Any, schema: Object) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | str) and not isinstance(value, bool)
    wanted = schema.get("type")
    if wanted is None:
        return True
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES[wanted]) or (
        wanted == "integer" and isinstance(value, float) and value.is_integer()
    )


def _bounds(value: Any, schema: Object, path: str) -> Iterator[Cause]:
    if value not in schema.get("enum", [value]):
        yield "FieldValueNotSupported", path, f'Unsupported value: "{value}"'
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            yield "FieldValueInvalid", path, f"Invalid value: {value}: should be at least {schema['minimum']}"
        if "maximum" in schema and value > schema["maximum"]:
            yield "FieldValueInvalid", path, f"Invalid value: {value}: should be at most {schema['maximum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield "FieldValueInvalid", path, f"Invalid value: \"{value}\": should match '{schema['pattern']}'"
    size = len(value) if isinstance(value, str | list) else 0
    if size < max(schema.get("minLength", 0), schema.get("minItems", 0)):
        yield "FieldValueInvalid", path, "Invalid value: too short"
