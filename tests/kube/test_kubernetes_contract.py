"""The provider's contract on a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kube_venue import a_kubernetes, town

from burstd.testing.provider_contract import ProviderContract, Venue


@pytest.mark.process
class TestKubernetes(ProviderContract):
    """A fake cluster whose pods are brokers of the embedded instance."""

    @pytest.fixture
    def venue(self) -> Iterator[Venue]:
        with town() as place:
            yield Venue(lambda owner: a_kubernetes(place, owner), place.pool, place.join, seconds=20.0)
