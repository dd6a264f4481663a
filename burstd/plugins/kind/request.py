"""What `kind create cluster` is given: one control-plane node, the workers, burstd's labels on each. Pure.

Format: kind's configuration, kind.x-k8s.io/v1alpha4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from burstd.kube import labels
from burstd.plugins.contract import Order
from burstd.plugins.kind.options import API_VERSION, CONTROL_PLANE, WORKER, KindOptions


def configuration(order: Order, options: KindOptions, own: Mapping[str, Any]) -> str:
    """Return the configuration as YAML; `own` is what a person's file says, which it begins with."""
    marks = labels.of_order(order)
    workers = options.workers_of(order.pool.size)
    nodes = [_node(CONTROL_PLANE, own, marks), *(_node(WORKER, own, marks) for _ in range(workers))]
    content = {**own, "kind": "Cluster", "apiVersion": API_VERSION, "nodes": nodes}
    content.pop("name", None)  # the flag counts
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)


def node_count(order: Order, options: KindOptions) -> int:
    """Return how many nodes a whole cluster has."""
    return 1 + options.workers_of(order.pool.size)


def _node(role: str, own: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    """Return a node like the first of its role in a person's file, with burstd's labels."""
    given = (node for node in own.get("nodes") or () if node.get("role", CONTROL_PLANE) == role)
    pattern: dict[str, Any] = next(given, {})
    return {**pattern, "role": role, "labels": {**(pattern.get("labels") or {}), **marks}}


class _Dumper(yaml.SafeDumper):
    """Writes out every node anew."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  nodes that are alike are written each
        return True
