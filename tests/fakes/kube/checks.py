"""What the API refuses of any object, and of the kinds that burstd makes: names, labels, what is missing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from fakes.kube import status
from fakes.kube.kinds import CRDS, Kind
from fakes.kube.status import Object, Refused

Cause = tuple[str, str, str]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_NAMES = {"namespaces": (_LABEL, 63), "services": (_SERVICE, 63)}
_RBAC = {"roles", "rolebindings", "clusterroles", "clusterrolebindings"}
_REQUIRED = {
    "pods": ("spec.containers",),
    "deployments.apps": ("spec.selector", "spec.template.spec.containers"),
    "daemonsets.apps": ("spec.selector", "spec.template.spec.containers"),
    "jobs.batch": ("spec.template.spec.containers",),
    CRDS: ("spec.group", "spec.scope", "spec.names.plural", "spec.names.kind", "spec.versions"),
}
_RULES = {"rules", "aggregationRule"}
_BINDINGS = {"subjects", "roleRef"}
_BODIES = {
    "configmaps": {"data", "binaryData", "immutable"},
    "secrets": {"data", "stringData", "type", "immutable"},
    "serviceaccounts": {"secrets", "imagePullSecrets", "automountServiceAccountToken"},
    "roles": _RULES,
    "clusterroles": _RULES,
    "rolebindings": _BINDINGS,
    "clusterrolebindings": _BINDINGS,
    "endpoints": {"subsets"},
    "endpointslices": {"addressType", "endpoints", "ports"},
    "priorityclasses": {"value", "globalDefault", "description", "preemptionPolicy"},
}
"""The fields of kinds that have no spec. Events have too many to tell here."""
_LARGEST_BYTES = 1 << 20


def check_name(kind: Kind, name: str) -> None:
    """Raise Refused (422) where a name is missing or does not do for its kind (RFC 1123, 1035)."""
    pattern, longest = _NAMES.get(kind.resource, (_SUBDOMAIN, 253))
    if not name:
        cause = "FieldValueRequired", "metadata.name", "Required value: name or generateName is required"
        raise status.invalid(kind.kind, kind.group, "", [cause])
    if kind.plural not in _RBAC and (len(name) > longest or not pattern.fullmatch(name)):
        told = f'Invalid value: "{name}": must be at most {longest} characters and match {pattern.pattern}'
        raise status.invalid(kind.kind, kind.group, name, [("FieldValueInvalid", "metadata.name", told)])


def unknown_fields(kind: Kind, obj: Object) -> list[str]:
    """Return the outermost fields that an object of a kind of the server's own does not have."""
    if kind.custom or kind.plural == "events":
        return []
    known = _BODIES.get(kind.plural, {"spec", "status"})
    return [key for key in obj if key not in known and key not in {"apiVersion", "kind", "metadata"}]


def check_shape(kind: Kind, body: Any, *, applied: bool = False) -> None:
    """Raise Refused (400; 500 if it is applied) where a body cannot be read as an object at all."""
    if not isinstance(body, dict) or (kind.custom and not (body.get("kind") and body.get("apiVersion"))):
        raise Refused(400, f"the object provided is unrecognized (must be of type {kind.kind})")
    meta = body.get("metadata")
    texts = [meta.get(key) for key in ("labels", "annotations")] if isinstance(meta, dict) else []
    texts += [body.get(key) for key in _data(kind)]
    if not isinstance(meta, dict | None) or not all(map(_is_texts, texts)):
        told = "json: cannot unmarshal a value of another type"
        if applied:
            raise Refused(500, f"failed to create typed patch object: {told}", reason="")
        raise Refused(
            400, f"{kind.kind} in version {kind.version} cannot be handled as a {kind.kind}: {told}"
        )
    _check_times(kind, body)
    for value in (body.get("data") or {}).values() if kind.resource == "secrets" else ():
        _check_base64(kind, value)


def _check_times(kind: Kind, body: Object) -> None:
    """A MicroTime has exactly six digits after the second."""
    spec = body.get("spec") or {}
    times = [spec.get(key) for key in ("acquireTime", "renewTime")] if kind.plural == "leases" else []
    if wrong := [one for one in times if one is not None and not _MICRO_TIME.fullmatch(one)]:
        told = f'parsing time "{wrong[0]}" as "2006-01-02T15:04:05.000000Z07:00"'
        raise Refused(400, f"Lease in version {kind.version} cannot be handled as a Lease: {told}")


def check_content(kind: Kind, obj: Object) -> None:
    """Raise Refused (422) with all that is wrong with an object of any kind."""
    if causes := [*_labels(obj), *_missing(kind, obj), *_keys(kind, obj)]:
        raise status.invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), causes)


def _data(kind: Kind) -> tuple[str, ...]:
    return {"configmaps": ("data", "binaryData"), "secrets": ("data", "stringData")}.get(kind.resource, ())


def _is_texts(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(isinstance(text, str | None) for text in value.values())
    )


def _check_base64(kind: Kind, text: str) -> None:
    try:
        base64.b64decode(text or "", validate=True)
    except binascii.Error as exc:
        told = (
            f"{kind.kind} in version {kind.version} cannot be handled as a {kind.kind}: illegal base64 data"
        )
        raise Refused(400, told) from exc


def _labels(obj: Object) -> Iterator[Cause]:
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if not _is_qualified(key):
            yield "FieldValueInvalid", "metadata.labels", f'Invalid value: "{key}": is no label key'
        if value and (len(value) > 63 or not _QUALIFIED.fullmatch(value)):
            yield "FieldValueInvalid", "metadata.labels", f'Invalid value: "{value}": is no label value'
    for key in obj["metadata"].get("annotations") or ():
        if not _is_qualified(key):
            yield "FieldValueInvalid", "metadata.annotations", f'Invalid value: "{key}": is no annotation key'


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    fits = not slash or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix))
    return bool(fits and len(name) <= 63 and _QUALIFIED.fullmatch(name))


def _missing(kind: Kind, obj: Object) -> Iterator[Cause]:
    wanted = _REQUIRED.get(kind.resource, ())
    spec = obj.get("spec") or {}
    if kind.resource == "services" and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        wanted = ("spec.ports",)
    for path in wanted:
        value: Any = obj
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if not value:
            yield "FieldValueRequired", path, "Required value"


def _keys(kind: Kind, obj: Object) -> Iterator[Cause]:
    if kind.resource not in {"configmaps", "secrets"}:
        return
    size = 0
    for key, value in (obj.get("data") or {}).items():
        size += len(value or "") * 3 // 4 if kind.resource == "secrets" else len((value or "").encode())
        if len(key) > 253 or not _KEY.fullmatch(key):
            yield "FieldValueInvalid", f"data[{key}]", f'Invalid value: "{key}": is no key'
    if size > _LARGEST_BYTES:
        yield "FieldValueTooLong", "data", f"Too long: may not be more than {_LARGEST_BYTES} bytes"
