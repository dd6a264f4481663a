"""Label and field selectors, from the query string to a yes or no for an object."""

from __future__ import annotations

import re
from collections.abc import Callable

from fakes.kube.status import Object, Refused

Matches = Callable[[Object], bool]

_COMMA = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"(?P<key>\S+)\s+(?P<verb>in|notin)\s*\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^!=\s]+)\s*(?P<verb>==|!=|=)\s*(?P<value>\S*)")
_KEY = re.compile(r"(?P<absent>!?)\s*(?P<key>[\w./-]+)")
_FIELDS = {
    "pods": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "status.phase", "status.podIP"},
    "events": {"reason", "type", "source", "reportingComponent"},
    "secrets": {"type"},
    "namespaces": {"status.phase"},
    "nodes": {"spec.unschedulable"},
    "jobs.batch": {"status.successful"},
}


def build(resource: str, labels: str, fields: str) -> Matches:
    """Return whether an object meets both selectors. Raises Refused (400) where one is not understood."""
    wanted = [*_label_rules(labels), *_field_rules(resource, fields)]
    return lambda obj: all(rule(obj) for rule in wanted)


def _label_rules(text: str) -> list[Matches]:
    return [_label_rule(part.strip()) for part in _COMMA.split(text) if part.strip()]


def _label_rule(part: str) -> Matches:
    if match := _SET.fullmatch(part):
        values = {value.strip() for value in match["values"].split(",")}
        return _among(match["key"], values, match["verb"] == "in")
    if match := _EQUAL.fullmatch(part):
        return _among(match["key"], {match["value"]}, match["verb"] != "!=")
    if match := _KEY.fullmatch(part):
        return lambda obj: (match["key"] in _labels(obj)) is not bool(match["absent"])
    raise Refused(400, f"unable to parse requirement: found '{part}'")


def _among(key: str, values: set[str], wanted: bool) -> Matches:
    """An object without the label meets `!=` and `notin`."""
    return lambda obj: (_labels(obj).get(key) in values) is wanted


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _field_rules(resource: str, text: str) -> list[Matches]:
    return [_field_rule(resource, part.strip()) for part in text.split(",") if part.strip()]


def _field_rule(resource: str, part: str) -> Matches:
    match = _EQUAL.fullmatch(part)
    if not match:
        raise Refused(400, f"invalid selector: '{part}'; can't understand '{part}'")
    path = match["key"]
    known = {"metadata.name", "metadata.namespace"} | _FIELDS.get(resource, set())
    if path not in known and not (resource == "events" and path.startswith("involvedObject.")):
        raise Refused(400, f"field label not supported: {path}")
    return lambda obj: (_field(obj, path) == match["value"]) is (match["verb"] != "!=")


def _field(obj: Object, path: str) -> str:
    value: object = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)
