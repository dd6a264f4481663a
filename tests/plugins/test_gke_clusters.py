"""Clusters made for a burst: lost answers, troubles, what is not burstd's, what GKE does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from fakes.gke import Delays
from fakes.gke.faults import Trouble
from fakes.gke.venue import Region, only, region, wait
from google.cloud import container_v1
from grpc import StatusCode

from burstd.core.errors import Never, NotNow
from burstd.core.model import Site
from burstd.kube.refusals import Exists
from burstd.plugins.gke import Gke

NAME = "contract-burst-0-g1"
CLUSTER = f"clusters/{NAME}"
State = container_v1.Cluster.Status


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def provisioned(provider: Gke, place: Region) -> bool:
    """Provision, as the gate does: what may work later is tried again."""
    try:
        provider.provision(place.order())
    except (NotNow, Exists):  # on the cluster, one of two at once finds what the other just made
        return False
    return True


def failing(place: Region, provider: Gke) -> NotNow:
    """Provision, and return the failure that passes."""
    with pytest.raises(NotNow) as caught:
        provider.provision(place.order())
    return caught.value


def test_the_rest_of_the_cluster_is_not_waited_for(place: Region) -> None:
    """Provisioning returns once the API server answers, while GKE still makes the cluster."""
    place.gke.delays.create = 5.0
    provider = place.provider()
    began = time.monotonic()
    provider.provision(place.order())
    assert time.monotonic() - began < 2.0
    shown = place.gke.cluster(NAME).shown
    assert State(shown.status) is State.PROVISIONING
    store = place.gke.cluster(NAME).api.store
    assert store.get("secrets", NAME, "burst-secrets") is not None
    assert store.get("deployments.apps", "operator-system", "operator-controller-manager") is not None


def test_an_address_at_which_nobody_answers_yet(place: Region) -> None:
    """A cluster may have an address before its API server answers there."""
    place.gke.delays.endpoint, place.gke.delays.api = 0.0, 0.3
    place.gke.delays.create = 0.4
    provider = place.provider()
    provider.provision(place.order())
    assert only(provider).generation == 1


def test_a_cluster_being_made_is_listed(place: Region) -> None:
    """From the moment it costs money a cluster is shown, with what is pending."""
    place.gke.delays.api = place.gke.delays.create = 1.0
    provider = place.provider()
    with ThreadPoolExecutor(1) as worker:
        made = worker.submit(provider.provision, place.order())
        wait(place.gke.alive)
        site = only(place.provider())
        made.result()
    assert (site.name, site.hosts, site.pending) == (NAME, (), "its cluster is being made")
    assert site.failure is None


def test_machines_boot_with_the_cluster(place: Region) -> None:
    """The burst's machines are asked for with the cluster, and no node pool is ever resized by hand."""
    place.provider().provision(place.order(3))
    wait(lambda: len(place.gke.machines) == 4)
    (request,) = place.gke.called("CreateCluster")
    assert [pool.initial_node_count for pool in request.cluster.node_pools] == [1, 3]


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, None], ids=str)
def test_a_lost_answer_is_found_again(place: Region, code: StatusCode | None) -> None:
    """Where the answer to a creation is lost, the cluster is found by its name, and not made twice."""
    place.gke.faults.add("CreateCluster", code, apply="after")
    provider = place.provider()
    wait(lambda: provisioned(provider, place))
    assert len(place.gke.called("CreateCluster")) == 1
    assert only(provider).generation == 1


def test_a_creation_that_never_happened_is_asked_for_again(place: Region) -> None:
    """Where no cluster is found after a lost answer, the next attempt makes it."""
    place.gke.faults.add("CreateCluster", StatusCode.DEADLINE_EXCEEDED)
    provider = place.provider()
    assert "GKE does not answer as it should" in str(failing(place, provider))
    assert place.gke.alive() == ()
    provider.provision(place.order())
    assert only(provider).generation == 1


def test_a_creation_that_happens_after_its_answer(place: Region) -> None:
    """A cluster that appears a moment after the creation seemed to fail is the burst's, and the only one."""
    place.gke.faults.add("CreateCluster", StatusCode.UNAVAILABLE, apply="before")
    provider = place.provider()
    failing(place, provider)
    wait(place.gke.alive)
    provider.provision(place.order())
    assert place.gke.alive() == (
        CLUSTER,
        f"{CLUSTER}/nodePools/burst-0",
        f"{CLUSTER}/nodePools/burstd-system",
    )


def test_two_at_once_make_one(place: Region) -> None:
    """Two that provision the same burst at the same moment, as often as it takes, end up with one cluster."""
    with ThreadPoolExecutor(2) as workers:
        futures = [workers.submit(wait, lambda: provisioned(place.provider(), place)) for _ in range(2)]
        for future in futures:
            future.result()
    assert place.gke.alive().count(CLUSTER) == 1
    assert only(place.provider()).generation == 1


@pytest.mark.parametrize(
    ("code", "text", "seconds", "said"),
    [
        (StatusCode.RESOURCE_EXHAUSTED, "Insufficient regional quota: CPUS", 900, "quota of project"),
        (StatusCode.RESOURCE_EXHAUSTED, "ZONE_RESOURCE_POOL_EXHAUSTED", 300, "stockout"),
    ],
)
def test_a_refusal_in_the_call(place: Region, code: StatusCode, text: str, seconds: float, said: str) -> None:
    """Where the call itself is refused for want of quota or machines, these are told apart."""
    place.gke.faults.add("CreateCluster", code, text=text)
    error = failing(place, place.provider())
    assert error.retry_after == seconds
    assert said in str(error)
    assert place.gke.alive() == ()


@pytest.mark.parametrize(
    ("trouble", "seconds", "said"),
    [
        ("stockout", 300, "us-central1-a has no c2-standard-4 left (a stockout, not a quota)"),
        ("quota", 900, "a quota of project test-project is used up"),
        ("internal", 10, f"making cluster {NAME}: Internal error."),
        ("silent", 10, "nodes did not register"),
    ],
)
def test_a_failure_in_the_operation(place: Region, trouble: Trouble, seconds: float, said: str) -> None:
    """An operation that is done may have failed: why is told, also when asked again, and all is removed."""
    place.gke.delays.api, place.gke.delays.create = 0.3, 0.1
    place.gke.faults.fail_making(trouble)
    for provider in (place.provider(), place.provider()):
        error = failing(place, provider)
        assert error.retry_after == seconds
        assert said in str(error)
        site = only(provider)
        assert site.failure is not None
        assert (site.failure.retry_after, said in site.failure.text) == (seconds, True)
    place.provider().remove(only(place.provider()))
    assert (place.gke.alive(), place.gke.machines) == ((), ())


def test_a_stockout_after_the_api_server_answers(place: Region) -> None:
    """What goes wrong with the machines once the burst is being launched is shown as the burst's failure."""
    place.gke.delays.create = 0.5
    place.gke.faults.fail_making("stockout")
    provider = place.provider()
    provider.provision(place.order())
    assert only(provider).failure is None
    wait(lambda: only(provider).failure is not None)
    assert "stockout" in only(provider).pending


def test_a_name_that_is_somebody_elses(place: Region) -> None:
    """A cluster of the burst's name that burstd did not make is never touched."""
    place.gke.make_cluster(NAME)
    with pytest.raises(Never, match="which somebody else made; choose another cluster_name"):
        place.provider().provision(place.order())
    provider = place.provider()
    assert provider.observe().sites == ()
    provider.remove(Site(NAME, "burst-0", 1, ()))
    assert CLUSTER in place.gke.alive()


def test_a_name_that_is_another_owners(place: Region) -> None:
    """A cluster of another burstd is named as such."""
    place.provider("stranger").provision(place.order(owner="stranger"))
    with pytest.raises(Never, match="the burstd of stranger made for burst-0"):
        place.provider().provision(place.order())


def test_delete_waits_for_the_creation(place: Region) -> None:
    """A burst that is given up while its cluster is being made is deleted as soon as GKE allows it."""
    place.gke.delays.create = 0.6
    provider = place.provider()
    provider.provision(place.order())
    provider.remove(only(provider))
    assert (place.gke.alive(), provider.observe().sites) == ((), ())


def test_a_stuck_creation(place: Region) -> None:
    """An API server that does not answer in time fails the provisioning, and the cluster is still deleted."""
    place.gke.delays.api = 0.5
    place.gke.stick()
    provider = place.provider()
    with pytest.raises(NotNow, match=r"did not answer within 0\.2 s"):
        provider.provision(place.order(provision_seconds=0.2))
    threading.Timer(0.5, place.gke.release).start()
    provider.remove(only(provider))
    assert place.gke.alive() == ()


def test_a_deletion_under_way_is_listed_and_waited_for(place: Region) -> None:
    """A cluster that is being deleted costs money until it is gone: it is shown, and waited for."""
    place.gke.delays.delete = 1.0
    provider, other = place.provider(), place.provider()
    provider.provision(place.order())
    wait(lambda: not place.gke.cluster(NAME).operation)
    with ThreadPoolExecutor(1) as worker:
        removed = worker.submit(provider.remove, only(provider))
        wait(lambda: other.observe().sites[0].pending == "its cluster is being deleted")
        other.remove(only(other))
        assert place.gke.alive() == ()
        removed.result()


@pytest.mark.parametrize("apply", ["after", None])
def test_a_lost_answer_to_a_deletion(place: Region, apply: str | None) -> None:
    """A deletion whose answer is lost is seen through, whether it had its effect or not."""
    provider = place.provider()
    provider.provision(place.order())
    place.gke.faults.add("DeleteCluster", apply=apply, times=1)
    provider.remove(only(provider))
    assert place.gke.alive() == ()


def test_a_cluster_that_serves_another_burst_is_spared(place: Region) -> None:
    """What a cluster serves is looked at again right before it is deleted."""
    provider = place.provider()
    provider.provision(place.order())
    site = only(provider)
    cluster = place.gke.cluster(NAME)
    wait(lambda: not cluster.operation)
    cluster.set_labels(dict(cluster.shown.resource_labels) | {"burstd-serves": "2"})
    provider.remove(site)
    assert CLUSTER in place.gke.alive()
    assert only(provider).name == "contract-burst-0-g2"


def test_a_cluster_with_a_silent_api_server_is_deleted(place: Region) -> None:
    """What costs money goes, whether its API server answers or not."""
    provider = place.provider(keep_cluster_seconds=600)
    provider.provision(place.order())
    wait(lambda: not place.gke.cluster(NAME).operation)
    place.gke.cluster(NAME).api.stop()
    provider.remove(Site(NAME, "burst-0", 1, ()))
    assert place.gke.alive() == ()


def test_a_cluster_deleted_by_somebody_else(place: Region) -> None:
    """A cluster that vanishes while it is being made fails the burst, not the daemon."""
    place.gke.delays.api = 20.0
    provider = place.provider()
    with ThreadPoolExecutor(1) as worker:
        made = worker.submit(provider.provision, place.order())
        wait(place.gke.alive)
        looks = len(place.gke.called("GetCluster"))
        wait(lambda: len(place.gke.called("GetCluster")) > looks + 2)
        place.gke.service.forget(NAME)
        with pytest.raises(NotNow, match="it is gone; somebody or GKE itself deleted it"):
            made.result()


def test_nothing_is_launched_where_there_is_no_cluster(place: Region) -> None:
    """Launching or resizing a burst whose cluster is gone says so."""
    with pytest.raises(NotNow, match="is not there any more"):
        place.provider().launch(place.order())


def test_the_network_a_person_chose(place: Region) -> None:
    """Options reach GKE in the request itself."""
    place.provider(network="hpc", tags=("flux",), spot=True).provision(place.order())
    (request,) = place.gke.called("CreateCluster")
    hosts = request.cluster.node_pools[1].config
    assert (request.cluster.network, list(hosts.tags), hosts.spot) == ("hpc", ["flux"], True)


def test_what_gke_refuses_for_good(place: Region) -> None:
    """A request that GKE finds wrong is never tried again by itself."""
    order = replace(place.order(), site_name="Contract-burst-0-g1")
    with pytest.raises(Never, match=r"Cluster\.name"):
        place.provider().provision(order)


def test_delays_of_their_own() -> None:
    """A region may be as slow as its delays say."""
    with region(delays=Delays(api=0.2, create=0.3)) as slow:
        began = time.monotonic()
        slow.provider().provision(slow.order())
        assert 0.2 <= time.monotonic() - began < 2.0
