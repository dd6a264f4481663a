"""Google's REST APIs as far as burstd asks them: regions of compute v1, and permissions in a project."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any

from fakes.served import Served

_REGION = re.compile(r"/compute/v1/projects/(?P<project>[^/]+)/regions/(?P<region>[^/]+)")
_PERMISSIONS = re.compile(r"/v1/projects/(?P<project>[^/:]+):testIamPermissions")


class RestApis(Served):
    """Answers on a loopback port. `quotas` has limit and usage by metric; `denied` what is not granted.

    `refusals` has, by a part of the path, the status and the text with which calls there are refused.
    """

    def __init__(self, quotas: dict[str, tuple[float, float]] | None = None) -> None:
        self.quotas = quotas or {}
        self.denied: set[str] = set()
        self.refusals: dict[str, tuple[int, str]] = {}
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and bearer token of each."""
        super().__init__(_handler(self), "google rest")

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and document."""
        for part, (status, text) in self.refusals.items():
            if part in path:
                return status, {"error": {"code": status, "message": text, "status": "REFUSED"}}
        if method == "GET" and (match := _REGION.fullmatch(path)):
            quotas = [
                {"metric": name, "limit": limit, "usage": usage}
                for name, (limit, usage) in self.quotas.items()
            ]
            return 200, {"kind": "compute#region", "name": match["region"], "quotas": quotas}
        if method == "POST" and _PERMISSIONS.fullmatch(path):
            granted = [one for one in body["permissions"] if one not in self.denied]
            return 200, {"permissions": granted} if granted else {}
        return 404, {"error": {"code": 404, "message": f"no such path: {path}", "status": "NOT_FOUND"}}


def _handler(apis: RestApis) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing; `requests` tells."""

        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            apis.requests.append((self.command, self.path, token))
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = apis.answer(self.command, self.path, json.loads(sent or "{}"))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

    return Handler
