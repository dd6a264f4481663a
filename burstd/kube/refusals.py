"""What an API server's refusals mean: a Status (Kubernetes API conventions) becomes NotNow or Never."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from burstd.core.errors import Never, NoRoom, NotNow
from burstd.kube.kinds import Manifest
from burstd.kube.scaleups import QUOTA_SECONDS

_PASSING = (429, 500, 502, 503, 504)
_LONGEST_TEXT = 500


class Exists(Never):
    """What was to be created is there already, perhaps somebody else's."""


class Stale(NotNow):
    """What was to be changed is another by now: somebody changed it, or made a new one of that name."""


class Expired(NotNow):
    """The version from which to watch is no longer kept: list again."""


class Silent(NotNow):
    """The API server cannot be reached, or does not answer in time."""


class Missing(NotNow):
    """What was asked for is not there."""


class Unauthorized(NotNow):
    """The server does not accept the credentials, or no longer."""


class Forbidden(Never):
    """The user may not do this."""


class Overloaded(NotNow):
    """The server asks for patience, or fails in a way that passes."""


def refusal(status: int, headers: Mapping[str, str], body: bytes, what: str, url: str) -> NotNow | Never:
    """Return the error that an answer of 400 or more is; `what` was asked of the server at `url`."""
    told = _told(body)
    text = str(told.get("message") or f"status {status}")[:_LONGEST_TEXT]
    if status == 404:
        return Missing(f"{what} at {url}: {text}")
    if status == 409:
        return Exists(text) if told.get("reason") == "AlreadyExists" else Stale(text)
    if status == 410:
        return Expired(text)
    if status == 500 and told.get("kind") == "Status" and not told.get("reason"):
        return Never(f"{what} at {url} is refused: {text}")  # so a manifest with an unknown field is answered
    if status in _PASSING:
        return Overloaded(f"{what} at {url}: {text}", _retry_after(headers, told))
    if status == 401:
        return Unauthorized(
            f"{url} does not accept burstd's credentials: {text}; renew them where they come from, they are "
            "read again for the next call",
            10.0,
        )
    if status == 403:
        return _forbidden(told, text, url)
    return Never(f"{what} at {url} is refused: {text}")


def watch_error(told: Manifest) -> NotNow:
    """Return the error that a watch's ERROR event is; its object is a Status."""
    text = str(told.get("message") or told.get("reason") or "the watch failed")
    return Expired(text) if told.get("code") == 410 else Overloaded(text)


def _forbidden(told: Manifest, text: str, url: str) -> NotNow | Never:
    causes = (told.get("details") or {}).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NotNow(f"the namespace is still being deleted: {text}")
    quota = _QUOTA.search(text)
    if quota is not None:
        return NoRoom(f"{url} has no room: {text}", QUOTA_SECONDS, f"the quota {quota[1]} on {url}")
    return Forbidden(f"{url} forbids it: {_right(text)}; docs/kubernetes.md lists all that burstd needs")


_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)")
_CANNOT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<kind>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def _right(text: str) -> str:
    """Return the right that is missing, in the words in which a role would be written, and the server's."""
    found = _CANNOT.search(text)
    if found is None:
        return f"{text}; give burstd's user that right"
    kind = f"{found['kind']}.{found['group']}" if found["group"] else found["kind"]
    where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
    return f"user {found['user']} lacks the right to {found['verb']} {kind}{where}; give it that ({text})"


def _told(body: bytes) -> Manifest:
    """Return the Status; a proxy on the way may have sent something else."""
    try:
        found = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}
    return found if isinstance(found, dict) else {}


def _retry_after(headers: Mapping[str, str], told: Manifest) -> float:
    seconds = (told.get("details") or {}).get("retryAfterSeconds") or headers.get("Retry-After") or 0
    try:
        return float(seconds)
    except ValueError:
        return 0.0
