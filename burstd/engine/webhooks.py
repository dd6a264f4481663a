"""A notice for a URL: one POST of JSON, its certificate verified, no redirect followed.

URL and token may be secrets: of the URL no more than scheme and host is ever said.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)
from tenacity.nap import sleep_using_event

from burstd.config.notify import HERE, check_url
from burstd.core.errors import Undelivered
from burstd.core.notices import Notice

ATTEMPTS = 3
"""Posts of one notice before it is given up."""

_BUSY = frozenset({408, 425, 429, *range(500, 600)})
"""Answers after which another attempt may succeed: RFC 9110, RFC 6585, RFC 8470."""

_FILE_LIMIT = 8192


@dataclass(frozen=True, slots=True)
class Webhook:
    """One URL, given or in a file; each attempt waits so many `seconds` for an answer."""

    url: str
    url_file: Path | None
    token_file: Path | None
    body: Literal["notice", "text"]
    seconds: float
    jobs: bool = False

    @property
    def name(self) -> str:
        """What it is called in the log: nothing of the URL that may be a secret."""
        if self.url_file is not None:
            return f"the URL in {self.url_file}"
        parts = check_url(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def deliver(self, notice: Notice, stop: threading.Event) -> None:
        """Post it; again after a pause where that may help, until `stop`. Raises Undelivered."""
        Retrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, Undelivered) and exc.again),
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(stop),
            wait=wait_random_exponential(multiplier=1, max=10),
            sleep=sleep_using_event(stop),
            reraise=True,
        )(self._post, notice)

    def _post(self, notice: Notice) -> None:
        document = notice.document(jobs=self.jobs)
        try:
            request = self._request(document)
            with _opener(request.host).open(request, timeout=self.seconds):
                return
        except urllib.error.HTTPError as exc:
            with exc:
                raise Undelivered(_answered(exc), again=exc.code in _BUSY) from None
        except (OSError, http.client.HTTPException) as exc:  # a URLError is an OSError
            raise Undelivered(_unreached(exc, self.seconds), again=True) from None
        except ValueError:  # a name that is none, a token of several lines; the words would quote them
            raise Undelivered("its URL or its token has what HTTP does not allow") from None

    def _request(self, document: Mapping[str, Any]) -> urllib.request.Request:
        content = {"text": document["sentence"]} if self.body == "text" else document
        headers = {"Content-Type": "application/json", "User-Agent": "burstd"}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {_secret(self.token_file)}"
        return urllib.request.Request(self._where(), json.dumps(content).encode(), headers, method="POST")

    def _where(self) -> str:
        if self.url_file is None:
            return self.url
        url = _secret(self.url_file)
        try:
            check_url(url)
        except ValueError as exc:
            raise Undelivered(f"what stands in {self.url_file} {exc}") from None
        return url


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a notice and its token go where somebody wrote that they go."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _opener(host: str) -> urllib.request.OpenerDirector:
    """Return what posts; proxies are those of the environment, certificates those of this machine.

    What is for this machine goes through no proxy.
    """
    here = urlsplit(f"//{host}").hostname in HERE
    proxies = urllib.request.ProxyHandler({} if here else None)
    secured = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    return urllib.request.build_opener(_Staying, proxies, secured)


def _secret(path: Path) -> str:
    """Return what stands in a file. Raises Undelivered."""
    try:
        with path.open(encoding="ascii") as file:
            return file.read(_FILE_LIMIT).strip()
    except (OSError, UnicodeDecodeError) as exc:
        what = exc.strerror if isinstance(exc, OSError) else "it holds what no URL and no token has"
        raise Undelivered(f"{path} cannot be read: {what}") from None


def _answered(exc: urllib.error.HTTPError) -> str:
    if 300 <= exc.code < 400:
        return f"it answered {exc.code}, a redirect, and burstd follows none"
    return f"it answered {exc.code} {http.client.responses.get(exc.code, '')}".rstrip()


def _unreached(exc: OSError | http.client.HTTPException, seconds: float) -> str:
    """Say what went wrong in words of burstd's own: those of a library may quote the URL."""
    cause = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    if isinstance(cause, TimeoutError):
        return f"it did not answer within {seconds:g} s"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return f"it cannot be reached: {cause.strerror}"
    return f"it cannot be reached ({type(cause).__name__})"
