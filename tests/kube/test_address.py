"""The lead's address, read from the Service in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from fakes.kube import ApiServer

from burstd.config import Config
from burstd.core.errors import Never, NotNow
from burstd.engine.address import LeadAddress
from burstd.join.papers import Join
from burstd.kube.address import Address, find, open_lead
from burstd.kube.client import Access, Cluster, connect

JOIN = Join("auto", 1, (), Path("/nonexistent"))


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def cluster(api: ApiServer) -> Iterator[Cluster]:
    with closing(connect(Access(api.url), patience_seconds=1.0)) as made:
        yield made


def a_service(api: ApiServer, kind: str, status: dict[str, Any] | None = None) -> None:
    port = {"port": 8050, "targetPort": 8050, "nodePort": 30093}
    spec = {"type": kind, "ports": [port], "selector": {"app": "x"}}
    metadata = {"name": "flux-lead", "namespace": "default"}
    api.store.create("services", {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    if status:
        api.store.set_status("services", "default", "flux-lead", status)


def a_node(api: ApiServer, name: str, **addresses: str) -> None:
    api.store.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}})
    told = [{"type": kind, "address": one} for kind, one in addresses.items()]
    api.store.set_status("nodes", "", name, {"addresses": told})


def a_slice(node: str, name: str = "flux-lead-x") -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": "flux-lead"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": node}],
        "ports": [],
    }


def test_a_load_balancers_address_is_taken(api: ApiServer, cluster: Cluster) -> None:
    """The address and the Service's own port."""
    a_service(api, "LoadBalancer", {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}})
    assert find(cluster, "default", "flux-lead") == Address("203.0.113.7", 8050)


def test_a_load_balancer_without_an_address_is_waited_for(api: ApiServer, cluster: Cluster) -> None:
    """The cloud takes a minute to give one."""
    a_service(api, "LoadBalancer")
    with pytest.raises(NotNow, match="has no address yet"):
        find(cluster, "default", "flux-lead")


def test_a_node_ports_address_is_that_of_the_pods_machine(api: ApiServer, cluster: Cluster) -> None:
    """The external address of the machine on which rank 0 runs, and the port there."""
    a_service(api, "NodePort")
    a_node(api, "one", InternalIP="10.128.0.83", ExternalIP="34.171.113.254")
    a_node(api, "two", InternalIP="10.128.0.84")
    api.store.create("endpointslices.discovery.k8s.io", a_slice("one"))
    assert find(cluster, "default", "flux-lead") == Address("34.171.113.254", 30093)
    api.store.delete("endpointslices.discovery.k8s.io", "default", "flux-lead-x")
    api.store.create("endpointslices.discovery.k8s.io", a_slice("two", "flux-lead-y"))
    assert find(cluster, "default", "flux-lead") == Address("10.128.0.84", 30093)


def test_a_service_without_its_pod_is_waited_for(api: ApiServer, cluster: Cluster) -> None:
    """While the pod is moved, no machine stands behind the Service."""
    a_service(api, "NodePort")
    with pytest.raises(NotNow, match="no pod of the lead's rank 0 stands behind"):
        find(cluster, "default", "flux-lead")


@pytest.mark.parametrize(("kind", "what"), [(None, "there is no Service"), ("ClusterIP", "is a ClusterIP")])
def test_a_service_that_cannot_do_is_told(
    api: ApiServer, cluster: Cluster, kind: str | None, what: str
) -> None:
    """A missing Service, or one that is the cluster's own, is for a person to mend."""
    if kind:
        a_service(api, kind)
    with pytest.raises(Never, match=what):
        find(cluster, "default", "flux-lead")


def test_without_a_token_the_ways_out_are_told() -> None:
    """Outside of a pod, and without a kubeconfig, `auto` cannot be."""
    with pytest.raises(Never, match=r"lead\.minicluster\.kubeconfig, or write the address down"):
        open_lead()


def test_a_move_of_the_lead_is_noticed(api: ApiServer, tmp_path: Path) -> None:
    """When the pod comes up on another machine, the new address is told and used from then on."""
    a_service(api, "NodePort")
    a_node(api, "one", ExternalIP="34.0.0.1")
    a_node(api, "two", ExternalIP="34.0.0.2")
    api.store.create("endpointslices.discovery.k8s.io", a_slice("one"))
    api.write_kubeconfig(tmp_path / "k")
    lead = {
        "host": "auto",
        "minicluster": {"namespace": "default", "kubeconfig": str(tmp_path / "k")},
    }
    moved: SimpleQueue[None] = SimpleQueue()
    with closing(LeadAddress(Config.model_validate({"lead": lead}))) as address:
        assert address.of(JOIN) == replace(JOIN, lead_host="34.0.0.1", lead_port=30093)
        address.watch(lambda: moved.put(None))
        slice_ = api.store.get("endpointslices.discovery.k8s.io", "default", "flux-lead-x")
        assert slice_ is not None
        slice_["endpoints"][0]["nodeName"] = "two"
        api.store.update("endpointslices.discovery.k8s.io", slice_)
        moved.get(timeout=10)
        assert address.of(JOIN) == replace(JOIN, lead_host="34.0.0.2", lead_port=30093)


def test_an_address_that_is_written_down_is_left_alone() -> None:
    """Without `auto` nothing is asked of any cluster."""
    join = replace(JOIN, lead_host="lead.example.org", lead_port=8050)
    assert LeadAddress(Config.model_validate({})).of(join) == join
