"""The API's answers of kind Status, and the exception that carries one (API conventions)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Refused(Exception):
    """What the API answers instead of doing it."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: Object | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASONS.get(code, "") if reason is None else reason
        self.retry_after = retry_after
        self.details = dict(details or {})
        if retry_after is not None:
            self.details["retryAfterSeconds"] = retry_after

    def body(self) -> Object:
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": self.code}
        told = {"message": self.message, "reason": self.reason, "details": self.details}
        return body | {key: value for key, value in told.items() if value}


class NoSuchPath(Exception):
    """A path that nothing is registered for: the API answers with text, not with a Status."""


def success(details: Object) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def describe(resource: str, name: str) -> Object:
    """Return the `details` that name an object of a resource."""
    plural, _, group = resource.partition(".")
    return {"name": name, "kind": plural} | ({"group": group} if group else {})


def absent(resource: str, name: str) -> Refused:
    return Refused(404, f'{resource} "{name}" not found', details=describe(resource, name))


def exists(resource: str, name: str) -> Refused:
    text = f'{resource} "{name}" already exists'
    return Refused(409, text, reason="AlreadyExists", details=describe(resource, name))


def conflict(resource: str, name: str, why: str = "") -> Refused:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    text = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return Refused(409, text, details=describe(resource, name))


def terminating(resource: str, name: str, namespace: str) -> Refused:
    text = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    details = describe(resource, name) | {"causes": [cause]}
    return Refused(403, f'{resource} "{name}" is forbidden: {text}', details=details)


def invalid(kind: str, group: str, name: str, causes: Iterable[tuple[str, str, str]]) -> Refused:
    """Refuse an object for `causes`: reason (such as FieldValueRequired), field and message of each."""
    listed = [{"reason": reason, "field": field, "message": text} for reason, field, text in causes]
    told = ", ".join(f"{cause['field']}: {cause['message']}" for cause in listed)
    full = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind, "causes": listed}
    details = {key: value for key, value in details.items() if value}
    return Refused(422, f'{full} "{name}" is invalid: {told}', details=details)


def expired(asked: int, oldest: int) -> Refused:
    return Refused(410, f"too old resource version: {asked} ({oldest})")


def too_large(asked: int, current: int) -> Refused:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    text = f"Timeout: Too large resource version: {asked}, current: {current}"
    return Refused(504, text, details={"causes": [cause]}, retry_after=1)
