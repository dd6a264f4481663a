"""What GKE is asked for, field by field."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.cloud import container_v1

from burstd.core.model import Pool, Shape
from burstd.join.papers import Declared, Join
from burstd.plugins.contract import Order
from burstd.plugins.gke import request
from burstd.plugins.gke.options import GkeOptions

LABELS = {
    "burstd-owner": "flux",
    "burstd-pool": "burst-0",
    "burstd-generation": "7",
    "burstd-serves": "7",
}

CHANGES: list[dict[str, Any]] = [
    {"zone": "us-central1-b"},
    {"project": "other"},
    {"machine_type": "n2-standard-16"},
    {"spot": True},
    {"compact_placement": True},
    {"threads_per_core": 1},
    {"disk_gb": 200},
    {"disk_type": "pd-ssd"},
    {"tags": ("flux",)},
    {"labels": {"team": "hpc"}},
    {"network": "hpc"},
    {"subnetwork": "hpc-a"},
    {"private_nodes": True},
    {"network_policy": True},
    {"intra_node_visibility": True},
    {"cloud_dns": False},
    {"workload_identity": True},
    {"node_service_account": "a@b.c"},
    {"release_channel": "rapid"},
    {"machine_type": "n1-standard-8", "accelerator_type": "nvidia-tesla-t4", "accelerator_count": 1},
    {"system_machine_type": "e2-standard-4"},
]
"""Each of these shapes a cluster."""


def asked(**more: Any) -> GkeOptions:
    return GkeOptions(**{"project": "p", "zone": "us-central1-a", "machine_type": "n2-standard-8"} | more)


def order(size: int = 2) -> Order:
    hosts = tuple(f"burst-0-{index}" for index in range(4))
    pool = Pool("burst-0", "gke", hosts, (1, 2, 3, 4), Shape(4))
    join = Join("lead.example.org", 8050, (Declared("lead-0", Shape(4)),), Path("curve.cert"))
    return Order("flux", "flux-burst-0-g7", pool, 7, size, join)


def test_the_least_cluster() -> None:
    """A cluster has one system machine, and a node pool whose machines boot with it."""
    options = asked()
    labels = LABELS | {"burstd-spec": request.spec(options)}
    config = {
        "oauth_scopes": list(request.SCOPES),
        "resource_labels": {key: value for key, value in labels.items() if key != "burstd-serves"},
        "labels": {"burstd-owner": "flux", "burstd-pool": "burst-0"},
    }
    assert request.cluster(options, order()) == {
        "name": "flux-burst-0-g7",
        "resource_labels": labels,
        "ip_allocation_policy": {"use_ip_aliases": True},
        "network_config": {"dns_config": {"cluster_dns": "CLOUD_DNS", "cluster_dns_scope": "CLUSTER_SCOPE"}},
        "release_channel": {"channel": "REGULAR"},
        "node_pools": [
            {
                "name": "burstd-system",
                "initial_node_count": 1,
                "config": config | {"machine_type": "e2-standard-2"},
                "management": {"auto_upgrade": True, "auto_repair": True},
            },
            {
                "name": "burst-0",
                "initial_node_count": 2,
                "autoscaling": {"enabled": True, "min_node_count": 0, "max_node_count": 4},
                "config": config
                | {
                    "machine_type": "n2-standard-8",
                    "taints": [{"key": "burstd-pool", "value": "burst-0", "effect": "NO_SCHEDULE"}],
                },
                "management": {"auto_upgrade": True, "auto_repair": True},
            },
        ],
    }


def test_everything_at_once() -> None:
    """Every option has its field, and the hosts' own options do not touch the system machine."""
    options = asked(
        machine_type="c2-standard-8",
        spot=True,
        compact_placement=True,
        threads_per_core=1,
        disk_gb=50,
        disk_type="pd-ssd",
        tags=("flux-burst",),
        labels={"team": "hpc"},
        network="hpc",
        subnetwork="hpc-a",
        private_nodes=True,
        network_policy=True,
        intra_node_visibility=True,
        workload_identity=True,
        node_service_account="nodes@p.iam.gserviceaccount.com",
        release_channel="rapid",
    )
    cluster = request.cluster(options, order())
    system, hosts = cluster["node_pools"]
    assert cluster["network"] == "hpc"
    assert cluster["subnetwork"] == "hpc-a"
    assert cluster["private_cluster_config"] == {"enable_private_nodes": True}
    assert cluster["network_policy"] == {"enabled": True, "provider": "CALICO"}
    assert cluster["addons_config"] == {"network_policy_config": {"disabled": False}}
    assert cluster["network_config"]["enable_intra_node_visibility"] is True
    assert cluster["workload_identity_config"] == {"workload_pool": "p.svc.id.goog"}
    assert cluster["release_channel"] == {"channel": "RAPID"}
    assert cluster["resource_labels"]["team"] == "hpc"
    assert hosts["placement_policy"] == {"type_": "COMPACT"}
    assert hosts["config"]["spot"] is True
    assert hosts["config"]["advanced_machine_features"] == {"threads_per_core": 1}
    for pool in (system, hosts):
        assert pool["config"]["disk_size_gb"] == 50
        assert pool["config"]["disk_type"] == "pd-ssd"
        assert pool["config"]["tags"] == ["flux-burst"]
        assert pool["config"]["service_account"] == "nodes@p.iam.gserviceaccount.com"
        assert pool["config"]["workload_metadata_config"] == {"mode": "GKE_METADATA"}
        assert pool["config"]["resource_labels"]["team"] == "hpc"
    assert "spot" not in system["config"]
    assert "placement_policy" not in system


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_request_is_one_that_the_api_knows(change: dict[str, Any]) -> None:
    """Google's own types take the body whole, and give it back as it was."""
    body = request.cluster(asked(**change), order())
    message = container_v1.CreateClusterRequest(cluster=body).cluster
    assert message.node_pools[1].autoscaling.max_node_count == 4
    assert message.resource_labels == body["resource_labels"]


def test_gpus_come_with_their_driver() -> None:
    """GPUs are asked for by name and number, also those that a machine type has built in."""
    options = asked(machine_type="g2-standard-24")
    hosts = request.node_pool(options, order(), "burst-0")
    assert hosts["config"]["accelerators"] == [
        {
            "accelerator_type": "nvidia-l4",
            "accelerator_count": 2,
            "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
        }
    ]
    assert dict(request.machine(options, "burst-0", "burst-0").limits) == {"nvidia.com/gpu": "2"}


def test_single_threaded_machines_are_not_told_so() -> None:
    """A family whose cores have one thread has no such setting."""
    hosts = request.node_pool(asked(machine_type="t2d-standard-8", threads_per_core=1), order(), "burst-0")
    assert "advanced_machine_features" not in hosts["config"]


def test_pods_go_to_their_machines_alone() -> None:
    """A broker's pod selects the burst's node pool, tolerates its taint, and asks for most of a machine."""
    machine = request.machine(asked(), "burst-0", "burst-0")
    assert dict(machine.node_selector) == {"cloud.google.com/gke-nodepool": "burst-0"}
    assert machine.tolerations == (
        {"key": "burstd-pool", "operator": "Equal", "value": "burst-0", "effect": "NoSchedule"},
    )
    assert dict(machine.requests) == {"cpu": "4800m"}
    assert dict(machine.limits) == {}


def test_pods_tolerate_what_gke_adds() -> None:
    """GKE taints machines with Arm processors, and those with GPUs."""
    arm = request.machine(asked(machine_type="t2a-standard-4"), "burst-0", "burst-0")
    gpu = request.machine(asked(machine_type="a2-highgpu-1g"), "burst-0", "burst-0")
    assert arm.tolerations[1]["key"] == "kubernetes.io/arch"
    assert gpu.tolerations[1]["key"] == "nvidia.com/gpu"


def test_an_unknown_machine_leaves_requests_to_the_options() -> None:
    """Of a machine that burstd does not know, nothing is derived."""
    assert dict(request.machine(asked(machine_type="z9-standard-8"), "burst-0", "burst-0").requests) == {}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_what_shapes_a_cluster_changes_its_spec(change: dict[str, Any]) -> None:
    """A cluster made with other options has another hash."""
    assert request.spec(asked(**change)) != request.spec(asked())


@pytest.mark.parametrize(
    "change",
    [{"keep_cluster_seconds": 60}, {"image": "flux:1"}, {"insecure_endpoint": "localhost:1"}],
    ids=str,
)
def test_what_does_not_shape_a_cluster_leaves_its_spec(change: dict[str, Any]) -> None:
    """Options of the burst alone do not keep a cluster from being used again."""
    assert request.spec(asked(**change)) == request.spec(asked())


def test_a_node_pool_of_a_regional_cluster_stays_in_its_zone() -> None:
    """In a regional cluster the machines are all made in the zone that was named."""
    hosts = request.node_pool(
        asked(cluster="mine", cluster_location="us-central1"), order(), "flux-burst-0-g7"
    )
    assert hosts["name"] == "flux-burst-0-g7"
    assert hosts["locations"] == ["us-central1-a"]


@pytest.mark.process
def test_nothing_heavy_is_imported_to_read_options() -> None:
    """Google's and Kubernetes' libraries are imported when the first call is made, not before."""
    code = (
        "import sys, burstd.plugins.gke as gke; "
        "heavy = ('google.cloud', 'google.auth', 'grpc', 'kubernetes'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
