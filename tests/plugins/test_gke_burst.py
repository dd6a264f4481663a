"""A burst on GKE from its first machine to its last: the operator, the autoscaler, the pods, the bill."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fakes.gke import Delays
from fakes.gke.machines import NODE_POOL
from fakes.gke.venue import Region, region, wait

from burstd.core.model import Site
from burstd.plugins.contract import Order
from burstd.plugins.gke import Gke

NAME = "contract-burst-0-g1"

pytestmark = pytest.mark.process


@pytest.fixture
def place() -> Iterator[Region]:
    with region(operator=True, delays=Delays(unneeded=0.3)) as made:
        yield made


def run(provider: Gke, order: Order) -> Site:
    """Wait until exactly the order's brokers run, and return the site."""

    def runs() -> bool:
        (site,) = provider.observe().sites
        return site.hosts == order.hosts and not site.pending

    wait(runs)
    return provider.observe().sites[0]


def homes(place: Region) -> dict[str, str]:
    """Return the machine of each broker that runs."""
    store = place.gke.cluster(NAME).api.store
    pods = store.list("pods", NAME, {"burstd.dev/part": "broker"})
    return {pod["metadata"]["name"]: pod["spec"].get("nodeName", "") for pod in pods}


def test_one_broker_fills_a_machine(place: Region) -> None:
    """Each broker has a machine of the burst's own node pool, and none has two."""
    provider, order = place.provider(), place.order(3)
    provider.provision(order)
    provider.launch(order)
    run(provider, order)
    store = place.gke.cluster(NAME).api.store
    mine = {node["metadata"]["name"] for node in store.list("nodes", labels={NODE_POOL: "burst-0"})}
    assert set(homes(place).values()) == mine
    assert len(mine) == 3


def test_machines_follow_the_brokers(place: Region) -> None:
    """A burst that grows gets machines, one that shrinks loses them, and GKE is asked for neither."""
    provider = place.provider()
    provider.provision(place.order(1))
    provider.launch(place.order(1))
    run(provider, place.order(1))
    asked = len(place.gke.calls)
    provider.resize(place.order(3))
    run(provider, place.order(3))
    assert len(place.gke.machines) == 4
    provider.resize(place.order(1))
    run(provider, place.order(1))
    wait(lambda: len(place.gke.machines) == 2)
    later = {call.method for call in place.gke.calls[asked:]}
    assert later <= {"ListClusters", "GetCluster", "GetOperation"}


def test_nothing_is_left_behind(place: Region) -> None:
    """After the removal no cluster, no machine and no broker is there, and the bill stands still."""
    provider, order = place.provider(), place.order(2)
    provider.provision(order)
    provider.launch(order)
    provider.remove(run(provider, order))
    assert (place.gke.alive(), place.gke.machines) == ((), ())
    spent = place.gke.machine_seconds
    assert provider.observe().sites == ()
    assert place.gke.machine_seconds == spent


def test_a_kept_cluster_serves_the_next_burst(place: Region) -> None:
    """A burst on a kept cluster finds the control plane there; its machines alone boot."""
    provider = place.provider(keep_cluster_seconds=600)
    for generation in (1, 2):
        order = place.order(2, generation=generation)
        provider.provision(order)
        provider.launch(order)
        site = run(provider, order)
        provider.remove(site)
        wait(lambda: len(place.gke.machines) == 1)
    assert len(place.gke.called("CreateCluster")) == 1


def test_machines_that_never_come_are_told(place: Region) -> None:
    """What the autoscaler says of pods that wait for a machine is what the burst waits for."""
    provider = place.provider()
    provider.provision(place.order(1))
    provider.launch(place.order(1))
    run(provider, place.order(1))
    place.gke.cluster(NAME).machines.exhausted = True
    provider.resize(place.order(2))
    said = "1 of 2 hosts run; 1 wait for a machine (FailedScaleUp: "
    wait(lambda: said in provider.observe().sites[0].pending, told=lambda: provider.observe().sites)
    assert provider.observe().sites[0].failure is None


@pytest.mark.parametrize(
    ("lacking", "seconds"), [("GCE out of resources", 300.0), ("GCE quota exceeded", 900.0)]
)
def test_no_machine_at_all_is_a_lack_of_room(place: Region, lacking: str, seconds: float) -> None:
    """A burst none of whose hosts gets a machine fails, and names what Google has none of."""
    place.gke.faults.machines_left, place.gke.faults.lacking = 0, lacking
    provider = place.provider(spot=True)
    provider.provision(place.order(2))
    provider.launch(place.order(2))
    wait(lambda: provider.observe().sites[0].failure)
    failure = provider.observe().sites[0].failure
    assert failure is not None
    assert lacking in failure.text
    assert (failure.retry_after, failure.offer) == (seconds, "c2-standard-4 (spot) in us-central1-a")


def test_fewer_machines_than_asked_for(place: Region) -> None:
    """The hosts that got a machine run; what the autoscaler says of the rest is what they wait for."""
    place.gke.faults.machines_left = 2
    provider = place.provider()
    provider.provision(place.order(3))
    provider.launch(place.order(3))
    said = "2 of 3 hosts run; 1 wait for a machine (FailedScaleUp: "
    wait(lambda: said in provider.observe().sites[0].pending, told=lambda: provider.observe().sites)
    site = provider.observe().sites[0]
    assert site.failure is None
    assert len(site.hosts) == 3


def test_the_cloud_alone_is_the_critical_path(place: Region) -> None:
    """From the order until all brokers run takes what the cloud takes: nothing waits in vain."""
    delays = place.gke.delays
    delays.api, delays.node, delays.create = 1.0, 1.5, 3.0
    provider, order, began = place.provider(), place.order(2), time.monotonic()
    provider.provision(order)
    provider.launch(order)
    run(provider, order)
    one_after_the_other = delays.create + delays.node
    assert time.monotonic() - began < one_after_the_other
