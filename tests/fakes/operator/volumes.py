"""A pod's volumes as directories of this machine, and the paths of its containers in them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.operator.objects import Object, Objects

_TERMINATION_LOG = "/dev/termination-log"


class Unmountable(Exception):
    """A volume cannot be mounted yet."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of object that a volume can hold: its field in a volume, and the key there of its name."""

    field: str
    key: str
    resource: str
    decode: Callable[[str], bytes]


_KINDS = (
    _Kind("secret", "secretName", "secrets", base64.b64decode),
    _Kind("configMap", "name", "configmaps", str.encode),
)


@dataclass(frozen=True, slots=True)
class Volumes:
    """`directory` is the pod's own; each volume is a directory in it."""

    directory: Path
    pod: Object

    def lay(self, objects: Objects, private: Iterable[str]) -> None:
        """Write what the volumes hold. Raises Unmountable where a Secret or a ConfigMap is missing."""
        for path in private:
            self._own(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        for volume in self.pod["spec"].get("volumes") or []:
            self.of(volume["name"]).mkdir(mode=0o700, parents=True, exist_ok=True)
            for kind in _KINDS:
                if kind.field in volume:
                    self._fill(volume["name"], volume[kind.field], kind, objects)

    def of(self, name: str) -> Path:
        return self.directory / "v" / name

    def termination_log(self, container: str) -> Path:
        return self.directory / f"{container}.termination"

    def paths(self, container: Mapping[str, Any], private: Iterable[str]) -> dict[str, str]:
        """Return where each path that a container may use lies on this machine."""
        own = {path: str(self._own(path)) for path in ("/mnt/flux", *private)}
        mounts = container.get("volumeMounts") or []
        mounted = {one["mountPath"].rstrip("/"): str(self.of(one["name"])) for one in mounts}
        return own | mounted | {_TERMINATION_LOG: str(self.termination_log(container["name"]))}

    def _own(self, path: str) -> Path:
        return self.directory / "own" / path.strip("/")

    def _fill(self, name: str, source: Mapping[str, Any], kind: _Kind, objects: Objects) -> None:
        wanted = source[kind.key]
        found = objects.find(kind.resource, self.pod["metadata"]["namespace"], wanted)
        if found is None and not source.get("optional"):
            noun = kind.resource.removesuffix("s")
            raise Unmountable(f'MountVolume.SetUp failed for volume "{name}" : {noun} "{wanted}" not found')
        content = (found or {}).get("data") or {}
        for item in source.get("items") or [{"key": key, "path": key} for key in content]:
            path = self.of(name) / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kind.decode(content[item["key"]]))
            path.chmod(item.get("mode") or source.get("defaultMode") or 0o644)


def translate(text: str, paths: Mapping[str, str]) -> str:
    """Return a text in which each path of a container stands as the one on this machine."""
    if not paths:
        return text
    longest = sorted(paths, key=len, reverse=True)
    pattern = rf"(?<![\w.-])(?:{'|'.join(map(re.escape, longest))})(?![\w.-])"
    return re.sub(pattern, lambda match: paths[match[0]], text)
