"""Clusters that outlive their burst: used again, given up, never mistaken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.gke.venue import Region, only, region, wait
from google.cloud import container_v1
from grpc import StatusCode

from burstd.core.errors import Never, NotNow
from burstd.core.generations import next_generation
from burstd.core.model import Site
from burstd.plugins.gke import Gke

NAME = "contract-burst-0-g1"
CLUSTER = f"clusters/{NAME}"
HOUR = 3600.0


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def labels(place: Region) -> dict[str, str]:
    return dict(place.gke.cluster(NAME).shown.resource_labels)


def keep(place: Region, seconds: float = HOUR, **options: Any) -> Gke:
    """Return a provider whose first burst is over, and whose cluster is kept."""
    provider = place.provider(keep_cluster_seconds=seconds, **options)
    provider.provision(place.order())
    wait(lambda: not place.gke.cluster(NAME).operation)
    provider.remove(only(provider))
    assert labels(place)["burstd-serves"] == "none"
    return provider


def test_a_kept_cluster_is_no_burst(place: Region) -> None:
    """After its burst is removed the cluster is shown under its own name, empty, with the end of its time."""
    before = time.time()
    provider = keep(place)
    site = only(provider)
    assert (site.name, site.generation, site.hosts, site.pending) == (NAME, 1, (), "")
    assert site.kept_until is not None
    assert before - 1 <= site.kept_until - HOUR <= time.time()
    assert place.gke.cluster(NAME).api.store.get("namespaces", "", NAME) is None


def test_a_burst_that_has_just_moved_in_is_young(place: Region) -> None:
    """Before anything of the next burst is on the cluster, its number tells its age, not the cluster."""
    provider = keep(place)
    place.gke.cluster(NAME).api.faults.add("POST", "/namespaces$", status=403, times=None)
    generation = next_generation(place.pool, 0, time.time())
    with pytest.raises(Never):
        provider.provision(place.order(generation=generation))
    wait(lambda: labels(place)["burstd-serves"] == str(generation))
    site = only(provider)
    assert (site.generation, site.hosts) == (generation, ())
    assert abs(site.created - time.time()) <= 60


def test_the_next_burst_uses_it(place: Region) -> None:
    """The next generation moves in: no cluster is made, and the listing shows the new burst alone."""
    provider = keep(place)
    kept = only(provider)
    provider.provision(place.order(generation=2))
    assert len(place.gke.called("CreateCluster")) == 1
    site = only(provider)
    assert (site.name, site.generation, site.kept_until) == ("contract-burst-0-g2", 2, None)
    assert site.created != kept.created
    assert (labels(place)["burstd-generation"], labels(place)["burstd-serves"]) == ("1", "2")
    assert "burstd-idle-since" not in labels(place)


def test_it_is_kept_once_more(place: Region) -> None:
    """A cluster that was used again is kept again, under its own generation."""
    provider = keep(place)
    provider.provision(place.order(generation=2))
    provider.remove(only(provider))
    site = only(provider)
    assert (site.name, site.generation, site.kept_until is None) == (NAME, 1, False)


def test_another_provider_object_knows_it(place: Region) -> None:
    """Labels alone say what a cluster serves, so a restart of burstd changes nothing."""
    keep(place).provision(place.order(generation=2))
    provider = place.provider(keep_cluster_seconds=HOUR)
    assert only(provider).generation == 2
    provider.provision(place.order(generation=2))
    assert len(place.gke.called("CreateCluster")) == 1


def test_its_time_ends(place: Region) -> None:
    """A cluster that was kept for long enough is not used again, and is deleted when its site is removed."""
    provider = keep(place, seconds=0.2)
    site = only(provider)
    assert site.kept_until is not None
    wait(lambda: time.time() > (site.kept_until or 0))
    provider.provision(place.order(generation=2))
    assert len(place.gke.called("CreateCluster")) == 2
    provider.remove(site)
    assert CLUSTER not in place.gke.alive()
    assert only(provider).generation == 2


def test_a_cluster_of_another_spec_is_given_up(place: Region) -> None:
    """After an option was changed that shapes clusters, the old one is not used, and its time is over."""
    keep(place)
    provider = place.provider(keep_cluster_seconds=HOUR, spot=True)
    site = only(provider)
    assert site.kept_until is not None
    assert site.kept_until <= time.time()
    provider.provision(place.order(generation=2))
    assert len(place.gke.called("CreateCluster")) == 2


def test_a_cluster_too_small_for_the_pool_is_not_used(place: Region) -> None:
    """A pool that has grown needs a cluster that may grow as far."""
    provider = keep(place)
    hosts = tuple(f"burst-0-{index}" for index in range(8))
    provider.provision(place.order(generation=2, hosts=hosts, ranks=tuple(range(1, 9))))
    assert len(place.gke.called("CreateCluster")) == 2


def test_another_owner_has_none_of_it(place: Region) -> None:
    """What one burstd keeps, another neither sees nor uses."""
    keep(place)
    stranger = place.provider("stranger", keep_cluster_seconds=HOUR)
    assert stranger.observe().sites == ()
    stranger.provision(place.order(owner="stranger", generation=2))
    assert labels(place)["burstd-serves"] == "none"


def test_nothing_is_kept_without_the_option(place: Region) -> None:
    """A provider that keeps nothing deletes what it empties, and what was kept before is over."""
    keep(place)
    provider = place.provider()
    site = only(provider)
    assert site.kept_until is not None
    assert site.kept_until <= time.time()
    provider.remove(site)
    assert place.gke.alive() == ()


def test_a_burst_whose_cluster_fails_is_not_kept(place: Region) -> None:
    """A cluster in ERROR is deleted, whatever the option says."""
    place.gke.delays.create = 0.3
    place.gke.faults.fail_making("stockout")
    provider = place.provider(keep_cluster_seconds=HOUR)
    provider.provision(place.order())
    error = int(container_v1.Cluster.Status.ERROR)
    wait(lambda: place.gke.cluster(NAME).shown.status == error)
    provider.remove(only(provider))
    assert place.gke.alive() == ()


def test_a_kept_cluster_is_taken_once(place: Region) -> None:
    """Where somebody changed the labels in between, GKE refuses, and the next attempt looks again."""
    provider = keep(place)
    place.gke.faults.add("SetLabels", StatusCode.FAILED_PRECONDITION, text="fingerprint")
    with pytest.raises(NotNow):
        provider.provision(place.order(generation=2))
    provider.provision(place.order(generation=2))
    assert len(place.gke.called("CreateCluster")) == 1


def test_a_lost_answer_to_the_labels(place: Region) -> None:
    """A cluster that became the burst's although the answer was lost is found as such."""
    provider = keep(place)
    place.gke.faults.add("SetLabels", StatusCode.UNAVAILABLE, apply="after")
    with pytest.raises(NotNow):
        provider.provision(place.order(generation=2))
    wait(lambda: labels(place)["burstd-serves"] == "2")
    provider.provision(place.order(generation=2))
    assert only(provider).generation == 2
    assert len(place.gke.called("CreateCluster")) == 1


@pytest.mark.parametrize("apply", ["after", None])
def test_keeping_survives_a_lost_answer(place: Region, apply: str | None) -> None:
    """Labels that say a cluster is kept are set again until they are seen."""
    provider = place.provider(keep_cluster_seconds=HOUR)
    provider.provision(place.order())
    wait(lambda: not place.gke.cluster(NAME).operation)
    place.gke.faults.add("SetLabels", StatusCode.UNAVAILABLE, apply=apply)
    provider.remove(only(provider))
    wait(lambda: labels(place)["burstd-serves"] == "none")
    assert only(provider).kept_until is not None


def test_a_persons_own_labels_stay(place: Region) -> None:
    """What a person put on a cluster is still there after burstd labelled it."""
    provider = place.provider(keep_cluster_seconds=HOUR, labels={"team": "hpc"})
    provider.provision(place.order())
    cluster = place.gke.cluster(NAME)
    wait(lambda: not cluster.operation)
    cluster.set_labels(labels(place) | {"added": "by-hand"})
    provider.remove(only(provider))
    assert (labels(place)["team"], labels(place)["added"]) == ("hpc", "by-hand")


def test_a_stale_removal_spares_the_next_burst(place: Region) -> None:
    """Removing a burst that is gone does nothing to the one that lives on its cluster now."""
    provider = keep(place)
    provider.provision(place.order(generation=2))
    provider.remove(Site(NAME, "burst-0", 1, ()))
    assert only(provider).generation == 2
