"""Calls of an API server through the official client, for tests: a refusal comes back, nothing is raised."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kubernetes import config

MERGE = "application/merge-patch+json"
OPERATIONS = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TIMEOUT_SECONDS = (5.0, 30.0)


class Calls:
    """An API server by its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = config.new_client_from_config(str(kubeconfig))

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        **query: object,
    ) -> tuple[int, Any]:
        """Make one request; return its status code and what the body holds: JSON, or text."""
        response = self._request(method, path, body, content_type, query)
        text = response.read().decode()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def make(self, path: str, body: Any, **query: object) -> Any:
        """Create what must be created; return it."""
        code, made = self("POST", path, body, **query)
        assert code == 201, made
        return made

    def read(self, path: str, **query: object) -> Any:
        """Read what must be there."""
        code, found = self("GET", path, **query)
        assert code == 200, found
        return found

    def change(self, path: str, patch: Any, content_type: str = MERGE, **query: object) -> Any:
        """Patch what must take it; return it as it is now."""
        code, changed = self("PATCH", path, patch, content_type, **query)
        assert code in {200, 201}, changed
        return changed

    def apply(
        self, path: str, wanted: Any, manager: str = "burstd", *, force: bool = False, **query: object
    ) -> tuple[int, Any]:
        """Apply server-side."""
        return self("PATCH", path, wanted, APPLY, fieldManager=manager, force=str(force).lower(), **query)

    def watch(self, path: str, seconds: int, **query: object) -> Iterator[Any]:
        """Yield a watch's events until the server ends it; `seconds` is when it shall."""
        asked = query | {"watch": "true", "timeoutSeconds": seconds}
        response = self._request("GET", path, None, "application/json", asked)
        with response.response as stream:
            assert response.status == 200, stream.read()
            for line in _lines(stream.stream(amt=None)):
                yield json.loads(line)

    def is_gone(self, path: str) -> bool:
        return self("GET", path)[0] == 404

    def close(self) -> None:
        self._client.rest_client.close()

    def _request(self, method: str, path: str, body: Any, content_type: str, query: dict[str, object]) -> Any:
        headers = {"Accept": "application/json"} | (
            {"Content-Type": content_type} if body is not None else {}
        )
        asked = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        return self._client.call_api(*asked, _request_timeout=TIMEOUT_SECONDS)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return what `condition` returns once that is true; fail where it is not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)
    return found


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
