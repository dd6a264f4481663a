"""The role of examples/gke/role.yaml gives what whole runs on GKE use: no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from fakes.gke import Delays
from fakes.gke.venue import OPERATOR_YAML, Region, region, wait
from fakes.kube.server import Record

from burstd.core.errors import NotNow
from burstd.plugins.contract import Order
from burstd.plugins.gke import Gke

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "examples/gke/role.yaml"
RIGHTS = ROOT / "deploy/rights.yaml"

OF_CALLS = {
    "CreateCluster": {"container.clusters.create"},
    "CreateNodePool": {"container.clusters.update"},
    "DeleteCluster": {"container.clusters.delete"},
    "DeleteNodePool": {"container.clusters.update"},
    "GetCluster": {"container.clusters.get", "container.clusters.getCredentials"},
    "GetOperation": {"container.operations.get"},
    "ListClusters": {"container.clusters.list", "container.clusters.getCredentials"},
    "ListOperations": {"container.operations.list"},
    "SetLabels": {"container.clusters.update"},
}
"""By Google's table of the permissions that each call of GKE's API requires."""

BY_KUBERNETES = {
    "container.clusterRoles.bind",
    "container.clusterRoles.escalate",
    "container.roles.bind",
    "container.roles.escalate",
}
"""No calls: without them Kubernetes lets nobody give the operator rights that the giver lacks."""

KINDS = {
    one.lower(): one
    for one in (
        "clusterRoleBindings",
        "clusterRoles",
        "configMaps",
        "customResourceDefinitions",
        "roleBindings",
        "serviceAccounts",
    )
} | {"miniclusters": "thirdPartyObjects"}
"""The kinds that IAM writes otherwise than Kubernetes does."""

MORE_OF_THE_OPERATOR = """
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: more, namespace: operator-system}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,
 metadata: {name: more, namespace: operator-system},
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: more}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: operator-system}}
---
{apiVersion: v1, kind: Service, metadata: {name: more, namespace: operator-system},
 spec: {ports: [{port: 8443}]}}
"""
"""What the operator's own manifest has beside the kinds of the shortened one that tests install."""

VERBS = {"POST": ("create",), "PATCH": ("create", "update"), "PUT": ("update",), "DELETE": ("delete",)}
PATH = re.compile(
    r"/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/[^/]+(?=/))?/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?(?P<below>/log)?"
)


def on_any_cluster() -> set[str]:
    """Return what deploy/rights.yaml gives, all of which tests/kube/test_rights.py shows in use."""
    rules = yaml.safe_load(RIGHTS.read_text())["rules"]
    update = {"patch": "update", "watch": "list"}
    return {
        _permission(kind, update.get(verb, verb))
        for rule in rules
        for kind in rule["resources"]
        for verb in rule["verbs"]
    }


def _permission(kind: str, verb: str) -> str:
    return "container.pods.getLogs" if kind == "pods/log" else f"container.{KINDS.get(kind, kind)}.{verb}"


def granted() -> set[str]:
    return set(yaml.safe_load(ROLE.read_text())["includedPermissions"])


def test_the_role_is_what_whole_runs_use() -> None:
    """Clusters of their own, node pools, clusters that are kept, what a crash left: all by this role."""
    used = on_any_cluster()
    for play in (whole, kept, beside, after_a_crash, without_machines):
        with region(operator=True, delays=Delays(unneeded=0.3)) as place:
            play(place)
            used |= {right for call in place.gke.calls for right in OF_CALLS[call.method]}
            used |= {right for api in place.clusters for record in api.requests for right in _rights(record)}

    assert used - granted() == set(), "missing in the role"
    assert granted() - used - BY_KUBERNETES == set(), "more than is used"


def whole(place: Region) -> None:
    """A burst that comes up, grows, shrinks and goes, on a cluster that gets all that the operator brings."""
    manifest = place.directory / "operator.yaml"
    manifest.write_text(OPERATOR_YAML.read_text() + MORE_OF_THE_OPERATOR)
    provider = place.provider(operator=place.options()["operator"] | {"manifest": str(manifest)})
    provider.provision(place.order(1))
    provider.launch(place.order(1))
    until(provider, place.order(1))
    provider.resize(place.order(2))
    until(provider, place.order(2))
    provider.resize(place.order(1))
    until(provider, place.order(1))
    away(provider)


def kept(place: Region) -> None:
    """A cluster that is labelled when its burst is over, and given up."""
    provider = place.provider(keep_cluster_seconds=0.5)
    provider.provision(place.order(1))
    away(provider)
    wait(lambda: provider.observe().sites)
    away(provider)


def beside(place: Region) -> None:
    """A node pool of a cluster that was there."""
    place.gke.make_cluster("mine")
    operator = place.options()["operator"] | {"install": True}
    provider = place.provider(cluster="mine", operator=operator)
    provider.provision(place.order(1))
    away(provider)


def after_a_crash(place: Region) -> None:
    """Another process finds the cluster that is there, goes on with it, and takes it away."""
    first, second = place.provider(), place.provider()
    first.provision(place.order(1))
    second.provision(place.order(1))
    second.launch(place.order(1))
    until(second, place.order(1))
    away(second)


def without_machines(place: Region) -> None:
    """A cluster that cannot be made, and only its operation says so: another process asks for that."""
    place.gke.delays.api, place.gke.delays.create = 0.3, 0.1
    place.gke.faults.fail_making("silent")
    with pytest.raises(NotNow):
        place.provider().provision(place.order(1))
    other = place.provider()
    wait(lambda: any(site.failure for site in other.observe().sites))
    away(other)


def until(provider: Gke, order: Order) -> None:
    """Wait until exactly the order's brokers run."""

    def runs() -> bool:
        return any(site.hosts == order.hosts and not site.pending for site in provider.observe().sites)

    wait(runs, 30)


def away(provider: Gke) -> None:
    """Remove what is there, as often as it takes."""

    def gone() -> bool:
        for site in provider.observe().sites:
            try:
                provider.remove(site)
            except NotNow:
                return False
        return True

    wait(gone, 30)


def _rights(record: Record) -> set[str]:
    """Return the IAM permissions of one request to a cluster, as GKE names them."""
    found = PATH.fullmatch(record.path)
    if found is None:
        return set()
    kind = found["kind"] + (found["below"] or "")
    if record.method == "GET":
        return {_permission(kind, "get" if found["name"] else "list")}
    return {_permission(kind, verb) for verb in VERBS[record.method]}
