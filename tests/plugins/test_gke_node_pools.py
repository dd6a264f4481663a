"""Bursts on a cluster that is there already: a node pool comes and goes, and nothing else is touched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.gke.venue import Region, only, region, wait
from grpc import StatusCode

from burstd.core.errors import Never, NotNow
from burstd.core.model import Site
from burstd.plugins.gke import Gke

NAME = "contract-burst-0-g1"
MINE = ("clusters/mine", "clusters/mine/nodePools/default-pool")
POOL = f"clusters/mine/nodePools/{NAME}"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        made.gke.make_cluster("mine", team="hpc")
        yield made


def guest(place: Region, owner: str = "tester", **options: Any) -> Gke:
    """Return a provider that makes node pools of the cluster `mine`, where it may install the operator."""
    operator = place.options()["operator"] | {"install": True}
    return place.provider(owner, **({"cluster": "mine", "operator": operator} | options))


def test_only_a_node_pool_is_made_and_removed(place: Region) -> None:
    """The burst's node pool comes, with its labels and machines, and goes; the cluster stays as it was."""
    provider = guest(place)
    provider.provision(place.order(2))
    assert POOL in place.gke.alive()
    wait(lambda: len(place.gke.machines) == 3)
    pool = place.gke.cluster("mine").pool(NAME)
    assert dict(pool.config.resource_labels)["burstd-serves"] == "1"
    assert (pool.initial_node_count, pool.autoscaling.max_node_count) == (2, 4)
    site = only(provider)
    assert (site.name, site.hosts, site.pending) == (NAME, (), "its MiniCluster is not made yet")
    provider.remove(site)
    assert place.gke.alive() == MINE
    assert provider.observe().sites == ()
    assert dict(place.gke.cluster("mine").shown.resource_labels) == {"team": "hpc"}
    assert place.gke.called("CreateCluster") == place.gke.called("DeleteCluster") == []


def test_a_node_pool_twice_is_once(place: Region) -> None:
    """The same order again, also by another provider object, finds the node pool."""
    guest(place).provision(place.order())
    guest(place).provision(place.order())
    assert len(place.gke.called("CreateNodePool")) == 1


def test_the_operator_is_not_installed_unasked(place: Region) -> None:
    """On a cluster that burstd did not make, the operator is installed only where that is allowed."""
    provider = guest(place, operator=place.options()["operator"])
    with pytest.raises(Never, match=r"operator\.install: true"):
        provider.provision(place.order())
    provider.remove(Site(NAME, "burst-0", 1, ()))
    assert place.gke.alive() == MINE


def test_an_absent_cluster(place: Region) -> None:
    """Where there is no such cluster, nothing is made, and what to look at is said."""
    provider = guest(place, cluster="other")
    with pytest.raises(Never, match="there is no cluster other in us-central1-a; check cluster"):
        provider.provision(place.order())
    assert provider.observe().sites == ()
    provider.remove(Site(NAME, "burst-0", 1, ()))


def test_a_lost_answer_is_found_again(place: Region) -> None:
    """Where the answer to a creation is lost, the node pool is found by its name."""
    place.gke.faults.add("CreateNodePool", StatusCode.UNAVAILABLE, apply="after")
    guest(place).provision(place.order())
    assert len(place.gke.called("CreateNodePool")) == 1


def test_a_busy_cluster_is_waited_for(place: Region) -> None:
    """GKE does one thing at a time with a cluster: what somebody else does there is waited for."""
    place.gke.stick()
    guest(place).provision(place.order())
    threading.Timer(0.3, place.gke.release).start()
    guest(place).provision(place.order(generation=2))
    assert [site.generation for site in guest(place).observe().sites] == [1, 2]


@pytest.mark.parametrize(("trouble", "said"), [("stockout", "stockout"), ("quota", "quota of project")])
def test_machines_that_cannot_be_had(place: Region, trouble: Any, said: str) -> None:
    """A node pool whose operation fails is shown as such, fails the next attempt, and is removed."""
    place.gke.faults.fail_making(trouble)
    provider = guest(place)
    provider.provision(place.order())
    wait(lambda: only(provider).failure is not None)
    failure = only(provider).failure
    assert failure is not None
    assert said in failure.text
    with pytest.raises(NotNow, match=said):
        guest(place).provision(place.order())
    provider.remove(only(provider))
    assert place.gke.alive() == MINE


def test_a_node_pool_of_another_owner_is_spared(place: Region) -> None:
    """Another burstd's node pool is neither shown, nor used, nor touched."""
    guest(place, "stranger").provision(place.order(owner="stranger"))
    provider = guest(place)
    assert provider.observe().sites == ()
    with pytest.raises(Never, match="which is not this burst's"):
        provider.provision(place.order())
    provider.remove(Site(NAME, "burst-0", 1, ()))
    assert POOL in place.gke.alive()


def test_a_deletion_waits_for_the_creation(place: Region) -> None:
    """A node pool that is still being made is deleted once GKE allows it."""
    place.gke.delays.pool = 0.5
    provider = guest(place)
    provider.provision(place.order())
    provider.remove(only(provider))
    assert place.gke.alive() == MINE


def test_a_silent_api_server_proves_nothing(place: Region) -> None:
    """While the cluster's API server does not answer, the listing is incomplete."""
    provider = guest(place)
    provider.provision(place.order())
    place.gke.cluster("mine").api.stop()
    assert not provider.observe().complete


def test_a_regional_cluster_is_looked_for_in_its_region(place: Region) -> None:
    """`cluster_location` says where the cluster is; the machines are in the zone."""
    place.gke.service.zones.add("us-central1")
    place.gke.make_cluster("regional", "us-central1")
    guest(place, cluster="regional", cluster_location="us-central1").provision(place.order())
    assert list(place.gke.cluster("regional").pool(NAME).locations) == ["us-central1-a"]
