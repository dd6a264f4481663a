"""What a listing proves: GKE's lists may leave things out, and clusters may be silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.gke.venue import Region, only, region, wait

from burstd.core.errors import NotNow
from burstd.core.model import Site
from burstd.plugins.gke import Gke

NAME = "contract-burst-0-g1"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def test_missing_zones_leave_a_listing_incomplete(place: Region) -> None:
    """A list that leaves the zone out proves no absence, and nothing is made or forgotten on its word."""
    provider = place.provider()
    provider.provision(place.order())
    place.gke.service.missing_zones = {"us-central1-a"}
    listing = provider.observe()
    assert not listing.complete
    assert [site.name for site in listing.sites] == [NAME]
    assert not place.provider().observe().complete
    with pytest.raises(NotNow, match="GKE does not list the clusters of us-central1-a now"):
        place.provider().remove(Site("contract-burst-0-g2", "burst-0", 2, ()))


def test_another_zone_that_is_missing_does_no_harm(place: Region) -> None:
    """A list that leaves out a zone in which nothing was made is as good as complete."""
    place.gke.service.missing_zones = {"us-central1-b"}
    assert place.provider().observe().complete


def test_a_cluster_that_no_list_shows_yet(place: Region) -> None:
    """A new cluster that GKE's lists do not show for a while is asked for by its name."""
    place.gke.service.hidden_seconds = 60
    provider = place.provider()
    provider.provision(place.order())
    assert only(provider).name == NAME
    place.provider().remove(Site(NAME, "burst-0", 1, ()))
    assert place.gke.alive() == ()


def test_a_cluster_in_another_zone_is_found(place: Region) -> None:
    """After the zone was changed in the file, what was made in the old one is still shown and removed."""
    place.provider(zone="us-central1-b").provision(place.order())
    provider = place.provider()
    provider.remove(only(provider))
    assert place.gke.alive() == ()


def test_a_state_nobody_knows(place: Region) -> None:
    """A state that a later GKE may invent does not keep a burst from being shown."""
    provider = place.provider()
    provider.provision(place.order())
    place.gke.service.unknown_states = True
    assert only(provider).name == NAME


def test_a_silent_api_server_proves_nothing(place: Region) -> None:
    """While a running cluster's API server does not answer, the listing is incomplete rather than empty."""
    provider = place.provider()
    provider.provision(place.order())
    cluster = place.gke.cluster(NAME)
    wait(lambda: not cluster.operation)
    port = cluster.api.port
    cluster.api.stop()
    listing = provider.observe()
    assert (listing.sites, listing.complete) == ((), False)
    cluster.api.start(port)
    assert only(provider).name == NAME


def test_a_silent_gke_fails_the_listing(place: Region) -> None:
    """A GKE that cannot be reached is no empty one; once it answers again, so does the provider."""
    provider = place.provider()
    provider.provision(place.order())
    place.gke.hang_up()
    with pytest.raises(NotNow, match="GKE does not answer as it should"):
        provider.observe()
    place.gke.listen_again()
    wait(lambda: _answers(provider))
    assert only(provider).name == NAME


def _answers(provider: Gke) -> bool:
    try:
        return provider.observe().complete
    except NotNow:
        return False
