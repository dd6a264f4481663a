"""What `burstd doctor` finds of Google Cloud: account, permissions, quota, and what is on a named cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.gke import TokenEndpoint
from fakes.gke.rest import RestApis
from fakes.gke.venue import Region, only, region, wait
from grpc import StatusCode

from burstd.core.findings import Check, Finding, State
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.quota import needs

ENOUGH = {"C2_CPUS": (64.0, 0.0), "INSTANCES": (100.0, 0.0), "IN_USE_ADDRESSES": (100.0, 0.0)}
READS = {"ListClusters", "GetCluster", "ListOperations", "GetOperation"}


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


@pytest.fixture
def apis() -> Iterator[RestApis]:
    with RestApis(dict(ENOUGH)) as made:
        yield made


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def examined(place: Region, apis: RestApis, **options: object) -> dict[str, list[Finding]]:
    """Return the findings by their check; nothing was changed to find them."""
    before = len(place.gke.calls)
    provider = place.provider(**{"insecure_rest_endpoint": apis.endpoint, **options})
    found: dict[str, list[Finding]] = {}
    for one in provider.diagnose(place.pool, place.join):
        found.setdefault(one.check, []).append(one)
    assert {call.method for call in place.gke.calls[before:]} <= READS
    assert all(method == "GET" or path.endswith(":testIamPermissions") for method, path, _ in apis.requests)
    return found


def single(found: dict[str, list[Finding]], check: Check) -> Finding:
    (one,) = found[check]
    return one


def test_a_project_that_is_well(place: Region, apis: RestApis) -> None:
    """A project with its permissions and quota has nothing wrong with it; nothing is made to see that."""
    found = examined(place, apis)
    states = {check: one.state for check, (one,) in found.items()}
    assert states == {
        Check.CREDENTIALS: State.OK,
        Check.PERMISSIONS: State.OK,
        Check.QUOTA: State.OK,
        Check.CLOCK: State.NOT_CHECKED,
        Check.OPERATOR: State.OK,
        Check.SECRETS: State.OK,
    }
    assert "C2_CPUS" in single(found, Check.QUOTA).sentence
    assert place.gke.alive() == ()


def test_a_project_that_cannot_be_used(place: Region, apis: RestApis) -> None:
    """Where GKE refuses the project, permissions and quota were not checked; the papers were."""
    found = examined(place, apis, project="no-such-project")
    credentials = single(found, Check.CREDENTIALS)
    assert (credentials.state, credentials.remedy) == (State.FAILED, "look at the option project")
    assert single(found, Check.PERMISSIONS).state is State.NOT_CHECKED
    assert single(found, Check.QUOTA).state is State.NOT_CHECKED
    assert single(found, Check.OPERATOR).state is State.OK


def test_a_permission_that_gke_itself_misses(place: Region, apis: RestApis) -> None:
    """What GKE says is lacking is told with the role that has it."""
    text = 'Required "container.clusters.list" permission for "projects/test-project".'
    place.gke.faults.add("ListClusters", StatusCode.PERMISSION_DENIED, text=text)
    assert "roles/container.admin" in single(examined(place, apis), Check.CREDENTIALS).sentence


def test_permissions_that_are_missing(place: Region, apis: RestApis) -> None:
    """Permissions that the account lacks are named before a burst needs them."""
    apis.denied = {"container.clusters.delete", "container.clusters.create"}
    found = single(examined(place, apis), Check.PERMISSIONS)
    assert found.state is State.FAILED
    assert "container.clusters.create, container.clusters.delete" in found.sentence


def test_permissions_that_cannot_be_asked_for(place: Region, apis: RestApis) -> None:
    """Where the API for it is off, permissions were not checked, and what to enable is said."""
    apis.refusals["testIamPermissions"] = (403, "Cloud Resource Manager API has not been used in project 1")
    found = single(examined(place, apis), Check.PERMISSIONS)
    assert found.state is State.NOT_CHECKED
    assert "cloudresourcemanager.googleapis.com" in found.remedy


@pytest.mark.parametrize(("usage", "state"), [(60.0, State.WARNING), (64.0, State.FAILED)])
def test_a_quota_that_is_short(place: Region, apis: RestApis, usage: float, state: State) -> None:
    """Less than the whole pool needs is a warning, nothing at all is wrong."""
    apis.quotas["C2_CPUS"] = (64.0, usage)
    found = single(examined(place, apis), Check.QUOTA)
    assert found.state is state
    assert f"{64 - usage:g} of 64 are left, and 16 are needed" in found.sentence


def test_a_quota_that_is_just_enough(place: Region, apis: RestApis) -> None:
    """What is left may be just what the hosts that are not up need."""
    apis.quotas["C2_CPUS"] = (64.0, 48.0)
    found = single(examined(place, apis), Check.QUOTA)
    assert (found.state, "are enough for 4 more hosts" in found.sentence) == (State.OK, True)


def test_a_quota_that_may_not_be_read(place: Region, apis: RestApis) -> None:
    """Without the permission to read quotas they were not checked, and the permission is named."""
    apis.refusals["/regions/"] = (403, "Required 'compute.regions.get' permission")
    found = single(examined(place, apis), Check.QUOTA)
    assert (found.state, "compute.regions.get" in found.remedy) == (State.NOT_CHECKED, True)


def test_a_quota_that_the_region_does_not_tell(place: Region, apis: RestApis) -> None:
    """Where the region tells no quota of these machines, that is no proof that they may be had."""
    del apis.quotas["C2_CPUS"]
    assert single(examined(place, apis), Check.QUOTA).state is State.NOT_CHECKED


def test_rest_apis_that_fail(place: Region, apis: RestApis) -> None:
    """An API that does not answer as it should hides no other check."""
    apis.refusals["/v1/projects/"] = (500, "backend error")
    found = examined(place, apis)
    assert "backend error" in single(found, Check.PERMISSIONS).sentence
    assert single(found, Check.SECRETS).state is State.OK


def test_the_token_goes_with_it(apis: RestApis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's token is shown to the REST APIs too."""
    with TokenEndpoint() as tokens:
        key = tokens.write_key(tmp_path / "key.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        with region(token=tokens.current) as place:
            examined(place, apis)
        assert {token for _, _, token in apis.requests} == {tokens.current()}


def test_a_cluster_that_is_named(apis: RestApis) -> None:
    """On a cluster that is there already its server, rights, clock and operator are looked at."""
    with region() as place:
        place.gke.make_cluster("mine")
        found = examined(place, apis, cluster="mine", operator={"install": False})
        assert [one.state for one in found[Check.CREDENTIALS]] == [State.OK, State.OK]
        assert single(found, Check.CLOCK).state is State.OK
        assert "is not on https://" in single(found, Check.OPERATOR).sentence


def test_a_cluster_that_is_not_there(place: Region, apis: RestApis) -> None:
    """A cluster that is named and is not there is told once."""
    found = examined(place, apis, cluster="mine")
    assert "there is no cluster mine" in single(found, Check.OPERATOR).sentence


@pytest.mark.process
def test_the_logs_of_a_burst(apis: RestApis) -> None:
    """What the brokers of a burst wrote is read from its cluster, and so is their certificate."""
    with region(operator=True) as place:
        provider = place.provider(insecure_rest_endpoint=apis.endpoint)
        order = place.order(1)
        provider.provision(order)
        provider.launch(order)
        wait(lambda: only(provider).hosts)
        site = only(provider)
        wait(lambda: "connecting to" in dict(provider.logs(site)).get("burst-0-0", ""))
        assert provider.certificate(site) == place.join.curve_cert.read_text()
        clocks = [one for one in provider.diagnose(place.pool, place.join) if one.check == Check.CLOCK]
        assert [one.state for one in clocks] == [State.OK]
        provider.remove(site)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"machine_type": "c2-standard-4"}, {"C2_CPUS": 8, "INSTANCES": 2, "IN_USE_ADDRESSES": 2}),
        ({"machine_type": "n1-standard-4", "private_nodes": True}, {"CPUS": 8, "INSTANCES": 2}),
        (
            {"machine_type": "c2-standard-4", "threads_per_core": 1, "private_nodes": True},
            {"C2_CPUS": 8, "INSTANCES": 2},
        ),
        (
            {"machine_type": "n2-standard-4", "spot": True, "private_nodes": True},
            {"PREEMPTIBLE_CPUS": 8, "INSTANCES": 2},
        ),
        (
            {"machine_type": "g2-standard-24", "private_nodes": True},
            {"G2_CPUS": 48, "NVIDIA_L4_GPUS": 4, "INSTANCES": 2},
        ),
        ({"machine_type": "z9-standard-4", "private_nodes": True}, {"INSTANCES": 2}),
    ],
)
def test_what_hosts_count_against(options: dict[str, object], wanted: dict[str, int]) -> None:
    """Hosts count against the quotas of their family, of spot machines, of gpus, of addresses."""
    assert needs(GkeOptions(project="p", **options), 2) == wanted
