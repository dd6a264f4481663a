"""The provider's contract on GKE: a fake one, whose pods are brokers of the embedded instance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.gke.venue import region

from burstd.plugins.contract import Provider
from burstd.testing.provider_contract import ProviderContract, Venue


@pytest.mark.process
class TestClusters(ProviderContract):
    """Each burst has a cluster of its own."""

    @pytest.fixture
    def venue(self) -> Iterator[Venue]:
        with region(operator=True) as place:
            yield Venue(place.provider, place.pool, place.join, seconds=20.0)


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

            yield Venue(make, place.pool, place.join, seconds=20.0)
