"""What GKE is asked for: options and an order as the bodies of requests, in the API's own field names. Pure.

The mappings have the form of google.container.v1 (Cluster, NodePool) with enums by name; `cloud` makes
messages of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from burstd.kube.ground import Machine
from burstd.plugins.contract import Order
from burstd.plugins.gke import machines, marks
from burstd.plugins.gke.marks import Marks
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.troubles import Place

Body = dict[str, Any]

NODE_POOL_LABEL = "cloud.google.com/gke-nodepool"
"""The label by which GKE says of each Node which pool it is of."""

SYSTEM_POOL = "burstd-system"

GPU_RESOURCE = "nvidia.com/gpu"

SCOPES = (
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/logging.write",
    "https://www.googleapis.com/auth/monitoring",
    "https://www.googleapis.com/auth/service.management.readonly",
    "https://www.googleapis.com/auth/servicecontrol",
    "https://www.googleapis.com/auth/trace.append",
)
"""What `gcloud` calls gke-default: enough to pull images and to write logs and metrics."""


def cluster_marks(options: GkeOptions, order: Order) -> Marks:
    """Return what the labels of a cluster made for this order say."""
    return Marks(order.owner, order.pool.name, order.generation, order.generation, spec(options))


def cluster(options: GkeOptions, order: Order) -> Body:
    """Return the zonal cluster for an order: one system machine, and the node pool of the burst."""
    labels = options.labels | cluster_marks(options, order).labels()
    lasting = {key: value for key, value in labels.items() if key != marks.SERVES}
    pools = [system_pool(options, lasting), _hosts(options, order, order.pool.name, lasting)]
    return {"name": order.site_name, "resource_labels": labels, "node_pools": pools} | _cluster(options)


def node_pool(options: GkeOptions, order: Order, name: str) -> Body:
    """Return the node pool of a burst on a cluster that is there already."""
    return _hosts(options, order, name, options.labels | cluster_marks(options, order).labels())


def _hosts(options: GkeOptions, order: Order, name: str, labels: Mapping[str, str]) -> Body:
    """The machines boot with their node pool, and afterwards follow the pods."""
    pool: Body = {
        "name": name,
        "initial_node_count": order.size,
        "autoscaling": {"enabled": True, "min_node_count": 0, "max_node_count": order.pool.size},
        "config": _hosts_config(options, labels) | {"taints": [_taint(order.pool.name)]},
        "management": {"auto_upgrade": True, "auto_repair": True},
    }
    if options.cluster_location not in ("", options.zone):
        pool["locations"] = [options.zone]
    return pool | _placement(options)


def system_pool(options: GkeOptions, labels: Mapping[str, str]) -> Body:
    """Return the node pool of the one machine for the operator and for GKE's own pods."""
    return {
        "name": SYSTEM_POOL,
        "initial_node_count": 1,
        "config": _config(options, options.system_machine_type, labels),
        "management": {"auto_upgrade": True, "auto_repair": True},
    }


def machine(options: GkeOptions, pool_name: str, node_pool_name: str) -> Machine:
    """Return what each broker's pod asks for, so that exactly one fills a host of the node pool."""
    known = options.machine
    requests = {"cpu": f"{known.request_millicores}m"} if known else {}
    limits = {GPU_RESOURCE: str(known.gpus)} if known and known.gpus else {}
    taint = _taint(pool_name)
    tolerations = [{"key": taint["key"], "operator": "Equal", "value": pool_name, "effect": "NoSchedule"}]
    if machines.family(options.machine_type) in machines.ARM_FAMILIES:
        tolerations.append(_tolerate("kubernetes.io/arch"))
    if limits:
        tolerations.append(_tolerate(GPU_RESOURCE))
    offer = Place(options.project, options.zone, options.machine_type, options.spot).offer
    return Machine({NODE_POOL_LABEL: node_pool_name}, tuple(tolerations), requests, limits, offer)


def spec(options: GkeOptions) -> str:
    """Return a hash of all that shapes a cluster; the pool's name and size stand elsewhere."""
    shaped = [
        _cluster(options),
        system_pool(options, options.labels),
        _hosts_config(options, options.labels),
        _placement(options),
    ]
    text = json.dumps([options.project, options.zone, *shaped], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cluster(options: GkeOptions) -> Body:
    """Everything of a cluster that is the same for each of the pool's orders."""
    body: Body = {"ip_allocation_policy": {"use_ip_aliases": True}, "network_config": _network(options)}
    if options.release_channel:
        body["release_channel"] = {"channel": options.release_channel.upper()}
    if options.workload_identity:
        body["workload_identity_config"] = {"workload_pool": f"{options.project}.svc.id.goog"}
    if options.private_nodes:
        body["private_cluster_config"] = {"enable_private_nodes": True}
    if options.network_policy:
        body["network_policy"] = {"enabled": True, "provider": "CALICO"}
        body["addons_config"] = {"network_policy_config": {"disabled": False}}
    named = {"network": options.network, "subnetwork": options.subnetwork}
    return {key: value for key, value in (body | named).items() if value}


def _network(options: GkeOptions) -> Body:
    network: Body = {}
    if options.intra_node_visibility:
        network["enable_intra_node_visibility"] = True
    if options.cloud_dns:
        network["dns_config"] = {"cluster_dns": "CLOUD_DNS", "cluster_dns_scope": "CLUSTER_SCOPE"}
    return network


def _hosts_config(options: GkeOptions, labels: Mapping[str, str]) -> Body:
    config = _config(options, options.machine_type, labels)
    if options.spot:
        config["spot"] = True
    if options.threads_per_core and machines.family(options.machine_type) not in machines.SINGLE_THREADED:
        config["advanced_machine_features"] = {"threads_per_core": options.threads_per_core}
    known = options.machine
    accelerator = known.accelerator if known else options.accelerator_type
    if accelerator:
        count = known.gpus if known else options.accelerator_count
        config["accelerators"] = [_accelerator(accelerator, count)]
    return config


def _config(options: GkeOptions, machine_type: str, labels: Mapping[str, str]) -> Body:
    config: Body = {
        "machine_type": machine_type,
        "oauth_scopes": list(SCOPES),
        "resource_labels": dict(labels),
        "labels": {key: value for key, value in labels.items() if key in (marks.OWNER, marks.POOL)},
        "tags": list(options.tags),
        "disk_size_gb": options.disk_gb,
        "disk_type": options.disk_type,
        "service_account": options.node_service_account,
    }
    if options.workload_identity:
        config["workload_metadata_config"] = {"mode": "GKE_METADATA"}
    return {key: value for key, value in config.items() if value}


def _accelerator(name: str, count: int) -> Body:
    return {
        "accelerator_type": name,
        "accelerator_count": count,
        "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
    }


def _placement(options: GkeOptions) -> Body:
    return {"placement_policy": {"type_": "COMPACT"}} if options.compact_placement else {}


def _taint(pool_name: str) -> Body:
    """Keeps every pod off the hosts but those of the burst."""
    return {"key": marks.POOL, "value": pool_name, "effect": "NO_SCHEDULE"}


def _tolerate(key: str) -> Body:
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}
