"""The provider's contract on kind clusters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kind_venue import town

from burstd.core.model import Site
from burstd.plugins.contract import Order, Provider
from burstd.testing.provider_contract import ProviderContract, Venue


class KindVenue(Venue):
    """Where a host has a pod before its broker runs: a site is as ordered once nothing is pending."""

    def shown(self, provider: Provider, order: Order) -> Site:
        return self._wait(
            provider, order, lambda site: site is not None and site.hosts == order.hosts and not site.pending
        )


@pytest.mark.process
class TestKind(ProviderContract):
    """Clusters of a stand-in for kind, whose pods are brokers of the embedded instance."""

    @pytest.fixture
    def venue(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Venue]:
        with town(monkeypatch) as place:
            yield KindVenue(place.provider, place.pool, place.join, seconds=20.0)
