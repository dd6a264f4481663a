"""One Kubernetes API server, spoken to in plain JSON: the only module that imports the client library.

Objects are mappings as the API has them. Every call has a timeout and is tried again for a while where the
server or the network fails in a way that passes; what is left becomes NotNow or Never, with the server's own
words. Formats: the Kubernetes API conventions (Status, watch events, server-side apply).
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from burstd.core.errors import Never, NotNow
from burstd.kube import patience
from burstd.kube.kinds import Kind, Manifest, kind_of, path_of
from burstd.kube.refusals import Exists, Missing, Overloaded, Silent, Unauthorized, refusal, watch_error

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0

ANSWER_SECONDS = (2.0, 5.0)
"""How long a connection, and then an answer, may take where it is only asked whether there is one."""

PATIENCE_SECONDS = 30.0
"""How long a call is tried again. A control plane that is being resized may be away for longer."""

WATCH_SECONDS = 240
"""After so long the server ends a watch, and it is begun again from where it was."""

MANAGER = "burstd"
"""The field manager of what is applied."""


Labels = Mapping[str, str | None]
"""Which labels objects must have, and with which values; None: any."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is and how to be let in.

    `ca` is in PEM, None: the system's. `token` is asked for before each request; `refused` is called where
    it was not accepted.
    """

    url: str
    ca: bytes | None = None
    token: Callable[[], str] | None = None
    refused: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list showed, and the version from which a watch continues it."""

    items: tuple[Manifest, ...]
    version: str


def connect(access: Access, patience_seconds: float = PATIENCE_SECONDS) -> Cluster:
    """Return a connection to an API server; nothing is asked of it yet."""
    from kubernetes.client import Configuration

    settings = Configuration(host=access.url.rstrip("/"))
    settings.ca_cert_data = access.ca.decode() if access.ca else None
    if access.token is not None:
        _renew_by(settings, access.token)
    return Cluster(settings, patience_seconds, access.refused)


def _renew_by(settings: Any, token: Callable[[], str]) -> None:
    """Have the token asked for before each request: the library looks at the hook only if a key is there."""

    def renew(configuration: Any) -> None:
        configuration.api_key["BearerToken"] = f"Bearer {token()}"

    settings.api_key["BearerToken"] = "not yet asked for"
    settings.refresh_api_key_hook = renew


class Cluster:
    """A connection to one API server; may be used from several threads."""

    def __init__(
        self,
        settings: Any,
        patience_seconds: float = PATIENCE_SECONDS,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the library's own Configuration, whose silent retries are turned off.

        `refused` is called where the credentials are not accepted.
        """
        from kubernetes.client import ApiClient
        from urllib3 import Retry

        settings.retries = Retry(total=0, redirect=3)
        settings.connection_pool_maxsize = 16
        self.url: str = settings.host
        self.heed: patience.Heed = patience.always
        self._api = ApiClient(settings)
        self._patience_seconds = patience_seconds
        self._refused = refused
        self._closed = threading.Event()
        self._plurals: dict[tuple[str, str], Kind] = {}
        self._watched: set[Any] = set()

    def heeding(self, heed: patience.Heed) -> Cluster:
        """Return the same connection: before each call, and while one is tried again, `heed` is called."""
        other = copy.copy(self)
        other.heed = heed
        return other

    def close(self) -> None:
        """Drop every connection; watches end."""
        self._closed.set()
        for response in tuple(self._watched):
            with suppress(ValueError, OSError):  # it ended by itself meanwhile
                response.shutdown()
        self._api.rest_client.close()

    def answers(self) -> bool:
        """Say whether the API server answers at all, asked once."""
        try:
            _read(self._send("GET", "/version", {}, None, "", ANSWER_SECONDS), self.url)
        except NotNow:
            return False
        except Never:
            return True
        return True

    def raw(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Manifest | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        """Make a call once; return headers and body of the answer. Raises NotNow, Never."""
        seconds = (CONNECT_SECONDS, READ_SECONDS)
        kind = "application/json" if body is not None else ""
        answer = self._send(method, path, query or {}, body, kind, seconds)
        return answer.headers, _read(answer, self.url)

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
        """Return an object, None where there is none. Raises NotNow, Never."""
        return self._call("GET", path_of(kind, namespace, name), missing=True)

    def list(self, kind: Kind, namespace: str = "", labels: Labels | None = None) -> Listed:
        """Return the objects of a kind, of all namespaces where none is named. Raises NotNow, Never."""
        query = {"labelSelector": _selector(labels)} if labels else {}
        found = self._call("GET", path_of(kind, namespace), query, missing=True)
        if found is None:  # the kind itself is not known to the server
            return Listed((), "")
        return Listed(tuple(found.get("items") or ()), found["metadata"].get("resourceVersion", ""))

    def create(self, manifest: Manifest) -> Manifest:
        """Make an object. Raises Exists where its name is taken, NotNow, Never."""
        made = self._call("POST", path_of(self.kind(manifest), _namespace(manifest)), body=manifest)
        return made or {}

    def apply(self, manifest: Manifest) -> Manifest:
        """Make an object, or bring its fields to what the manifest says (server-side apply, forced)."""
        path = path_of(self.kind(manifest), _namespace(manifest), manifest["metadata"]["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
        kind = "application/apply-patch+yaml"
        try:
            return self._call("PATCH", path, query, manifest, kind) or {}
        except Exists:  # somebody made it in the same moment: now there is something to change
            return self._call("PATCH", path, query, manifest, kind) or {}

    def merge(self, kind: Kind, name: str, namespace: str, change: Manifest) -> Manifest:
        """Change fields of an object that must be there (RFC 7386). Raises Stale, NotNow, Never."""
        path = path_of(kind, namespace, name)
        return self._call("PATCH", path, {}, change, "application/merge-patch+json") or {}

    def delete(self, kind: Kind, found: Manifest, propagation: str = "Foreground") -> None:
        """Delete exactly this object, as it was found: one of the same name that is newer is left alone."""
        metadata = found["metadata"]
        body = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation,
            "preconditions": {"uid": metadata["uid"]},
        }
        path = path_of(kind, metadata.get("namespace", ""), metadata["name"])
        self._call("DELETE", path, body=body, missing=True)

    def log(self, namespace: str, pod: str, container: str, lines: int = 20) -> str:
        """Return the last lines of a container's run before, else of this one; "" if there are none."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        for previous in ("true", "false"):
            query = {"container": container, "tailLines": str(lines), "previous": previous}
            try:
                text = self._once("GET", path, query, None, "").decode(errors="replace").strip()
            except (NotNow, Never):
                continue
            if text:
                return text
        return ""

    def watch(
        self, kind: Kind, version: str, namespace: str = "", labels: Labels | None = None
    ) -> Iterator[Manifest]:
        """Yield each event (`type`, `object`) after a version until the server ends the watch or `close`.

        Raises Expired where the version is too old, NotNow where the connection breaks.
        """
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        query |= {"allowWatchBookmarks": "true"} | ({"labelSelector": _selector(labels)} if labels else {})
        seconds = (CONNECT_SECONDS, WATCH_SECONDS + READ_SECONDS)
        answer = self._send("GET", path_of(kind, namespace), query, None, "", seconds)
        self._watched.add(answer.response)
        try:
            if self._closed.is_set():  # while the answer was on its way: `close` has not seen it
                answer.response.close()
                return
            yield from _events(answer.response, self._closed)
        finally:
            self._watched.discard(answer.response)

    def kind(self, manifest: Manifest) -> Kind:
        """Return the kind of a manifest, asking the server for one that is not well known."""
        known = kind_of(manifest)
        return known if known is not None else self._discovered(manifest["apiVersion"], manifest["kind"])

    def _discovered(self, api_version: str, kind: str) -> Kind:
        if (api_version, kind) not in self._plurals:
            root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            found = self._call("GET", root, missing=True) or {}
            for one in found.get("resources") or ():
                if "/" not in one["name"]:
                    made = Kind(api_version, one["kind"], one["name"], one["namespaced"])
                    self._plurals[api_version, one["kind"]] = made
        if (api_version, kind) not in self._plurals:
            raise NotNow(f"{self.url} does not know the kind {kind} of {api_version} (yet)")
        return self._plurals[api_version, kind]

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        *,
        missing: bool = False,
    ) -> Manifest | None:
        """Make a call, again while it fails in a way that passes; `missing`: None where nothing is there."""
        self.heed()
        again = Retrying(
            retry=retry_if_exception_type((Silent, Overloaded)),
            wait=_pause,
            stop=stop_after_delay(self._patience_seconds) | stop_when_event_set(self._closed),
            sleep=lambda pause: patience.sleep(pause, self.heed, self._closed.wait),
            reraise=True,
        )
        try:
            return again(self._answered, method, path, query or {}, body, content_type)
        except Missing:
            if missing:
                return None
            raise

    def _answered(
        self, method: str, path: str, query: Mapping[str, str], body: Manifest | None, content_type: str
    ) -> Manifest:
        """Make a call once. What is no object comes from something on the way, so it proves nothing."""
        text = self._once(method, path, query, body, content_type)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Silent(
                f"what {self.url} answers to {method} {path} is no answer of a Kubernetes API server"
            )
        return answer

    def _once(
        self, method: str, path: str, query: Mapping[str, str], body: Manifest | None, content_type: str
    ) -> bytes:
        answer = self._send(method, path, query, body, content_type, (CONNECT_SECONDS, READ_SECONDS))
        return bytes(_read(answer, self.url))

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Manifest | None,
        content_type: str,
        seconds: tuple[float, float],
    ) -> Any:
        """Send one request and return the library's response, not yet read. Raises NotNow, Never.

        `seconds` is how long a connection may take, and then each part of the answer.
        """
        from urllib3.exceptions import HTTPError

        serialized = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"}
            | ({"Content-Type": content_type} if content_type else {}),
            body=body,
            auth_settings=["BearerToken"],
        )
        verb, url, headers, payload, _ = serialized
        try:
            answer = self._api.call_api(verb, url, headers, payload, _request_timeout=seconds)
        except HTTPError as exc:
            raise Silent(f"the Kubernetes API server at {self.url} does not answer: {_cause(exc)}") from exc
        if answer.status >= 400:
            raise self._refusal(answer, f"{method} {path}")
        return answer

    def _refusal(self, answer: Any, what: str) -> NotNow | Never:
        error = refusal(answer.status, answer.headers, _read(answer, self.url), what, self.url)
        if isinstance(error, Unauthorized):
            self._refused()
        return error


_backoff = wait_random_exponential(multiplier=0.1, max=3)

_LONGEST_PAUSE_SECONDS = 10.0


def _pause(state: RetryCallState) -> float:
    """An overloaded server says itself how long to wait; else the pauses grow, with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, Overloaded) else 0.0
    return max(_backoff(state), min(asked, _LONGEST_PAUSE_SECONDS))


def _selector(labels: Labels) -> str:
    return ",".join(
        name if value is None else f"{name}={value}" for name, value in sorted(labels.items(), key=str)
    )


def _namespace(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", ""))


def _read(answer: Any, url: str) -> bytes:
    from urllib3.exceptions import HTTPError

    try:
        data: bytes = answer.read()
    except HTTPError as exc:
        raise Silent(f"the Kubernetes API server at {url} broke off its answer: {_cause(exc)}") from exc
    return data


def _events(response: Any, closed: threading.Event) -> Iterator[Manifest]:
    from urllib3.exceptions import HTTPError

    try:
        for line in _lines(response):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise watch_error(event["object"])
            yield event
    except (HTTPError, OSError, ValueError, KeyError, TypeError) as exc:
        if not closed.is_set():
            raise Silent(f"a watch broke off: {_cause(exc)}") from exc
    finally:
        response.close()


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    for piece in response.stream(amt=None, decode_content=False):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)


def _cause(error: BaseException) -> str:
    """Return the innermost cause, without the library's wrapping."""
    inner = getattr(error, "reason", None)
    return _cause(inner) if isinstance(inner, BaseException) else f"{type(error).__name__}: {error}"
