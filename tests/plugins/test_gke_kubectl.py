"""What a person gets to look into a burst's cluster with, and to see beforehand what it will be sent."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
import yaml
from fakes.gke.venue import Region, region

from burstd.core.errors import NotNow
from burstd.core.model import Site
from burstd.plugins.contract import Closes, Reachable, Renders

NAME = "contract-burst-0-g1"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def test_it_has_what_may_be_asked_for(place: Region) -> None:
    """The provider renders beforehand, gives a kubeconfig, and can be closed."""
    provider = place.provider()
    assert isinstance(provider, Renders)
    assert isinstance(provider, Reachable)
    assert isinstance(provider, Closes)


def test_a_kubeconfig_has_no_secret(place: Region) -> None:
    """It names the cluster and its authority, chooses the burst's namespace, and leaves tokens to kubectl."""
    provider = place.provider()
    provider.provision(place.order())
    (site,) = provider.observe().sites
    written = yaml.safe_load(provider.kubeconfig(site))
    api = place.gke.cluster(NAME).api
    cluster, user = written["clusters"][0]["cluster"], written["users"][0]["user"]
    assert cluster["server"] == api.url
    assert base64.b64decode(cluster["certificate-authority-data"]) == api.ca_pem
    assert written["contexts"][0]["context"]["namespace"] == NAME
    assert user["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert list(user) == ["exec"]


def test_a_kubeconfig_on_an_existing_cluster(place: Region) -> None:
    """Where the burst is a node pool, the kubeconfig is that of its cluster."""
    place.gke.make_cluster("mine")
    provider = place.provider(cluster="mine")
    written = yaml.safe_load(provider.kubeconfig(Site(NAME, "burst-0", 1, ())))
    assert written["current-context"] == "mine"


def test_no_kubeconfig_without_a_cluster(place: Region) -> None:
    """Of a burst that is not there, there is nothing to look into."""
    with pytest.raises(NotNow, match="is not there any more"):
        place.provider().kubeconfig(Site(NAME, "burst-0", 1, ()))


@pytest.mark.parametrize(("cluster", "pool"), [("", "burst-0"), ("mine", NAME)])
def test_what_would_be_sent(place: Region, cluster: str, pool: str) -> None:
    """The MiniCluster is shown as the machines shape it, and nothing is asked of anybody."""
    options = {"cluster": cluster} if cluster else {}
    manifests = place.provider(**options).manifests(place.order(2))
    (made,) = [one for one in manifests if one["kind"] == "MiniCluster"]
    assert made["spec"]["pod"]["nodeSelector"] == {"cloud.google.com/gke-nodepool": pool}
    assert made["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "2400m"}
    assert place.gke.calls == []
