"""Google's OAuth 2.0 token endpoint for service accounts (RFC 7523), and a key file that points at it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import jwt

from fakes.served import Served

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What the library writes into every assertion, wherever it sends it."""

EARLY_SECONDS = 225
"""google.auth renews a token so long before it ends."""


class TokenEndpoint(Served):
    """Gives a new token for each assertion that the account's key signed; the latest is `current`.

    `lifetime_seconds` is what each token is said to be good for. `refuses`: the account is no longer known.
    """

    def __init__(self, lifetime_seconds: float = 3600) -> None:
        self.lifetime_seconds = lifetime_seconds
        self.refuses = False
        self.given: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        super().__init__(self._handler(), "token endpoint")

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}/token"

    def current(self) -> str | None:
        """Return the token that is good now: the latest."""
        return self.given[-1] if self.given else "none was given yet"

    def write_key(self, path: Path) -> Path:
        """Write a service account's key file."""
        private = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        content = {
            "type": "service_account",
            "project_id": "test-project",
            "private_key_id": "1",
            "private_key": private,
            "client_email": "burstd@test-project.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": self.url,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path

    def answer(self, form: Mapping[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Return status and body for one request."""
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        try:
            jwt.decode(form["assertion"][0], certs=public, audience=_AUDIENCE)
        except (KeyError, ValueError) as exc:
            return 400, {"error": "invalid_grant", "error_description": str(exc)}
        if self.refuses or form.get("grant_type") != [_GRANT]:
            return 400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
        self.given.append(secrets.token_urlsafe(24))
        return 200, {
            "access_token": self.given[-1],
            "expires_in": self.lifetime_seconds,
            "token_type": "Bearer",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                status, body = endpoint.answer(parse_qs(self.rfile.read(size).decode()))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
