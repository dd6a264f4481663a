"""The environment of a container, as its pod's spec names it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from fakes.operator.objects import Object, Objects

_LABEL = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_SOURCES = {"secretKeyRef": "secrets", "configMapKeyRef": "configmaps"}


class MissingSource(Exception):
    """What a variable's value is to be taken from is not there."""


def environment_of(pod: Object, container: Mapping[str, Any], objects: Objects) -> dict[str, str]:
    """Return the variables of a container. Raises MissingSource."""
    variables = {}
    for one in container.get("env") or []:
        source = one.get("valueFrom")
        variables[one["name"]] = _value(pod, source, objects) if source else str(one.get("value", ""))
    return variables


def _value(pod: Object, source: Mapping[str, Any], objects: Objects) -> str:
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    kind, reference = next((key, source[key]) for key in _SOURCES if key in source)
    found = objects.find(_SOURCES[kind], pod["metadata"]["namespace"], reference["name"])
    noun = kind.removesuffix("KeyRef").lower()
    if found is None:
        raise MissingSource(f'{noun} "{reference["name"]}" not found')
    if reference["key"] not in (found.get("data") or {}):
        raise MissingSource(f"couldn't find key {reference['key']} in {noun} {reference['name']}")
    text = found["data"][reference["key"]]
    return base64.b64decode(text).decode() if kind == "secretKeyRef" else str(text)


def _field(pod: Object, path: str) -> str:
    match = _LABEL.fullmatch(path)
    if match:
        return str(pod["metadata"].get(match[1], {}).get(match[2], ""))
    value: Any = pod
    for key in path.split("."):
        value = value.get(key, {})
    return str(value)
