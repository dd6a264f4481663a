"""The rights that deploy/rights.yaml gives are those that burstd uses on a burst's cluster, and no more."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from fakes.kube.server import Record
from fakes.operator import Delays, ImageBehaviour, install
from kube_venue import IMAGE, Town, a_kubernetes, town

from burstd.core.model import Site
from burstd.kube import rights as rights_of
from burstd.plugins.contract import Provider

ROOT = Path(__file__).parents[2]
RIGHTS = ROOT / "deploy" / "rights.yaml"
PAGE = ROOT / "docs" / "kubernetes.md"

CRASH, WORDS = "registry.example.org/crash:1", "there is no such file"
EXTRA = {"name": "extra", "image": CRASH, "noWrapEntrypoint": True}

Right = tuple[str, str, str]
"""API group, resource, verb."""

CREATED_BY_APPLYING = {("", "secrets", "create"), ("coordination.k8s.io", "leases", "create")}
"""A patch that applies what is not there yet needs this right beside its own."""

GIVEN = {("coordination.k8s.io", "leases", "get")}
"""What the reaper may do and burstd does not: nobody can give a right that they do not have."""

pytestmark = pytest.mark.process

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/[^/]+(?=/))?/(?P<kind>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?P<below>/log)?"
)


def test_what_burstd_calls_is_what_the_role_allows() -> None:
    """Bursts that grow, shrink, crash, lack machines and go away use every right of the role, no other."""
    images = {IMAGE: ImageBehaviour(), CRASH: ImageBehaviour(output=WORDS, exit_code=1)}
    with town(images, Delays(back_off=0.05, retry=0.05)) as place:
        install(place.api.store)
        bind(place)
        play(place)
        used = rights(place.api.requests)
    assert used | CREATED_BY_APPLYING | GIVEN == allowed()


def test_the_page_lists_the_rights() -> None:
    """The table on the page about Kubernetes has each rule of the role, and what it is for."""
    rows = re.findall(r"^\| `([^`]+)` \| ([a-z, ]+) \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    rules = yaml.safe_load(RIGHTS.read_text())["rules"]
    written = [(rule["resources"][0], ", ".join(rule["verbs"])) for rule in rules]
    assert [row for row in rows if row in written] == written


def test_the_rights_that_are_examined() -> None:
    """What `burstd doctor` asks for are the rights of the role."""
    examined = {(one.group, one.resource, one.verb) for one in (*rights_of.USED, *rights_of.DISPENSABLE)}
    assert examined | GIVEN == allowed()


def allowed() -> set[Right]:
    rules = yaml.safe_load(RIGHTS.read_text())["rules"]
    return {
        (group, kind, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for kind in rule["resources"]
        for verb in rule["verbs"]
    }


def bind(place: Town) -> None:
    """Let burstd be a ServiceAccount with this role and no other right."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "burstd"}
    subject = {"kind": "ServiceAccount", "name": "burstd", "namespace": "default"}
    place.api.store.create("clusterroles.rbac.authorization.k8s.io", yaml.safe_load(RIGHTS.read_text()))
    binding = {"metadata": {"name": "burstd"}, "roleRef": role, "subjects": [subject]}
    place.api.store.create("clusterrolebindings.rbac.authorization.k8s.io", binding)
    place.api.write_kubeconfig(place.kubeconfig, token=place.api.account_token("default", "burstd"))


def play(place: Town) -> None:
    """Play a burst that grows, shrinks and outlives its burstd, one that crashes, one without a machine."""
    certificate = base64.b64encode(place.join.curve_cert.read_bytes()).decode()
    place.api.store.create(
        "secrets", {"metadata": {"name": "kept", "namespace": "default"}, "data": {"curve.cert": certificate}}
    )
    order = place.order(1)
    order = replace(order, join=replace(order.join, curve_cert_secret="kept"))
    provider = a_kubernetes(place)
    provider.provision(order)
    provider.launch(order)
    until(provider, lambda site: site.hosts and not site.pending)
    assert provider.owners() == ("tester",)
    provider.renew(provider.observe().sites[0], busy=True)
    provider.resize(replace(order, size=2))
    provider.launch(replace(order, size=2))
    until(provider, lambda site: len(site.hosts) == 2)
    provider.resize(order)
    until(provider, lambda site: len(site.hosts) == 1)
    after_a_crash = a_kubernetes(place)
    after_a_crash.launch(order)
    after_a_crash.remove(until(after_a_crash, lambda site: site.hosts))
    crashing = a_kubernetes(place, containers=[EXTRA])
    crashing.launch(place.order(1, generation=2))
    crashing.remove(until(crashing, lambda site: site.failure and WORDS in site.failure.text))
    waiting = a_kubernetes(place, node_selector={"size": "xxl"}, prepull=False)
    a_node(place)
    waiting.launch(place.order(1, generation=3))
    waiting.remove(until(waiting, lambda site: "wait for a machine" in site.pending))


def a_node(place: Town) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "1"}}
    place.api.store.create("nodes", {"metadata": {"name": "small"}, "spec": {}})
    place.api.store.set_status("nodes", "", "small", ready)


def until(provider: Provider, fits: Callable[[Site], object]) -> Site:
    """Wait until the only site fits, and return it."""
    deadline = time.monotonic() + 30
    while True:
        sites = provider.observe().sites
        if sites and fits(sites[0]):
            return sites[0]
        assert time.monotonic() < deadline, sites
        time.sleep(0.02)


def rights(requests: Iterable[Record]) -> set[Right]:
    """Return the rights that requests need (Kubernetes' verbs of authorization)."""
    return {right for request in requests if (right := needed(request)) is not None}


def needed(request: Record) -> Right | None:
    found = _PATH.fullmatch(request.path)
    if found is None:
        return None
    kind = found["kind"] + ("/log" if found["below"] else "")
    verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}.get(request.method)
    if verb is None:
        listed = "watch" if request.query.get("watch") else "list"
        verb = "get" if found["name"] else listed
    return (found["group"] or "", kind, verb)
