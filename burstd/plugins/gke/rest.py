"""What Google tells by REST alone: quotas of a region, permissions in a project. Nothing is changed by it.

APIs: compute v1 (regions.get), cloudresourcemanager v1 (projects.testIamPermissions, a question although it
is posted). Errors are those of google.rpc.Status in JSON.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.errors import Never, NotNow
from burstd.plugins.gke.credentials import Credentials
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.troubles import shorten

SECONDS = 20.0
_LARGEST_ANSWER = 4 * 1024 * 1024


class Unread(Never):
    """The account may not read it, or the API is off: nothing is known then, and nothing is wrong by that."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of something a project may have in a region, and has."""

    metric: str
    limit: float
    usage: float

    @property
    def left(self) -> float:
        return self.limit - self.usage


class Rest:
    """Google's REST APIs for one project."""

    def __init__(self, options: GkeOptions, credentials: Credentials) -> None:
        self._project = options.project
        self._near = options.insecure_rest_endpoint
        self._played = bool(options.insecure_endpoint)
        self._credentials = credentials

    def quotas(self, region: str) -> Mapping[str, Quota]:
        """Return the quotas of a region by their metric. Raises Unread, NotNow, Never."""
        path = f"/compute/v1/projects/{self._project}/regions/{region}"
        told = self._call("GET", "compute.googleapis.com", path)
        quotas = (_quota(one) for one in told.get("quotas") or ())
        return {quota.metric: quota for quota in quotas}

    def lacking(self, permissions: Iterable[str]) -> tuple[str, ...]:
        """Return which permissions the account does not have in the project. Raises Unread, NotNow, Never."""
        wanted = tuple(permissions)
        path = f"/v1/projects/{self._project}:testIamPermissions"
        told = self._call("POST", "cloudresourcemanager.googleapis.com", path, {"permissions": list(wanted)})
        return tuple(one for one in wanted if one not in (told.get("permissions") or ()))

    def _call(
        self, method: str, host: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        if self._played and not self._near:
            raise Unread(f"{host} is not asked where GKE is reached by insecure_endpoint")
        start = f"http://{self._near}" if self._near else f"https://{host}"
        request = urllib.request.Request(f"{start}{path}", method=method, headers=self._headers())
        if body is not None:
            request.data = json.dumps(body).encode()
        return _answer(request, host)

    def _headers(self) -> dict[str, str]:
        token = self._credentials.token() if self._credentials.found() else ""
        plain = {"Content-Type": "application/json", "Accept": "application/json"}
        return plain | ({"Authorization": f"Bearer {token}"} if token else {})


def _answer(request: urllib.request.Request, host: str) -> Mapping[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            told = json.loads(answer.read(_LARGEST_ANSWER))
    except urllib.error.HTTPError as exc:
        with exc:
            raise _refusal(exc, host) from exc
    except (urllib.error.URLError, TimeoutError, OSError, ValueError) as exc:
        raise NotNow(f"{host} does not answer as it should: {getattr(exc, 'reason', exc)}") from exc
    if not isinstance(told, Mapping):
        raise NotNow(f"{host} does not answer as it should: what it says is no object")
    return told


def _refusal(error: urllib.error.HTTPError, host: str) -> Never | NotNow:
    text = _words(error.read(_LARGEST_ANSWER)) or f"status {error.code}"
    if error.code in (401, 403):
        return Unread(f"{host} refuses: {shorten(text)}")
    if error.code == 429 or error.code >= 500:
        return NotNow(f"{host}: {shorten(text)}")
    return Never(f"{host}: {shorten(text)}")


def _words(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ""


def _quota(told: Mapping[str, Any]) -> Quota:
    return Quota(str(told["metric"]), float(told["limit"]), float(told.get("usage", 0.0)))
