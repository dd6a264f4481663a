"""Orders for which nobody waits any more: what waits for the world ends, and what is there is removed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes.gke import Delays
from fakes.gke.venue import Region, region, wait
from kind_venue import town as kind_town
from kube_venue import a_kubernetes, town

from burstd.core.errors import NotNow
from burstd.core.model import Site
from burstd.plugins.contract import Order, Provider

NAME = "contract-burst-0-g1"
CLUSTER = f"clusters/{NAME}"

SOON_SECONDS = 30.0
"""Far less than what each of these would wait for otherwise; only the test's own patience."""


@dataclass
class Wish:
    """Whether somebody still waits for an order."""

    given_up: threading.Event = field(default_factory=threading.Event)

    def of(self, order: Order) -> Order:
        return replace(order, cancelled=self.given_up.is_set)


def cancelled(call: Callable[[Order], None], order: Order, ready: Callable[[], object]) -> NotNow:
    """Make a call, give it up once something is so, and return how it ended."""
    wish = Wish()
    with ThreadPoolExecutor(1) as worker:
        under_way = worker.submit(call, wish.of(order))
        wait(ready)
        assert not under_way.done()
        wish.given_up.set()
        error = under_way.exception(SOON_SECONDS)
    assert isinstance(error, NotNow)
    assert "was cancelled" in str(error)
    return error


def site(order: Order) -> Site:
    return Site(order.site_name, order.pool.name, order.generation, ())


@pytest.fixture
def slow() -> Iterator[Region]:
    """A GKE whose control planes come after an hour."""
    with region(delays=Delays(api=3600.0, create=3600.0)) as made:
        yield made


def lasting(place: Region, **pool: Any) -> Order:
    return place.order(provision_seconds=3600.0, **pool)


@pytest.mark.parametrize("same", [True, False], ids=["same", "another burstd"])
def test_a_cluster_that_is_being_made(same: bool) -> None:
    """A wait for GKE ends at once; the cluster is deleted once GKE allows it, also by another burstd."""
    with region(delays=Delays(api=0.8, create=1.0)) as place:
        provider, order = place.provider(), lasting(place)
        cancelled(provider.provision, order, place.gke.alive)
        assert CLUSTER in place.gke.alive()
        (provider if same else place.provider()).remove(site(order))
        assert (place.gke.alive(), place.gke.machines) == ((), ())
        refused = [call for call in place.gke.calls if call.method == "DeleteCluster"]
        assert len(refused) > 1
        spent = place.gke.machine_seconds
        assert place.provider().observe().sites == ()
        assert place.gke.machine_seconds == spent


def test_a_cluster_of_which_nobody_asks_again_stays_known(slow: Region) -> None:
    """What a cancelled order has asked GKE for is listed, whoever looks."""
    cancelled(slow.provider().provision, lasting(slow), slow.gke.alive)
    (shown,) = slow.provider().observe().sites
    assert (shown.name, shown.pending) == (NAME, "its cluster is being made")


def test_nothing_is_asked_for_that_is_cancelled_already(slow: Region) -> None:
    """An order that was given up before its call came to GKE makes nothing."""
    wish = Wish()
    wish.given_up.set()
    with pytest.raises(NotNow, match="was cancelled"):
        slow.provider().provision(wish.of(slow.order()))
    assert slow.gke.alive() == ()


def test_a_node_pool_that_waits_for_its_cluster() -> None:
    """Where something else is under way on the cluster, the wait for that ends at once, with nothing made."""
    with region() as place:
        mine = place.gke.make_cluster("mine")
        place.gke.stick()
        place.provider(cluster="mine", operator=place.options()["operator"] | {"install": True}).provision(
            place.order(generation=9)
        )
        provider = place.provider(cluster="mine")
        tried = place.gke.called("CreateNodePool")
        cancelled(
            provider.provision, lasting(place), lambda: len(place.gke.called("CreateNodePool")) > len(tried)
        )
        place.gke.release()
        wait(lambda: not mine.operation)
        provider.remove(site(place.order()))
        assert f"clusters/mine/nodePools/{NAME}" not in place.gke.alive()


def test_an_api_server_that_is_away() -> None:
    """Calls that are tried again on a cluster that does not answer are not, once the order is cancelled."""
    with town() as place:
        fault = place.api.faults.add(path="/api/v1/namespaces", status=503, times=None)
        provider: Provider = a_kubernetes(place, patience_seconds=3600.0)
        cancelled(provider.provision, place.order(), lambda: fault.hits > 1)
        place.api.faults.clear()
        assert place.api.store.get("namespaces", "", NAME) is None


def test_an_operator_that_is_not_taken_up() -> None:
    """The wait for the operator's kind ends at once, and what was installed for the burst goes."""
    with town() as place:
        a_kubernetes(place).provision(place.order(generation=9))
        fault = place.api.faults.add("GET", "/miniclusters", status=503, times=None)
        provider = a_kubernetes(place, patience_seconds=3600.0)
        cancelled(provider.provision, place.order(), lambda: fault.hits > 1)
        place.api.faults.clear()
        provider.remove(site(place.order()))
        assert [one.generation for one in provider.observe().sites] == [9]


@pytest.mark.process
def test_a_kind_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`kind create` is ended, and what it left is removed afterwards, also by another burstd."""
    with kind_town(monkeypatch) as place:
        place.kind.set_fault("hang")
        cancelled(place.provider().provision, place.order(), place.kind.creating)
        place.kind.clear_fault("hang")
        assert place.kind.clusters() == [NAME]
        provider = place.provider()
        provider.remove(site(place.order()))
        assert place.kind.clusters() == []
        assert provider.observe().sites == ()


@pytest.mark.process
def test_a_kind_that_somebody_else_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for a `kind create` of an earlier burstd ends at once, and that program is left to its end."""
    with kind_town(monkeypatch) as place:
        place.kind.set_fault("hang")
        before, after = place.provider(), place.provider()
        with ThreadPoolExecutor(1) as worker:
            first = worker.submit(before.provision, place.order())
            wait(place.kind.creating)
            pid = place.kind.creating()
            looks = threading.Event()
            order = replace(place.order(), cancelled=lambda: looks.is_set() or looks.set() or False)
            with pytest.raises(NotNow, match="was cancelled"):
                after.provision(order)
            place.kind.clear_fault("hang")
            first.result(SOON_SECONDS)
        assert place.kind.creating() == pid


@pytest.mark.process
def test_local_brokers(embedded_venue: Any) -> None:
    """A launch that is cancelled while its brokers read their papers ends, and they are removed."""
    provider = embedded_venue.make("tester")
    order = embedded_venue.order(2)
    provider.provision(order)
    asked = iter((False, False))
    with pytest.raises(NotNow, match="was cancelled"):
        provider.launch(replace(order, cancelled=lambda: next(asked, True)))
    (shown,) = provider.observe().sites
    provider.remove(shown)
    assert provider.observe().sites == ()
