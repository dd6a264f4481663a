"""Whether GKE can be used: projects, zones, permissions, credentials. Nothing is made to find out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.gke import FakeGke, TokenEndpoint
from fakes.gke.tokens import EARLY_SECONDS
from fakes.gke.venue import Region, region
from grpc import StatusCode

from burstd.core.errors import Never, NotNow, Problem
from burstd.core.model import Shape
from burstd.plugins.gke import Gke
from burstd.plugins.gke.troubles import Unusable

NAMED = "GOOGLE_APPLICATION_CREDENTIALS"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine's own credentials, and its metadata server, are nobody's business here."""
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


def problem(place: Region, provider: Gke) -> Problem:
    """Return the only problem that there is."""
    (only,) = provider.check(place.pool, place.join)
    assert place.gke.alive() == ()
    return only


def test_nothing_wrong(place: Region) -> None:
    """A project, a zone and an account that fit have no problem, and nothing is made to find that out."""
    assert place.provider().check(place.pool, place.join) == ()
    assert place.gke.alive() == ()


def test_a_wrong_project(place: Region) -> None:
    """A project that the credentials do not see is named."""
    found = problem(place, place.provider(project="no-such-project"))
    assert found.path == "options.project"
    assert "these credentials find no project no-such-project" in found.what


def test_a_permission_that_is_missing(place: Region) -> None:
    """What the account may not do is named, also where only the details of the refusal tell it."""
    place.gke.faults.add(
        "ListClusters",
        StatusCode.PERMISSION_DENIED,
        text="Permission denied.",
        reason="IAM_PERMISSION_DENIED",
        permission="container.clusters.list",
    )
    found = problem(place, place.provider())
    assert "the credentials lack the permission container.clusters.list in project test-project" in found.what
    assert "roles/container.admin" in found.what


def test_an_unknown_zone(place: Region) -> None:
    """A zone that there is not is named."""
    found = problem(place, place.provider(zone="us-nowhere1-a"))
    assert (found.path, "there is no zone us-nowhere1-a" in found.what) == ("options.zone", True)


def test_an_api_that_is_not_enabled(place: Region) -> None:
    """Where the API is off, the command that turns it on is said."""
    place.gke.service.enabled = False
    found = problem(place, place.provider())
    assert found.path == "options.project"
    assert "`gcloud services enable container.googleapis.com --project test-project`" in found.what


def test_a_missing_permission(place: Region) -> None:
    """Where the account may not, the role that it needs is said."""
    text = 'Required "container.clusters.list" permission for "projects/test-project".'
    place.gke.faults.add("ListClusters", StatusCode.PERMISSION_DENIED, text=text)
    found = problem(place, place.provider())
    assert found.path == "options"
    assert "roles/container.admin" in found.what


def test_an_absent_cluster(place: Region) -> None:
    """A cluster that is named as the target must be there."""
    found = problem(place, place.provider(cluster="mine"))
    assert (found.path, found.what) == ("options.cluster", "there is no cluster mine in us-central1-a")


def test_a_silent_gke_is_no_mistake(place: Region, caplog: pytest.LogCaptureFixture) -> None:
    """That GKE cannot be reached now is logged, and keeps nobody from starting: it passes."""
    place.gke.hang_up()
    with caplog.at_level(logging.WARNING):
        assert place.provider().check(place.pool, place.join) == ()
    assert "whether GKE can be used was not seen" in caplog.text


@pytest.mark.parametrize(("shape", "path"), [(Shape(4), "cores"), (Shape(2, 1), "gpus")])
def test_a_contradicting_shape(place: Region, shape: Shape, path: str) -> None:
    """A pool whose cores or gpus are not the machine type's is refused."""
    (found,) = place.provider().check(replace(place.pool, shape=shape), place.join)
    assert found.path == path
    assert "a c2-standard-4 has" in found.what


def test_an_unknown_machine_takes_the_pools_word(place: Region) -> None:
    """Of a machine type that burstd does not know, the pool's own shape holds."""
    provider = place.provider(machine_type="z9-standard-4")
    assert provider.check(replace(place.pool, shape=Shape(17)), place.join) == ()


def test_an_unreadable_certificate(place: Region) -> None:
    """Without the lead's certificate nothing can join, unless a Secret has it already."""
    join = replace(place.join, curve_cert=place.directory / "absent.cert")
    (found,) = place.provider().check(place.pool, join)
    assert "absent.cert" in found.what
    assert place.provider().check(place.pool, replace(join, curve_cert_secret="lead-secrets")) == ()


def test_an_unreadable_munge_key(place: Region) -> None:
    """A munge key that is named must be there."""
    (found,) = place.provider().check(place.pool, replace(place.join, munge_key=place.directory / "no.key"))
    assert "no.key cannot be read: No such file" in found.what


def test_no_credentials(place: Region) -> None:
    """Without any credentials, how to get some is said."""
    found = problem(place, place.provider(insecure_endpoint=""))
    assert found.path == "options"
    assert "there are no usable credentials for Google Cloud" in found.what
    assert "gcloud auth application-default login" in found.what


def test_credentials_that_are_none(place: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of credentials that is none is said, with its name."""
    file = place.directory / "key.json"
    file.write_text("{}")
    monkeypatch.setenv(NAMED, str(file))
    assert "key.json" in problem(place, place.provider()).what


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenEndpoint]:
    """An account's key that is named, and the endpoint that gives its tokens."""
    with TokenEndpoint() as endpoint:
        monkeypatch.setenv(NAMED, str(endpoint.write_key(tmp_path / "key.json")))
        yield endpoint


@pytest.fixture
def guarded(tokens: TokenEndpoint) -> Iterator[Region]:
    """A GKE that lets in nobody without the latest token."""
    with region(token=tokens.current) as made:
        yield made


def provisioned(place: Region, provider: Gke) -> None:
    """Make a cluster, by GKE and on the cluster itself, with the account's tokens."""
    order = place.order()
    provider.provision(order)
    store = place.gke.cluster(order.site_name).api.store
    assert store.get("namespaces", "", order.site_name) is not None


def test_one_token_for_everything(guarded: Region, tokens: TokenEndpoint) -> None:
    """The account's token opens GKE and the clusters, and is asked for once."""
    provisioned(guarded, guarded.provider())
    assert len(tokens.given) == 1


def test_a_token_is_renewed_before_it_ends(guarded: Region, tokens: TokenEndpoint) -> None:
    """A token that is about to end is replaced, and work goes on with the new one."""
    tokens.lifetime_seconds = EARLY_SECONDS + 1
    provider = guarded.provider()
    provisioned(guarded, provider)
    given, deadline = len(tokens.given), time.monotonic() + 10
    while len(tokens.given) == given:
        assert provider.observe().complete
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert provider.observe().complete


def test_an_account_that_is_gone(guarded: Region, tokens: TokenEndpoint) -> None:
    """An account that gets no token any more is said, with what to do."""
    tokens.refuses = True
    assert "the credentials for Google Cloud are not accepted" in problem(guarded, guarded.provider()).what


def test_replaced_credentials_are_taken_up(guarded: Region, tokens: TokenEndpoint) -> None:
    """Once credentials were refused they are read anew, so that a new key is enough."""
    provider = guarded.provider()
    tokens.refuses = True
    with pytest.raises(Unusable):
        provider.observe()
    tokens.refuses = False
    assert provider.observe().complete


def test_a_silent_token_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That no token can be had now may pass."""
    with TokenEndpoint() as endpoint:
        monkeypatch.setenv(NAMED, str(endpoint.write_key(tmp_path / "key.json")))
    with region() as place, pytest.raises(NotNow, match="no token for Google Cloud can be had now"):
        place.provider().observe()


def test_a_foreign_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that GKE does not accept are said as such."""
    with TokenEndpoint() as endpoint, FakeGke(token="another") as gke:
        monkeypatch.setenv(NAMED, str(endpoint.write_key(tmp_path / "key.json")))
        with region() as place, pytest.raises(Never, match="credentials for Google Cloud are not accepted"):
            place.provider(insecure_endpoint=gke.endpoint).observe()
