"""A burst on a cluster: what is put there, what is seen, and what cannot be."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.operator import Delays, ImageBehaviour
from kube_venue import DIGEST, IMAGE, OPERATOR_YAML, Town, a_kubernetes, town

from burstd.core.errors import Never, NotNow
from burstd.core.model import Site
from burstd.plugins.contract import Provider

FAST = Delays(back_off=0.05, retry=0.05)


@pytest.fixture
def place() -> Iterator[Town]:
    with town(delays=FAST) as made:
        yield made


def seen(provider: Provider, fits: Callable[[Site], object], seconds: float = 15.0) -> Site:
    """Wait until the only site fits, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        sites = provider.observe().sites
        if sites and fits(sites[0]):
            return sites[0]
        assert time.monotonic() < deadline, sites
        time.sleep(0.02)


def other_objects(place: Town) -> str:
    """Return every object of the cluster but its Secrets, as text."""
    everything = [one for resource, one in place.api.store.everything() if resource != "secrets"]
    return json.dumps(everything)


def test_secrets_are_in_the_secret_alone(place: Town) -> None:
    """Certificate and munge key are in the burst's Secret, and in no other object of the cluster."""
    munge = place.directory / "munge.key"
    munge.write_bytes(b"\x00munge-key-of-tests\xff")
    munge.chmod(0o600)
    order = place.order()
    order = replace(order, join=replace(order.join, munge_key=munge))
    provider = a_kubernetes(place)
    provider.provision(order)
    provider.launch(order)
    secret = place.api.store.get("secrets", order.site_name, "burst-secrets")
    assert secret is not None
    held = {key: base64.b64decode(value) for key, value in secret["data"].items()}
    assert held["curve.cert"] == order.join.curve_cert.read_bytes()
    assert held["munge.key"] == munge.read_bytes()
    key = held["curve.cert"].decode().split('secret-key = "')[1].split('"')[0]
    text = other_objects(place)
    assert key not in text
    assert base64.b64encode(munge.read_bytes()).decode() not in text


def test_everything_bears_its_owner(place: Town) -> None:
    """Each object of the burst has the labels by which it is found again."""
    order = place.order()
    provider = a_kubernetes(place)
    provider.launch(order)
    for resource, name in (
        ("secrets", "burst-secrets"),
        ("miniclusters.flux-framework.org", "burst-0"),
        ("jobs.batch", "burst-0-prepull"),
    ):
        found = place.api.store.get(resource, order.site_name, name)
        assert found is not None
        assert found["metadata"]["labels"]["burstd.dev/owner"] == "tester"
        assert found["metadata"]["labels"]["burstd.dev/generation"] == "1"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/namespaces$"),
        ("POST", "/jobs$"),
        ("POST", "/miniclusters$"),
        ("PATCH", "/secrets/burst-secrets"),
    ],
)
def test_a_lost_answer_makes_nothing_twice(place: Town, method: str, path: str) -> None:
    """Where something was made and the answer lost, launching goes on with it."""
    provider, order = a_kubernetes(place), place.order()
    a_kubernetes(place).provision(place.order(generation=9))  # the operator is there
    fault = place.api.faults.add(method=method, path=path, drop="after")
    provider.launch(order)
    assert fault.hits == 1
    assert place.api.store.get("miniclusters.flux-framework.org", order.site_name, "burst-0") is not None


def test_a_foreign_namespace_is_not_touched(place: Town) -> None:
    """A namespace of the burst's name that somebody else made is refused, and stays as it is."""
    order = place.order()
    metadata = {"name": order.site_name}
    place.api.store.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    provider = a_kubernetes(place)
    with pytest.raises(Never, match=r"is somebody else's: .*choose another cluster_name"):
        provider.provision(order)
    provider.remove(Site(order.site_name, "burst-0", 1, ()))
    assert place.api.store.get("namespaces", "", order.site_name) is not None
    assert place.api.store.list("secrets", order.site_name) == []


def test_a_namespace_that_is_going_is_waited_for(place: Town) -> None:
    """While the namespace is being deleted, provisioning fails in a way that passes."""
    order = place.order()
    provider = a_kubernetes(place)
    provider.provision(order)
    secret = place.api.store.get("secrets", order.site_name, "burst-secrets")
    assert secret is not None
    secret["metadata"]["finalizers"] = ["example.org/wait"]
    place.api.store.update("secrets", secret)
    place.api.store.delete("namespaces", "", order.site_name)
    with pytest.raises(NotNow, match="is being deleted"):
        provider.provision(order)


@pytest.mark.parametrize("passed", range(6))
def test_an_operator_half_installed_is_installed_to_its_end(place: Town, passed: int) -> None:
    """Where the installation broke off after some of the manifest's parts, the next try makes the rest."""
    fault = place.api.faults.add(method="PATCH", path="/(?!secrets)[a-z]+/[^/]+$", status=403, after=passed)
    with pytest.raises(Never):
        a_kubernetes(place).provision(place.order())
    assert fault.hits == 1
    a_kubernetes(place).provision(place.order())
    for resource, namespace, name in (
        ("customresourcedefinitions.apiextensions.k8s.io", "", "miniclusters.flux-framework.org"),
        ("serviceaccounts", "operator-system", "operator-controller-manager"),
        ("clusterroles.rbac.authorization.k8s.io", "", "operator-manager-role"),
        ("clusterrolebindings.rbac.authorization.k8s.io", "", "operator-manager-rolebinding"),
        ("deployments.apps", "operator-system", "operator-controller-manager"),
    ):
        assert place.api.store.get(resource, namespace, name) is not None


def test_the_operator_is_installed_only_where_that_is_allowed(place: Town) -> None:
    """On a cluster that burstd did not make, a missing operator is told with both ways out."""
    options = place.options["operator"] | {"install": False}
    with pytest.raises(Never, match=r"the Flux Operator is not on .*operator.install: true"):
        a_kubernetes(place, operator=options).provision(place.order())


def test_the_image_of_the_operator_is_replaced_by_its_digest(place: Town) -> None:
    """What is installed runs the image that was named, not the tag in the manifest."""
    a_kubernetes(place).provision(place.order())
    found = place.api.store.get("deployments.apps", "operator-system", "operator-controller-manager")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == DIGEST


def test_another_version_of_the_operator_is_left_and_told(
    place: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator that is there already stays, and the difference is said."""
    a_kubernetes(place).provision(place.order())
    other = place.options["operator"] | {"image": DIGEST.replace("0" * 64, "1" * 64)}
    a_kubernetes(place, operator=other).provision(place.order(generation=2))
    assert "it is left as it is" in caplog.text
    found = place.api.store.get("deployments.apps", "operator-system", "operator-controller-manager")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == DIGEST


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("a: [", {}, "is not a manifest: it is not YAML"),
        ("a: 1", {}, "is not a manifest: not every part"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}", {}, "does not define the kind MiniCluster"),
        (None, {"image": ""}, "what a tag names can change"),
        (None, {"sha256": "0" * 64}, "it is not applied"),
    ],
)
def test_what_is_no_manifest_is_told(
    place: Town, text: str | None, options: dict[str, Any], what: str
) -> None:
    """A manifest that cannot be meant is one sentence, and nothing of it is applied."""
    file = OPERATOR_YAML
    if text is not None:
        file = place.directory / "operator.yaml"
        file.write_text(text)
    operator = place.options["operator"] | {"manifest": str(file)} | options
    with pytest.raises(Never, match=what):
        a_kubernetes(place, operator=operator).provision(place.order())
    assert place.api.store.get("namespaces", "", "operator-system") is None


def test_a_floating_tag_needs_to_be_allowed(place: Town) -> None:
    """With allow_floating the manifest is applied as it is."""
    operator = place.options["operator"] | {"image": "", "allow_floating": True}
    a_kubernetes(place, operator=operator).provision(place.order())
    found = place.api.store.get("deployments.apps", "operator-system", "operator-controller-manager")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":latest")


def test_a_certificate_that_cannot_be_used_stops_before_anything_is_started(place: Town) -> None:
    """Without the lead's certificate no MiniCluster is made."""
    place.join.curve_cert.chmod(0o644)
    provider = a_kubernetes(place)
    with pytest.raises(Never, match="readable by group/other"):
        provider.launch(place.order())
    assert place.api.store.list("miniclusters.flux-framework.org") == []
    assert any("readable by group/other" in str(one) for one in provider.check(place.pool, place.join))


def test_a_secret_that_is_there_already_is_used(place: Town) -> None:
    """A certificate that a Secret of the cluster holds is copied from there, and no file is read."""
    content = base64.b64encode(place.join.curve_cert.read_bytes()).decode()
    metadata = {"name": "ours", "namespace": "default"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"curve.cert": content}}
    place.api.store.create("secrets", secret)
    join = replace(place.join, curve_cert=Path("/nonexistent"), curve_cert_secret="ours")
    order = replace(place.order(), join=join)
    provider = a_kubernetes(place)
    provider.provision(order)
    made = place.api.store.get("secrets", order.site_name, "burst-secrets")
    assert made is not None
    assert made["data"]["curve.cert"] == content
    with pytest.raises(Never, match=r"no Secret default/theirs has a curve.cert"):
        provider.provision(replace(order, join=replace(join, curve_cert_secret="theirs")))


@pytest.mark.process
def test_an_image_that_does_not_exist_ends_in_the_pods_own_message() -> None:
    """Pods that cannot pull their image make the site's failure, for good, in the kubelet's words."""
    images = {"registry.example.org/other:1": ImageBehaviour()}
    with town(images=images, delays=FAST) as place:
        provider = a_kubernetes(place, prepull=False)
        provider.launch(place.order())
        site = seen(provider, lambda site: site.failure)
        assert site.failure is not None
        assert IMAGE in site.failure.text
        assert site.failure.retry_after is None
        provider.remove(site)
        assert provider.observe().sites == ()


@pytest.mark.process
def test_brokers_of_another_version_are_refused_before_they_join(place: Town) -> None:
    """A pod whose Flux is not the lead's ends with both versions and what to set."""
    order = place.order()
    order = replace(order, join=replace(order.join, version="0.1.2"))
    provider = a_kubernetes(place)
    provider.launch(order)
    site = seen(provider, lambda site: site.failure)
    assert site.failure is not None
    assert "the lead has 0.1.2" in site.failure.text
    assert "flux_image or image" in site.failure.text
    assert site.failure.retry_after is None


def test_hosts_wait_for_machines(place: Town) -> None:
    """Where no machine fits, the site says so with the scheduler's words, and does not fail."""
    metadata = {"name": "small", "labels": {"size": "s"}}
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "1"}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": ready}
    place.api.store.create("nodes", node)
    place.api.store.set_status("nodes", "", "small", ready)
    provider = a_kubernetes(place, node_selector={"size": "xxl"}, prepull=False)
    provider.launch(place.order())
    site = seen(provider, lambda site: "0 of 2 hosts run; 2 wait for a machine (" in site.pending)
    assert site.failure is None


def test_the_address_that_brokers_were_given_is_told(place: Town) -> None:
    """A site says which address of the lead its brokers have."""
    provider = a_kubernetes(place)
    provider.provision(place.order())
    assert provider.observe().sites[0].lead == place.join.lead_uri


def test_a_burst_cannot_grow_beyond_what_it_was_made_for(place: Town) -> None:
    """The operator fixes the most hosts when it first sees the MiniCluster: more is refused, not ignored."""
    provider = a_kubernetes(place)
    provider.launch(place.order(1))
    larger = replace(place.pool, hosts=tuple(f"burst-0-{index}" for index in range(6)), ranks=tuple(range(6)))
    with pytest.raises(Never, match=r"was made for 4 hosts at most and cannot have 6"):
        provider.resize(replace(place.order(6), pool=larger))


def test_a_pool_whose_hosts_are_not_the_pods_is_told(place: Town) -> None:
    """Hosts that the operator would call otherwise are a mistake of the configuration."""
    pool = replace(place.pool, hosts=tuple(f"node{index}" for index in range(4)))
    problems = a_kubernetes(place).check(pool, place.join)
    assert any(one.path == "hosts" and "burst-0-[0-3]" in one.what for one in problems)


def test_a_cluster_that_is_away_is_told(place: Town, caplog: pytest.LogCaptureFixture) -> None:
    """That a cluster cannot be reached now is said with its address, and is nobody's mistake."""
    text = place.kubeconfig.read_text().replace(place.api.url, "http://127.0.0.1:9")
    place.kubeconfig.write_text(text)
    assert a_kubernetes(place, patience_seconds=0.1).check(place.pool, place.join) == ()
    assert "http://127.0.0.1:9 does not answer" in caplog.text


@pytest.mark.parametrize(
    ("operator", "what"),
    [
        ({"manifest": "/nonexistent/operator.yaml"}, "cannot be read: No such file"),
        ({"image": ""}, "what a tag names can change"),
        ({"manifest": "", "image": ""}, "missing: the operator's image by its digest"),
    ],
)
def test_an_operator_that_cannot_be_installed_is_told_beforehand(
    place: Town, operator: dict[str, Any], what: str
) -> None:
    """What is wrong with the operator's manifest is told at start, before anything is made."""
    options = place.options["operator"] | operator
    problems = a_kubernetes(place, operator=options).check(place.pool, place.join)
    assert any(what in one.what for one in problems)


def test_what_a_person_adds_is_put_into_the_namespace(place: Town) -> None:
    """Manifests of files are applied there with the burst's labels, and go with it."""
    file = place.directory / "registry.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: registry, labels: {mine: a}}\ndata: {k: MQ==}\n"
        "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: jobs, namespace: elsewhere}\n"
    )
    file.chmod(0o600)
    order = place.order()
    provider = a_kubernetes(place, manifests=[str(file)])
    assert provider.check(place.pool, place.join) == ()
    provider.provision(order)
    made = place.api.store.get("secrets", order.site_name, "registry")
    assert made is not None
    assert made["data"] == {"k": "MQ=="}
    assert made["metadata"]["labels"]["mine"] == "a"
    assert made["metadata"]["labels"]["burstd.dev/owner"] == "tester"
    assert place.api.store.get("serviceaccounts", order.site_name, "jobs") is not None
    provider.remove(Site(order.site_name, "burst-0", 1, ()))
    assert place.api.store.list("secrets", order.site_name) == []


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        (None, 0o600, "cannot be read"),
        ("a: [", 0o600, "is not YAML"),
        ("a: 1", 0o600, "every part needs"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}", 0o644, "can be read by others"),
    ],
)
def test_a_file_that_cannot_be_added_is_told_with_its_place(
    place: Town, text: str | None, mode: int, what: str
) -> None:
    """What is no manifest, or a Secret that others can read, is a problem at its place in the list."""
    file = place.directory / "extra.yaml"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    (problem,) = a_kubernetes(place, manifests=[str(file)]).check(place.pool, place.join)
    assert problem.path == "options.manifests[0]"
    assert what in problem.what


def test_what_is_of_no_namespace_is_not_added(place: Town) -> None:
    """A kind that would outlive the burst is refused."""
    file = place.directory / "extra.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n")
    with pytest.raises(Never, match="Namespace other is not of a namespace"):
        a_kubernetes(place, manifests=[str(file)]).provision(place.order())


@pytest.mark.parametrize("changed", [{"burstd.dev/pool": None}, {"burstd.dev/generation": "²"}])
def test_a_namespace_with_half_of_the_labels_hides_no_burst(
    place: Town, changed: dict[str, str | None]
) -> None:
    """One that bears the owner's label, but names no burst, is shown as none, and the others still are."""
    provider, order = a_kubernetes(place), place.order(1)
    provider.provision(order)
    marks = dict(place.api.store.get("namespaces", "", order.site_name)["metadata"]["labels"]) | changed
    marks = {key: value for key, value in marks.items() if value is not None}
    place.api.store.create("namespaces", {"metadata": {"name": "odd", "labels": marks}})

    assert [site.name for site in provider.observe().sites] == [order.site_name]
