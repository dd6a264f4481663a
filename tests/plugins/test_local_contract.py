"""The provider's contract on this machine, with either kind of broker."""

from __future__ import annotations

import pytest

from burstd.testing.provider_contract import ProviderContract, Venue


@pytest.mark.process
class TestEmbeddedBrokers(ProviderContract):
    """Brokers of the embedded instance."""

    @pytest.fixture
    def venue(self, embedded_venue: Venue) -> Venue:
        return embedded_venue


@pytest.mark.process
@pytest.mark.real_flux
class TestRealBrokers(ProviderContract):
    """Brokers of the installed Flux."""

    @pytest.fixture
    def venue(self, real_venue: Venue) -> Venue:
        return real_venue
