"""The provider's contract on GKE: a fake one, whose pods are brokers of the embedded instance."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fakes.gke.venue import region

from burstd.core.model import Site
from burstd.plugins.contract import Order, Provider
from burstd.testing.provider_contract import ProviderContract, Venue, site_of


class SteadyVenue(Venue):
    """A site is shown once nothing of it is pending: while pods start, each listing says something else."""

    def shown(self, provider: Provider, order: Order) -> Site:
        deadline = time.monotonic() + self.seconds
        while (site := site_of(provider, order)) is None or site.hosts != order.hosts or site.pending:
            assert time.monotonic() < deadline, f"the listing shows {site}, not {order.hosts}"
            time.sleep(0.02)
        return site


@pytest.mark.process
class TestClusters(ProviderContract):
    """Each burst has a cluster of its own."""

    @pytest.fixture
    def venue(self) -> Iterator[Venue]:
        with region(operator=True) as place:
            yield SteadyVenue(place.provider, place.pool, place.join, seconds=20.0)


@pytest.mark.process
class TestNodePools(ProviderContract):
    """All bursts are node pools of one cluster, which was there before."""

    @pytest.fixture
    def venue(self) -> Iterator[Venue]:
        with region(operator=True) as place:
            place.gke.make_cluster("mine")
            operator = place.options()["operator"] | {"install": True}

            def make(owner: str) -> Provider:
                return place.provider(owner, cluster="mine", operator=operator)

            yield SteadyVenue(make, place.pool, place.join, seconds=20.0)
