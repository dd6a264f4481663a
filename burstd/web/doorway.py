"""What every request passes before it is answered, and what every answer gets (ASGI 3.0)."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from burstd.web.access import Access, header

OPEN_PATHS = frozenset(
    {"/", "/icon.svg", "/page.css", "/page.js", "/livez", "/readyz", "/api/v1/openapi.json"}
)
"""What has nothing of anybody's in it, and is told wherever it is asked for."""

HEADERS = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

TRUSTED = "burstd.trusted"
"""The key of a request's scope under which stands whether it had the token."""


class Doorway:
    """Refuses what is asked by another name, to change something, or with a wrong token."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Only HTTP comes here: the server has nothing else switched on."""

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        refused = self._refusal(scope)
        if refused is not None:
            await _refuse(*refused, decorated)
            return
        # HEAD is GET without the body, which the server leaves out by itself
        asked = {**scope, "method": "GET", TRUSTED: self._is_trusted(scope)}
        await self._app(asked, receive, decorated)

    def _refusal(self, scope: Scope) -> tuple[int, str, tuple[tuple[bytes, bytes], ...]] | None:
        host = header(scope["headers"], b"host")
        if host is None or not self._access.is_named(host):
            return 421, "burstd is asked by another name here: http.names may have it.", ()
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "Nothing can be changed here: only GET and HEAD.", ((b"allow", b"GET, HEAD"),)
        if scope["path"] in OPEN_PATHS or self._is_trusted(scope):
            return None
        if header(scope["headers"], b"authorization") is not None:
            return 401, "This is not the token.", (_CHALLENGE,)
        if not self._access.is_loopback:
            return 401, "This needs the token: Authorization: Bearer TOKEN.", (_CHALLENGE,)
        return None

    def _is_trusted(self, scope: Scope) -> bool:
        return self._access.is_trusted(header(scope["headers"], b"authorization") or "")


_CHALLENGE = (b"www-authenticate", b'Bearer realm="burstd"')


async def _refuse(status: int, sentence: str, headers: tuple[tuple[bytes, bytes], ...], send: Send) -> None:
    body = json.dumps({"detail": sentence}).encode()
    length = str(len(body)).encode()
    fixed = ((b"content-type", b"application/json"), (b"content-length", length))
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
