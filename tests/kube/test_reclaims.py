"""Machines that the cloud takes back: how it is told, and that a listing shows it soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, get_args

import pytest
from fakes.kube import ApiServer, Refused
from fakes.operator import reclaims as cloud
from fakes.operator.reclaims import Notice
from kube_venue import Town, town

from burstd.core.model import Site
from burstd.kube.client import Access, connect
from burstd.kube.nodes import Nodes
from burstd.kube.pods import INDEX
from burstd.kube.reclaims import TAINTS, hosts_of, told_by_node, told_by_pod
from burstd.plugins.contract import Setting
from burstd.plugins.kubernetes import Kubernetes, make

HOSTS = ("burst-0-0", "burst-0-1")
RUNNING = {"phase": "Running", "containerStatuses": [{"name": "a", "state": {"running": {}}}]}
SHUTDOWN = "Pod was terminated in response to imminent node shutdown."


def a_pod(index: int, node: str = "", **status: Any) -> dict[str, Any]:
    metadata = {"name": f"burst-0-{index}-x", "labels": {INDEX: str(index)}}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": RUNNING | status}


def disrupted(reason: str, message: str = "", status: str = "True") -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": status, "reason": reason, "message": message}
    return a_pod(0, conditions=[condition])


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        (a_pod(0), False),
        (disrupted("PreemptionByScheduler"), True),
        (disrupted("DeletionByTaintManager"), True),
        (disrupted("DeletionByPodGC"), True),
        (disrupted("EvictionByEvictionAPI"), True),
        (disrupted("TerminationByKubelet", SHUTDOWN), True),
        (disrupted("TerminationByKubelet", "The node was low on resource: memory."), False),
        (disrupted("DeletionByTaintManager", status="False"), False),
        (disrupted("SomethingNew"), False),
        (a_pod(0, phase="Failed", reason="Terminated", message=SHUTDOWN), True),
        (a_pod(0, phase="Failed", reason="Shutdown", message="Node is shutting, evicting pods"), True),
        (a_pod(0, phase="Failed", reason="NodeShutdown", message="Pod was rejected"), True),
        (a_pod(0, phase="Failed", reason="Evicted", message="The node was low on resource"), False),
    ],
)
def test_what_a_pod_says(pod: dict[str, Any], told: bool) -> None:
    """A pod that loses its machine says so by a condition or its reason; want of memory is another thing."""
    assert told_by_pod(pod) is told


@pytest.mark.parametrize("key", sorted(TAINTS))
def test_a_taint_says_it(key: str) -> None:
    """Each of the taints by which clouds and autoscalers announce it counts, whatever its effect."""
    taint = {"key": key, "effect": "NoSchedule"}
    assert told_by_node({"metadata": {"name": "a"}, "spec": {"taints": [taint]}})


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"metadata": {}}, False),
        ({"metadata": {"deletionTimestamp": "now"}}, True),
        ({"metadata": {}, "spec": {"taints": [{"key": "node.kubernetes.io/unreachable"}]}}, False),
        (
            {
                "metadata": {},
                "spec": {"taints": [{"key": "aws-node-termination-handler/rebalance-recommendation"}]},
            },
            False,
        ),
        (
            {
                "metadata": {},
                "status": {
                    "conditions": [{"type": "Ready", "status": "False", "message": "node is shutting down"}]
                },
            },
            True,
        ),
        (
            {
                "metadata": {},
                "status": {
                    "conditions": [{"type": "Ready", "status": "False", "message": "PLEG is not healthy"}]
                },
            },
            False,
        ),
    ],
)
def test_what_a_node_says(node: dict[str, Any], told: bool) -> None:
    """A Node that goes or shuts down says so; one that is out of reach, or advised to go, does not."""
    assert told_by_node(node) is told


def test_a_host_is_back_once_another_pod_of_it_has_a_machine() -> None:
    """A host whose machine went is named until a pod in its place has one, whatever that does afterwards."""
    gone = disrupted("DeletionByPodGC")
    waiting = a_pod(0, phase="Pending", containerStatuses=[])
    starting = a_pod(0, "two", phase="Pending", containerStatuses=[])
    assert hosts_of(HOSTS, [gone, waiting], ()) == HOSTS[:1]
    assert hosts_of(HOSTS, [gone, starting], ()) == ()
    assert hosts_of(HOSTS, [gone, a_pod(0, "two", phase="Failed")], ()) == HOSTS[:1]


def test_a_node_that_goes_takes_its_host_along() -> None:
    """The host is told by the Node on which its pod is."""
    pods = [a_pod(0, "one"), a_pod(1, "two")]
    assert hosts_of(HOSTS, pods, {"two"}) == HOSTS[1:]


class Woken:
    """Counts how often a change was told."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        self.event.set()

    def soon(self, holds: Callable[[], object]) -> None:
        """Wait until something holds, looking again only when a change was told."""
        deadline = time.monotonic() + 20
        while not holds():
            assert self.event.wait(deadline - time.monotonic()), "nothing was told"
            self.event.clear()


def add_node(api: ApiServer, name: str) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "64"}}
    api.store.create("nodes", {"metadata": {"name": name, "labels": {"hpc": "yes"}}, "spec": {}})
    api.store.set_status("nodes", "", name, ready)


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        add_node(server, "one")
        add_node(server, "two")
        yield server


def follow(api: ApiServer, woken: Woken) -> closing[Nodes]:
    return closing(Nodes(connect(Access(api.url), patience_seconds=0.5), {"hpc": "yes"}, woken))


class TestNodes:
    """The Nodes of a cluster, followed."""

    def test_one_list_and_then_a_watch(self, api: ApiServer) -> None:
        """However often it is asked, Nodes are listed once."""
        with follow(api, Woken()) as nodes:
            for _ in range(3):
                assert nodes.taken({"one", "two"}) == frozenset()
        assert len([one for one in api.requests if "watch" not in one.query]) == 1

    def test_a_change_is_told(self, api: ApiServer) -> None:
        """That a machine goes, and that it has gone, is told as soon as the Node says so."""
        woken = Woken()
        with follow(api, woken) as nodes:
            nodes.taken({"one", "two"})
            cloud.take_back(api.store, "two", 0.2, "GKE")
            woken.soon(lambda: nodes.taken({"one", "two"}) == {"two"})
            cloud.take_back(api.store, "one", 0.0, "nothing")
            woken.soon(lambda: nodes.taken({"one", "two"}) == {"one", "two"})

    def test_other_changes_are_not_told(self, api: ApiServer) -> None:
        """What Nodes say all the time, and what becomes of others, wakes nobody."""
        woken = Woken()
        with follow(api, woken) as nodes:
            nodes.taken({"one"})
            api.store.edit("nodes", "", "one", lambda node: node["metadata"]["labels"].update(beat="1"))
            cloud.tell(api.store, "two", "GKE")
            cloud.tell(api.store, "one", "GKE")
            woken.soon(lambda: nodes.taken({"one"}))
        assert woken.times == 1

    def test_a_watch_that_breaks_off_begins_anew(self, api: ApiServer) -> None:
        """What happened while nothing was watched shows with the next list."""
        woken = Woken()
        with follow(api, woken) as nodes:
            nodes.taken({"two"})
            api.compact()
            api.drop_connections()
            cloud.take_back(api.store, "two", 0.0, "nothing")
            woken.soon(lambda: nodes.taken({"two"}) == {"two"})

    def test_a_user_who_may_not_list_them(self, api: ApiServer) -> None:
        """Where Nodes are forbidden nothing is known of them, and they are not asked for again and again."""
        fault = api.faults.add(path="/nodes", status=403, body=Refused(403, "no").body(), times=None)
        with follow(api, Woken()) as nodes:
            for _ in range(3):
                assert nodes.taken({"one"}) == frozenset()
        assert fault.hits == 1

    def test_nodes_that_were_never_seen_are_not_gone(self, api: ApiServer) -> None:
        """A pod may be on a Node that is newer than the last list."""
        with follow(api, Woken()) as nodes:
            assert nodes.taken({"one", "brand-new"}) == frozenset()


@pytest.fixture
def place() -> Iterator[Town]:
    with town() as made:
        yield made


def a_provider(place: Town, woken: Woken) -> Kubernetes:
    setting = Setting("tester", "contract", place.directory, place.options, "pools[0].options", changed=woken)
    made = make(setting)
    assert isinstance(made, Kubernetes)
    return made


def launched(place: Town, provider: Kubernetes, woken: Woken) -> None:
    """Launch a burst of two hosts on two Nodes."""
    for name in ("one", "two"):
        add_node(place.api, name)
    provider.launch(place.order(2))
    woken.soon(lambda: not site(provider).pending)


def site(provider: Kubernetes) -> Site:
    return provider.observe().sites[0]


@pytest.mark.process
@pytest.mark.parametrize("notice", get_args(Notice))
def test_a_listing_names_the_host(place: Town, notice: Notice) -> None:
    """Whoever tells it and how, the listing names the host, until its pod runs on another machine."""
    woken = Woken()
    with closing(a_provider(place, woken)) as provider:
        launched(place, provider, woken)
        pods = place.api.store.list("pods", place.order().site_name, {"burstd.dev/part": "broker"})
        home = {pod["metadata"]["labels"][INDEX]: pod["spec"]["nodeName"] for pod in pods}
        assert site(provider).reclaimed == ()
        cloud.take_back(place.api.store, home["1"], 0.3, notice)
        if notice != "nothing":
            woken.soon(lambda: site(provider).reclaimed == ("burst-0-1",))
        woken.soon(lambda: site(provider).reclaimed == () and not site(provider).pending)
        assert site(provider).hosts == ("burst-0-0", "burst-0-1")


@pytest.mark.process
def test_pods_alone_tell_where_nodes_are_forbidden(place: Town) -> None:
    """A user who may not list Nodes learns it from the pods, and the listing is no failure."""
    place.api.faults.add(path="/api/v1/nodes", status=403, body=Refused(403, "no").body(), times=None)
    woken = Woken()
    with closing(a_provider(place, woken)) as provider:
        launched(place, provider, woken)
        cloud.take_back(place.api.store, "two", 0.3, "kubelet")
        woken.soon(lambda: len(site(provider).reclaimed) == 1)
        woken.soon(lambda: site(provider).reclaimed == () and not site(provider).pending)
