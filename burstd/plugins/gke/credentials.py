"""Application Default Credentials: found when first needed, renewed before they end."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import Any

from burstd.core.errors import NotNow
from burstd.plugins.gke import troubles

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

RENEW_SECONDS = 20.0
"""How long one request for a token may take."""

NAMED = "GOOGLE_APPLICATION_CREDENTIALS"
"""The environment variable that names a file of credentials."""


class Credentials:
    """The account that burstd acts as. Used by worker threads."""

    def __init__(self, *, may_be_anonymous: bool = False) -> None:
        """`may_be_anonymous`: where no file is named there are none, and none are looked for."""
        self._none = may_be_anonymous and not os.environ.get(NAMED)
        self._lock = threading.Lock()
        self._found: Any = None

    def found(self) -> Any:
        """Return the library's credentials, None where there are to be none. Raises Never."""
        with self._lock:
            return None if self._none else self._look()

    def token(self) -> str:
        """Return a token good for some minutes, "" where there is to be none. Raises NotNow, Never."""
        with self._lock:
            if self._none:
                return ""
            found = self._look()
            if not found.valid:
                self._found = None  # unless it is renewed, the file is read again: it may have been replaced
                _renew(found)
                self._found = found
            return str(found.token)

    def forget(self) -> None:
        """Read them again when next needed: they were refused, and may be replaced meanwhile."""
        with self._lock:
            self._found = None

    def _look(self) -> Any:
        if self._found is None:
            import google.auth
            from google.auth.exceptions import GoogleAuthError

            try:
                self._found, _ = google.auth.default(scopes=[SCOPE])
            except GoogleAuthError as exc:
                raise troubles.no_credentials(str(exc)) from exc
        return self._found


def _renew(found: Any) -> None:
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request

    try:
        found.refresh(partial(Request(), timeout=RENEW_SECONDS))
    except TransportError as exc:
        raise NotNow(f"no token for Google Cloud can be had now: {troubles.shorten(str(exc))}") from exc
    except GoogleAuthError as exc:
        if exc.retryable:
            raise NotNow(f"no token for Google Cloud can be had now: {troubles.shorten(str(exc))}") from exc
        raise troubles.expired_credentials(str(exc)) from exc
