"""Objects for tests of an API server: a custom kind with all that burstd uses of one, ConfigMaps, owners."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Custom:
    """A kind of custom resource that is served, with status and scale subresources."""

    group: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}.burstd.test")
    """Its own, so that tests on one server do not meet."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/v1"

    @property
    def definition(self) -> dict[str, Any]:
        """The CustomResourceDefinition."""
        return _definition(self.group)

    def path(self, namespace: str, name: str = "") -> str:
        return f"/apis/{self.group}/v1/namespaces/{namespace}/bands" + (f"/{name}" if name else "")

    @property
    def definition_path(self) -> str:
        return f"{CRDS}/bands.{self.group}"

    def body(self, name: str = "band", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": self.api_version,
            "kind": "Band",
            "metadata": {"name": name},
            "spec": {"size": 1} | spec,
        }


def config_map(name: str, labels: dict[str, str] | None = None, **meta: Any) -> dict[str, Any]:
    """A ConfigMap with one entry."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name} | ({"labels": labels} if labels else {}) | meta,
        "data": {"a": "1"},
    }


def owned_by(owner: dict[str, Any], *, blocks: bool = False) -> dict[str, Any]:
    """The metadata that make an object a dependent of another."""
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    return {"ownerReferences": [reference | {"blockOwnerDeletion": blocks}]}


def _definition(group: str) -> dict[str, Any]:
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1},
            "tempo": {"type": "string", "enum": ["slow", "fast"], "default": "slow"},
            "players": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    status = {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.size",
                "statusReplicasPath": ".status.size",
                "labelSelectorPath": ".status.selector",
            },
        },
    }
    names = {"plural": "bands", "singular": "band", "kind": "Band", "listKind": "BandList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"bands.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
