"""The dead-man's switch on GKE: what the reaper ends, what shrinks by itself, and what remains for gc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from fakes.gke.venue import Region, only, region, wait

from burstd.core.silence import LeaseTerms
from burstd.kube import reaper
from burstd.kube.client import Access, Cluster, connect
from burstd.kube.reaping import Reaper
from burstd.kube.removal import Mine

NAME = "contract-burst-0-g1"
TERMS = LeaseTerms(900.0, 86_400.0)

pytestmark = pytest.mark.process


@pytest.fixture
def place() -> Iterator[Region]:
    with region(operator=True) as made:
        yield made


def account(place: Region, cluster: str) -> Cluster:
    """Return a connection with the reaper's own rights, as its pod has it."""
    api = place.gke.cluster(cluster).api
    token = api.account_token(NAME, reaper.NAME)
    return connect(Access(api.url, api.ca_pem, lambda: token))


def end(place: Region, cluster: str) -> None:
    """Let the reaper see nobody for as long as an idle burst may be without."""
    now = [0.0]
    place.gke.delays.unneeded = 0.1
    with closing(account(place, cluster)) as connection:
        watched = Reaper(connection, Mine(NAME, "tester", "burst-0", 1), TERMS, lambda: now[0])
        while not watched.look():
            now[0] += 30.0
            assert now[0] <= 900.0
    wait(lambda: place.gke.cluster(cluster).api.store.get("namespaces", "", NAME) is None)


def test_the_hosts_go_and_the_cluster_remains(place: Region) -> None:
    """After the reaper's end no host of the burst runs; the cluster and a system machine are left to gc."""
    provider = place.provider()
    provider.provision(place.order(2))
    provider.launch(place.order(2))
    wait(lambda: len(only(provider).hosts) == 2)
    assert only(provider).renewed is not None
    assert place.gke.cluster(NAME).machines.count("burst-0") == 2
    end(place, NAME)
    wait(lambda: place.gke.cluster(NAME).machines.count("burst-0") == 0)
    assert place.gke.cluster(NAME).machines.count("burstd-system") == 1
    site = only(provider)
    assert (site.hosts, site.renewed) == ((), None)
    provider.discard(site)
    assert place.gke.alive() == ()


def test_a_node_pool_is_left_without_machines(place: Region) -> None:
    """On a cluster that is there already the node pool stays, empty, until it is removed."""
    place.gke.make_cluster("mine")
    operator = place.options()["operator"] | {"install": True}
    provider = place.provider(cluster="mine", operator=operator)
    provider.provision(place.order(1))
    provider.launch(place.order(1))
    wait(lambda: len(only(provider).hosts) == 1)
    end(place, "mine")
    wait(lambda: place.gke.cluster("mine").machines.count(NAME) == 0)
    assert place.gke.cluster("mine").pool(NAME) is not None
    provider.discard(only(provider))
    assert place.gke.cluster("mine").pool(NAME) is None


def test_a_renewal_of_a_cluster_that_is_going_is_no_failure(place: Region) -> None:
    """A burst whose cluster is being deleted, or is gone, is not renewed, and nothing is made again."""
    provider = place.provider()
    provider.provision(place.order(1))
    wait(lambda: not place.gke.cluster(NAME).operation)
    site = only(provider)
    provider.discard(site)
    provider.renew(site, busy=True)
    assert place.gke.alive() == ()
