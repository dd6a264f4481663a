"""The provider's contract on kind clusters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kind_venue import town

from burstd.testing.provider_contract import ProviderContract, Venue


@pytest.mark.process
class TestKind(ProviderContract):
    """Clusters of a stand-in for kind, whose pods are brokers of the embedded instance."""

    @pytest.fixture
    def venue(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Venue]:
        with town(monkeypatch) as place:
            yield Venue(place.provider, place.pool, place.join, seconds=20.0)
