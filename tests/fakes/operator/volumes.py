"""A pod's volumes as directories of this machine, and the paths of its containers in them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.operator.objects import Object, Objects

_TERMINATION_LOG = "/dev/termination-log"


class Unmountable(Exception):
    """A volume cannot be mounted yet."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """`directory` is the pod's own; each volume is a directory in it."""

    directory: Path
    pod: Object

    def lay(self, objects: Objects) -> None:
        """Write what the volumes hold. Raises Unmountable where a Secret or a ConfigMap is missing."""
        for volume in self.pod["spec"].get("volumes") or []:
            self.of(volume["name"]).mkdir(mode=0o700, parents=True, exist_ok=True)
            for kind, key, decode in _KINDS:
                if kind in volume:
                    source = volume[kind]
                    found = objects.find(f"{kind}s".lower(), self.pod["metadata"]["namespace"], source[key])
                    self._write(
                        volume["name"], source, _content(volume["name"], kind, source, key, found), decode
                    )

    def of(self, name: str) -> Path:
        return self.directory / name

    def termination_log(self, container: str) -> Path:
        return self.directory / f"{container}.termination"

    def paths(self, container: Mapping[str, Any], private: Iterable[str]) -> dict[str, str]:
        """Return where each path that a container may use lies on this machine."""
        own = {path: str(self.directory / "own" / path.strip("/")) for path in ("/mnt/flux", *private)}
        mounts = container.get("volumeMounts") or []
        mounted = {one["mountPath"].rstrip("/"): str(self.of(one["name"])) for one in mounts}
        return own | mounted | {_TERMINATION_LOG: str(self.termination_log(container["name"]))}

    def _write(self, name: str, source: Mapping[str, Any], content: Mapping[str, str], decode: bool) -> None:
        items = source.get("items") or [{"key": key, "path": key} for key in content]
        for item in items:
            text = content[item["key"]]
            path = self.of(name) / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(text) if decode else text.encode())
            path.chmod(item.get("mode") or source.get("defaultMode") or 0o644)


_KINDS = (("secret", "secretName", True), ("configMap", "name", False))


def _content(
    name: str, kind: str, source: Mapping[str, Any], key: str, found: Object | None
) -> Mapping[str, str]:
    if found is not None:
        return found.get("data") or {}
    if source.get("optional"):
        return {}
    text = f'MountVolume.SetUp failed for volume "{name}" : {kind.lower()} "{source[key]}" not found'
    raise Unmountable(text)


def translate(text: str, paths: Mapping[str, str]) -> str:
    """Return a text in which each path of a container stands as the one on this machine."""
    if not paths:
        return text
    longest = sorted(paths, key=len, reverse=True)
    pattern = rf"(?<![\w.-])(?:{'|'.join(map(re.escape, longest))})(?![\w.-])"
    return re.sub(pattern, lambda match: paths[match[0]], text)
