"""Reads a configuration as kind does: strictly, with its defaults, refusing in its words."""

from __future__ import annotations

import re
from typing import Any

import yaml

VERSION = "kind.x-k8s.io/v1alpha4"

_CLUSTER = {
    *("kind", "apiVersion", "name", "nodes", "networking", "featureGates", "runtimeConfig"),
    *("kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902"),
    *("containerdConfigPatches", "containerdConfigPatchesJSON6902"),
}
_NODE = {
    *("role", "image", "labels", "extraMounts", "extraPortMappings"),
    *("kubeadmConfigPatches", "kubeadmConfigPatchesJSON6902"),
}
_MOUNT = {"containerPath", "hostPath", "readOnly", "selinuxRelabel", "propagation"}
_PORT = {"containerPort", "hostPort", "listenAddress", "protocol"}


class Refused(Exception):
    """The configuration cannot be used; the text is kind's."""


def parse(text: str) -> dict[str, Any]:
    """Return the configuration with the nodes that it has, or gets by default. Raises Refused."""
    found = yaml.safe_load(text) if text else {"kind": "Cluster", "apiVersion": VERSION}
    if found.get("apiVersion") != VERSION:
        raise Refused(f"unknown apiVersion: {found.get('apiVersion', '')}")
    if found.get("kind") != "Cluster":
        raise Refused(f"unknown kind {found.get('kind', '')} for apiVersion: {VERSION}")
    _known(found, _CLUSTER, "Cluster")
    for node in found.setdefault("nodes", [{"role": "control-plane"}]):
        _check_node(node)
    return found


def check(config: dict[str, Any], name: str) -> None:
    """Raise Refused where kind's own validation would."""
    if not re.fullmatch(r"[a-z0-9.-]+", name):
        words = "is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`"
        raise Refused(f"'{name}' {words}")
    if not any(node.get("role", "control-plane") == "control-plane" for node in config["nodes"]):
        raise Refused("must have at least one control-plane node")


def _check_node(node: dict[str, Any]) -> None:
    _known(node, _NODE, "Node")
    for mount in node.get("extraMounts") or ():
        _known(mount, _MOUNT, "Mount")
    for port in node.get("extraPortMappings") or ():
        _known(port, _PORT, "PortMapping")
    if node.get("role", "control-plane") not in ("control-plane", "worker"):
        raise Refused(f'invalid configuration for node 0: "{node["role"]}" is not a valid node role')
    for key, value in (node.get("labels") or {}).items():
        if not isinstance(value, str):
            raise Refused(f"unable to decode config: cannot unmarshal {value!r} of {key} into string")


def _known(found: dict[str, Any], keys: set[str], kind: str) -> None:
    strange = sorted(found.keys() - keys)
    if strange:
        text = f"field {strange[0]} not found in type v1alpha4.{kind}"
        raise Refused(f"unable to decode config: yaml: unmarshal errors:\n  line 1: {text}")
