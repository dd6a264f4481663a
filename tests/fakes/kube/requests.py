"""What a request asks for, read from its path, query and body; and what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml

from fakes.kube import status
from fakes.kube.kinds import Kind, Kinds
from fakes.kube.ownership import Manager
from fakes.kube.status import NoSuchPath, Object, Refused

APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `query` holds the first value of each parameter."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names are lower case."""
    body: bytes = b""
    present: Callable[[], bool] = lambda: True
    """Whether the client is still there."""

    def content(self) -> Any:
        """Return the body, JSON or YAML. Raises Refused (400)."""
        try:
            return json.loads(self.body) if not self._is_yaml() else yaml.safe_load(self.body)
        except (ValueError, yaml.YAMLError) as exc:
            raise Refused(400, f"the body of the request is not understood: {exc}") from exc

    def document(self) -> Object:
        """Return the body, which must be an object. Raises Refused (400)."""
        content = self.content()
        if not isinstance(content, dict):
            raise Refused(400, "the body of the request is not an object")
        return content

    def flag(self, name: str) -> bool:
        return self.query.get(name) in {"true", "1"}

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "application/json").partition(";")[0].strip()

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"

    def manager(self, subresource: str = "") -> Manager:
        """Return who writes: `fieldManager`, else the program named first in the User-Agent."""
        agent = self.headers.get("user-agent", "unknown").partition("/")[0] or "unknown"
        operation = "Apply" if self.method == "PATCH" and self.content_type == APPLY else "Update"
        return Manager(self.query.get("fieldManager") or agent, operation, subresource)

    def _is_yaml(self) -> bool:
        return self.content_type.endswith("yaml")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code and a body: an object, a text, or a stream of objects."""

    code: int
    body: Object | str | Iterator[Object]
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    """Whether the connection is lost within it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: a collection where `name` is empty."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def locate(kinds: Kinds, path: str) -> Target:
    """Return what a path names. Raises NoSuchPath; Refused (404) where the server itself has the group."""
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise NoSuchPath
    try:
        return _target(kinds, group, version, rest)
    except NoSuchPath:
        if kinds.is_builtin(group, version):
            raise Refused(404, "the server could not find the requested resource") from None
        raise


def _target(kinds: Kinds, group: str, version: str, rest: list[str]) -> Target:
    namespace = ""
    if (
        len(rest) > 2
        and rest[0] == "namespaces"
        and not (len(rest) == 3 and rest[2] in {"status", "finalize"})
    ):
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        raise NoSuchPath
    plural, name, subresource = (*rest, "", "")[:3]
    kind = kinds.find(group, version, plural)
    if bool(namespace) > kind.namespaced or (kind.namespaced and name and not namespace):
        raise NoSuchPath
    if subresource and subresource not in kind.subresources:
        raise status.absent(kind.resource, name)
    return Target(kind, namespace, name, subresource)
