"""GKE's rules for what it is asked to make, and how it says that something could not be made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from google.cloud import container_v1 as gke

from fakes.gke import refusals
from fakes.gke.cluster import Cluster
from fakes.gke.faults import ERROR_WORDS

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_LABEL_KEY = re.compile(r"[a-z][-_a-z0-9]{0,62}")
_LABEL_VALUE = re.compile(r"[-_a-z0-9]{0,63}")
_NOT_COMPACT = ("e2", "n1", "t2", "m1", "m2", "m3")


def fail(cluster: Cluster, operation: Any, trouble: str, pool: Any = None) -> None:
    """Say in an operation, and in what it was to make, why that could not be."""
    code, number, text = ERROR_WORDS[trouble]
    words = text.format(cluster=cluster.name, zone=cluster.zone)
    operation.error.code = number
    operation.error.message = words
    if trouble == "silent":
        return
    for shown in (operation.cluster_conditions, (pool or cluster.shown).conditions):
        condition = shown.add()
        condition.code = int(gke.StatusCondition.Code[code])
        condition.canonical_code = number
        condition.message = words


def check_cluster(asked: Any) -> None:
    if not _NAME.fullmatch(asked.name):
        raise refusals.invalid(f"Cluster.name {asked.name!r} must match {_NAME.pattern}.")
    if asked.initial_node_count or not asked.node_pools:
        raise refusals.invalid("One of Cluster.initial_node_count and Cluster.node_pools must be set.")
    check_labels(dict(asked.resource_labels))
    check_pools(asked.node_pools)


def check_pools(pools: Iterable[Any]) -> None:
    for pool in pools:
        if not _NAME.fullmatch(pool.name):
            raise refusals.invalid(f"NodePool.name {pool.name!r} must match {_NAME.pattern}.")
        check_labels(dict(pool.config.resource_labels))
        if pool.placement_policy.type_ and pool.config.machine_type.startswith(_NOT_COMPACT):
            raise refusals.invalid(
                f"Machine type {pool.config.machine_type} does not support compact placement."
            )
        if pool.autoscaling.enabled and pool.autoscaling.max_node_count < max(pool.initial_node_count, 1):
            raise refusals.invalid("NodePool.autoscaling.max_node_count is less than the initial node count.")


def check_labels(labels: dict[str, str]) -> None:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise refusals.invalid(f"Invalid resource label {key}={value}.")
