"""A write on its way into the store: what the path, the content type and the subresource make of its body."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from fakes.kube import checks, patches, schema, status
from fakes.kube.kinds import Kind
from fakes.kube.requests import APPLY, Request, Target
from fakes.kube.status import Object, Refused

_MERGES = {"application/merge-patch+json", "application/strategic-merge-patch+json"}
_OPERATIONS = "application/json-patch+json"


def shown(kind: Kind, obj: Object) -> Object:
    """Return an object in the version it is asked for."""
    return obj | {"apiVersion": kind.api_version}


def listed(kind: Kind, objects: Iterable[Object], meta: Object) -> Object:
    """Return a list; only custom resources tell their kind in it."""
    items = [shown(kind, obj) for obj in objects]
    if not kind.custom:
        items = [
            {key: value for key, value in item.items() if key not in {"apiVersion", "kind"}} for item in items
        ]
    meta = ({"continue": ""} if kind.custom else {}) | meta
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta, "items": items}


def addressed(target: Target, body: Any, *, applied: bool = False) -> Object:
    """Return a body with the path's name and namespace. Raises Refused where they contradict it."""
    kind = target.kind
    checks.check_shape(kind, body, applied=applied)
    obj = dict(body)
    if obj.get("kind", kind.kind) != kind.kind or obj.get("apiVersion", kind.api_version) != kind.api_version:
        told = f"{obj.get('kind')} in version {obj.get('apiVersion')} cannot be handled as a {kind.kind}"
        raise Refused(400, told)
    meta = dict(obj.get("metadata") or {})
    for key, wanted in (("name", target.name), ("namespace", target.namespace)):
        if wanted and meta.setdefault(key, wanted) != wanted:
            told = f"the {key} of the object ({meta[key]}) does not match the {key} on the URL ({wanted})"
            raise Refused(400, told)
    return obj | {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta}


def patcher(request: Request, kind: Kind | None, content: Any) -> Callable[[Object], Any]:
    """Return what applies a patch of the request's content type. Raises Refused (415, 400)."""
    if request.content_type == _OPERATIONS:
        return lambda before: patches.apply_operations(before, content)
    custom = kind is not None and kind.custom
    if request.content_type not in _MERGES or (custom and "strategic" in request.content_type):
        told = "the body of the request was in an unknown format - accepted media types include: "
        raise Refused(415, told + ", ".join([_OPERATIONS, *sorted(_MERGES)[: 1 if custom else 2], APPLY]))
    if not isinstance(content, dict):
        raise Refused(400, "json: cannot unmarshal array into Go value of type map[string]interface {}")
    return lambda before: patches.merge(before, content)


def check_unmoved(target: Target, before: Object, after: Object) -> None:
    """Raise Refused where a write names another version (409), or changes what cannot change (422)."""
    asked, meta, kind = after["metadata"], before["metadata"], target.kind
    if asked.get("resourceVersion") and asked["resourceVersion"] != meta["resourceVersion"]:
        raise status.conflict(kind.resource, target.name)
    if asked.get("uid") and asked["uid"] != meta["uid"]:
        cause = "FieldValueInvalid", "metadata.uid", f'Invalid value: "{asked["uid"]}": field is immutable'
        raise status.invalid(kind.kind, kind.group, target.name, [cause])
    added = set(asked.get("finalizers") or ()) - set(meta.get("finalizers") or ())
    if added and "deletionTimestamp" in meta:
        told = "Forbidden: no new finalizers can be added if the object is being deleted"
        cause = "FieldValueForbidden", "metadata.finalizers", f"{told}, found new finalizers {sorted(added)}"
        raise status.invalid(kind.kind, kind.group, target.name, [cause])


def check_new(target: Target, body: Object) -> None:
    """Raise Refused where applying names an object that is not there (409)."""
    if uid := body["metadata"].get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise status.conflict(target.kind.resource, target.name, why)


def confine(target: Target, before: Object, after: Object) -> Object:
    """The status subresource writes status alone, and what has one writes status nowhere else."""
    if target.subresource == "status":
        fields = {"managedFields": after["metadata"].get("managedFields", [])}
        return before | {"status": after.get("status"), "metadata": before["metadata"] | fields}
    if target.subresource == "finalize":
        return before | {"spec": after.get("spec") or {}}
    if "status" in target.kind.subresources:
        kept = {"status": before["status"]} if "status" in before else {}
        return {key: value for key, value in after.items() if key != "status"} | kept
    return after


def check_typed(kind: Kind, wanted: Object) -> None:
    """Raise Refused where applying meets an unknown field or a wrong type: 500, and no reason."""
    pruned = copy.deepcopy(wanted)
    unknown = [*checks.unknown_fields(kind, pruned), *schema.prune(pruned, kind.schema)]
    wrong = [f"{path}: field not declared in schema" for path in unknown]
    wrong += [
        f"{path}: {text}" for reason, path, text in schema.check(pruned, kind.schema) if "Type" in reason
    ]
    if wrong:
        of = f"/{wanted['metadata']['name']}; {kind.api_version}, Kind={kind.kind}"
        told = f"failed to create typed patch object ({of}): .{', .'.join(wrong)}"
        raise Refused(500, told, reason="")


def conform(kind: Kind, obj: Object, request: Request) -> None:
    """Check any object; prune and complete a custom resource, in place. Raises Refused (422, 400)."""
    checks.check_content(kind, obj)
    unknown = [*checks.unknown_fields(kind, obj), *schema.prune(obj, kind.schema)]
    if unknown and request.query.get("fieldValidation") == "Strict":
        raise _strictly(kind, unknown, request)
    for key in checks.unknown_fields(kind, obj):
        del obj[key]
    schema.fill(obj, kind.schema)
    if causes := schema.check(obj, kind.schema):
        raise status.invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), causes)


def _strictly(kind: Kind, unknown: list[str], request: Request) -> Refused:
    """Return the refusal of unknown fields: Invalid for a patch, BadRequest for a whole object."""
    told = "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown)
    if request.method == "PATCH":
        return status.invalid("", "", "", [("FieldValueInvalid", "patch", f"Invalid value: {told}")])
    return Refused(400, f"{kind.kind} in version {kind.version} cannot be handled as a {kind.kind}: {told}")


def scale_of(kind: Kind, obj: Object) -> Object:
    """Return the scale subresource: it leaves out a wanted 0 and an empty selector."""
    meta, paths = obj["metadata"], kind.scale
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted, selector = _dig(obj, paths.wanted), _dig(obj, paths.selector)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": wanted} if wanted else {},
        "status": {"replicas": _dig(obj, paths.actual) or 0} | ({"selector": selector} if selector else {}),
    }


def rescaled(target: Target, before: Object, scale: Object, request: Request) -> Object:
    """Return an object with the size that a Scale wants. Raises Refused (422) where that is no number."""
    check_unmoved(target, before, scale)
    wanted = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(wanted, int):
        told = "Invalid value: json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas"
        raise status.invalid("Scale", "", "", [("FieldValueInvalid", "patch", told)])
    after = patches.merge(before, _nested(target.kind.scale.wanted, wanted))
    conform(target.kind, after, request)
    return after


def _dig(obj: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj if steps else None


def _nested(steps: tuple[str, ...], value: Any) -> Any:
    return {steps[0]: _nested(steps[1:], value)} if steps else value
