"""The fake GKE itself: what tests take for granted of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from fakes.gke import Delays, FakeGke
from fakes.gke.machines import NODE_POOL, allocatable_millicores
from fakes.gke.venue import wait
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from google.cloud import container_v1
from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerGrpcTransport

PARENT = "projects/test-project/locations/us-central1-a"
MINE = f"{PARENT}/clusters/mine"


@pytest.fixture
def gke() -> Iterator[FakeGke]:
    with FakeGke(Delays(unneeded=0.2)) as made:
        yield made


@pytest.fixture
def client(gke: FakeGke) -> Iterator[container_v1.ClusterManagerClient]:
    """Google's own client."""
    channel = grpc.insecure_channel(gke.endpoint)
    made = container_v1.ClusterManagerClient(transport=ClusterManagerGrpcTransport(channel=channel))
    yield made
    channel.close()


def pool(**fields: Any) -> dict[str, Any]:
    scaling = {"enabled": True, "min_node_count": 0, "max_node_count": 2}
    config = {
        "machine_type": "c2-standard-4",
        "taints": [{"key": "t", "value": "x", "effect": "NO_SCHEDULE"}],
    }
    return {"name": "hosts", "initial_node_count": 1, "autoscaling": scaling, "config": config} | fields


def body(**fields: Any) -> dict[str, Any]:
    return {"parent": PARENT, "cluster": {"name": "mine", "node_pools": [pool()]} | fields}


def done(
    client: container_v1.ClusterManagerClient, operation: container_v1.Operation
) -> container_v1.Operation:
    """Poll an operation until it is over."""

    def look() -> container_v1.Operation:
        return client.get_operation(name=f"{PARENT}/operations/{operation.name}")

    wait(lambda: look().status == container_v1.Operation.Status.DONE)
    return look()


def test_a_creation_is_an_operation(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """A cluster is PROVISIONING until its operation is done, and RUNNING then."""
    gke.stick()
    operation = client.create_cluster(body())
    assert operation.status == container_v1.Operation.Status.RUNNING
    assert client.get_cluster(name=MINE).status == container_v1.Cluster.Status.PROVISIONING
    gke.release()
    assert done(client, operation).error.code == 0
    cluster = client.get_cluster(name=MINE)
    assert cluster.status == container_v1.Cluster.Status.RUNNING
    assert cluster.endpoint
    assert cluster.master_auth.cluster_ca_certificate
    assert [one.name for one in client.list_clusters(parent=PARENT).clusters] == ["mine"]
    assert [one.name for one in client.list_operations(parent=PARENT).operations] == [operation.name]


def test_one_operation_at_a_time(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """While an operation runs on a cluster, every other is refused."""
    gke.stick()
    client.create_cluster(body())
    with pytest.raises(FailedPrecondition, match="CREATE_CLUSTER"):
        client.delete_cluster(name=MINE)
    with pytest.raises(FailedPrecondition):
        client.create_node_pool(parent=MINE, node_pool=pool(name="more"))
    gke.release()


def test_names_are_taken_once(client: container_v1.ClusterManagerClient) -> None:
    """A name in use is ALREADY_EXISTS, one that is not is NOT_FOUND."""
    done(client, client.create_cluster(body()))
    with pytest.raises(AlreadyExists):
        client.create_cluster(body())
    with pytest.raises(AlreadyExists):
        client.create_node_pool(parent=MINE, node_pool=pool())
    done(client, client.delete_cluster(name=MINE))
    with pytest.raises(NotFound):
        client.get_cluster(name=MINE)


def test_labels_need_their_fingerprint(client: container_v1.ClusterManagerClient) -> None:
    """Labels are replaced only by who has seen the latest ones."""
    done(client, client.create_cluster(body(resource_labels={"a": "1"})))
    seen = client.get_cluster(name=MINE).label_fingerprint
    change = {"name": MINE, "resource_labels": {"a": "2"}, "label_fingerprint": seen}
    done(client, client.set_labels(change))
    assert dict(client.get_cluster(name=MINE).resource_labels) == {"a": "2"}
    with pytest.raises(FailedPrecondition, match="fingerprint"):
        client.set_labels(change)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Mine"},
        {"name": "m" * 41},
        {"node_pools": []},
        {"initial_node_count": 1},
        {"resource_labels": {"Team": "x"}},
        {"resource_labels": {"team": "X"}},
        {"node_pools": [pool(initial_node_count=9)]},
        {
            "node_pools": [
                pool(config={"machine_type": "e2-standard-4"}, placement_policy={"type_": "COMPACT"})
            ]
        },
    ],
    ids=str,
)
def test_rules_of_what_is_asked(client: container_v1.ClusterManagerClient, fields: dict[str, Any]) -> None:
    """What GKE would not take is INVALID_ARGUMENT."""
    with pytest.raises(InvalidArgument):
        client.create_cluster(body(**fields))


def test_refusals_carry_their_reason(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """The reason of a refusal comes as google.rpc.ErrorInfo, where the client shows it."""
    gke.service.enabled = False
    with pytest.raises(PermissionDenied) as caught:
        client.list_clusters(parent=PARENT)
    assert caught.value.reason == "SERVICE_DISABLED"


def test_node_pools_are_not_resized_by_hand(client: container_v1.ClusterManagerClient) -> None:
    """The call that fights the autoscaler is not there."""
    with pytest.raises(MethodNotImplemented):
        client.set_node_pool_size({"name": f"{MINE}/nodePools/hosts", "node_count": 2})


def test_everything_that_costs_is_counted(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """Machines cost from when they are made until they are gone; clusters count while they exist."""
    done(client, client.create_cluster(body()))
    assert gke.alive() == ("clusters/mine", "clusters/mine/nodePools/hosts")
    assert len(gke.machines) == 1
    before = gke.machine_seconds
    wait(lambda: gke.machine_seconds > before)
    done(client, client.delete_cluster(name=MINE))
    spent = gke.machine_seconds
    assert (gke.alive(), gke.machines, gke.machine_seconds) == ((), (), spent)


def test_a_fault_comes_as_often_as_it_was_asked_for(
    gke: FakeGke, client: container_v1.ClusterManagerClient
) -> None:
    """A fault is met once for each time, then calls work again."""
    gke.faults.add("GetCluster", grpc.StatusCode.UNAVAILABLE, times=2)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            client.get_cluster(name=MINE, retry=None)
    with pytest.raises(NotFound):
        client.get_cluster(name=MINE, retry=None)


class Pods:
    """Pods that nobody schedules but the test."""

    def __init__(self, gke: FakeGke) -> None:
        gke.make_cluster("mine")
        self.gke = gke
        self.cluster = gke.cluster("mine")
        self.store = self.cluster.api.store

    def add_pool(self, client: container_v1.ClusterManagerClient, **fields: Any) -> None:
        done(client, client.create_node_pool(parent=MINE, node_pool=pool(initial_node_count=0, **fields)))

    def add(self, name: str, cpu: str = "2400m", tolerated: str = "x") -> None:
        """Add a pod for the node pool `hosts` that the scheduler found no place for."""
        container = {"name": "a", "image": "a", "resources": {"requests": {"cpu": cpu}}}
        spec = {
            "containers": [container],
            "nodeSelector": {NODE_POOL: "hosts"},
            "tolerations": [{"key": "t", "operator": "Equal", "value": tolerated, "effect": "NoSchedule"}],
        }
        self.store.create("pods", {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
        refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "none"}
        self.store.set_status("pods", "default", name, {"phase": "Pending", "conditions": [refused]})

    def bind(self, name: str, node: str) -> None:
        self.store.edit("pods", "default", name, lambda one: one["spec"].update(nodeName=node))

    def nodes(self) -> list[Any]:
        return self.store.list("nodes", labels={NODE_POOL: "hosts"})

    def reasons(self) -> set[str]:
        return {event["reason"] for event in self.store.list("events")}


def test_a_pod_that_waits_gets_a_machine(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """The autoscaler adds a Node with the pool's labels and taints, and says so in an event."""
    pods = Pods(gke)
    pods.add_pool(client)
    pods.add("one")
    wait(pods.nodes)
    (node,) = pods.nodes()
    assert node["spec"]["taints"] == [{"key": "t", "value": "x", "effect": "NoSchedule"}]
    assert node["status"]["allocatable"]["cpu"] == "3920m"
    assert pods.reasons() == {"TriggeredScaleUp"}


def test_a_machine_that_boots_is_counted(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """Pods that fit on a machine that boots get no other; two that fill a machine get one each."""
    gke.delays.node, gke.delays.unneeded = 0.3, 60.0
    pods = Pods(gke)
    pods.add_pool(client)
    pods.add("one")
    pods.add("two")
    pods.add("small", cpu="100m")
    wait(lambda: len(gke.machines) == 3)
    wait(lambda: len(pods.nodes()) == 2)


def test_no_more_than_the_maximum(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """Beyond the largest size of the node pool no machine is added, and that is said."""
    gke.delays.node = 5.0
    pods = Pods(gke)
    pods.add_pool(client)
    for name in ("one", "two", "three"):
        pods.add(name)
    wait(lambda: "NotTriggerScaleUp" in pods.reasons())
    assert pods.cluster.machines.count("hosts") == 2


def test_a_pod_that_does_not_fit_gets_none(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """A pod that does not tolerate the pool's taint makes no machine come."""
    gke.delays.unneeded = 60.0
    pods = Pods(gke)
    pods.add_pool(client)
    pods.add("stranger", tolerated="y")
    pods.add("guest")
    wait(pods.nodes)
    assert pods.cluster.machines.count("hosts") == 1


def test_a_zone_without_machines(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """In a stockout no machine is added, and that is said."""
    pods = Pods(gke)
    pods.add_pool(client)
    pods.cluster.machines.exhausted = True
    pods.add("one")
    wait(lambda: "FailedScaleUp" in pods.reasons())
    assert pods.cluster.machines.count("hosts") == 0


def test_a_machine_without_pods_goes(gke: FakeGke, client: container_v1.ClusterManagerClient) -> None:
    """A machine goes once it has had no pods for a while; one that has some stays, as the system's does."""
    pods = Pods(gke)
    pods.add_pool(client)
    pods.add("one")
    wait(pods.nodes)
    pods.bind("one", pods.nodes()[0]["metadata"]["name"])
    began = time.monotonic()
    wait(lambda: time.monotonic() - began > 2 * gke.delays.unneeded)
    assert len(pods.nodes()) == 1
    pods.store.finish("pods", "default", "one")
    wait(lambda: not pods.nodes())
    assert len(gke.machines) == 1


@pytest.mark.parametrize(
    ("machine", "threads", "millicores"),
    [
        ("e2-standard-2", 0, 1930),
        ("c2-standard-4", 0, 3920),
        ("c2-standard-8", 0, 7910),
        ("c2-standard-8", 1, 3920),
    ],
)
def test_what_gke_leaves_to_pods(machine: str, threads: int, millicores: int) -> None:
    """GKE keeps a part of each machine for itself, as its documentation says."""
    made = container_v1.NodePool(
        config={"machine_type": machine, "advanced_machine_features": {"threads_per_core": threads}}
    )
    assert allocatable_millicores(container_v1.NodePool.pb(made)) == millicores
