"""The dead-man's switch with RBAC in force: on the fake API server, and on a real one where there is one.

BURSTD_TEST_KUBECONFIG names a kubeconfig as for test_apiserver_behaviour.py; that server authorizes by RBAC.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.kube import ApiServer
from fakes.kube.calls import Calls, wait_for
from fakes.kube.samples import CRDS

from burstd.config import Flags, load
from burstd.core.errors import Never
from burstd.core.model import Pool, Shape, Site
from burstd.core.silence import Lease, LeaseTerms
from burstd.join.papers import Join, Order
from burstd.kube import cronjob, kubeconfig, labels, minicluster, reaper
from burstd.kube.client import Cluster
from burstd.kube.kinds import MINICLUSTER, NAMESPACE, SECRET, kind_of, path_of
from burstd.kube.leases import Leases
from burstd.kube.options import KubeOptions
from burstd.kube.reaping import Reaper
from burstd.kube.removal import Mine

ROOT = Path(__file__).parents[2]
KUBECONFIG = os.environ.get("BURSTD_TEST_KUBECONFIG", "")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
NAMESPACES = "/api/v1/namespaces"
TERMS = LeaseTerms(900.0, 86_400.0)
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "rights.yaml").read_text())["rules"]


@dataclass
class Server:
    """A server with the kind MiniCluster, seen by its administrator, and how tokens are got there."""

    admin: Calls
    file: Path
    folder: Path
    token: Callable[[str, str], str]

    def as_account(self, namespace: str, name: str) -> Cluster:
        """Return a connection as a ServiceAccount."""
        config = yaml.safe_load(self.file.read_text())
        config["users"][0]["user"] = {"token": self.token(namespace, name)}
        file = self.folder / f"{uuid.uuid4().hex}.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return kubeconfig.connect(str(file), patience_seconds=5.0)

    def burstd(self, rules: list[dict[str, Any]]) -> Cluster:
        """Return a connection of a burstd that has these rights and no other."""
        name = f"burstd-test-{uuid.uuid4().hex[:8]}"
        self.admin.make(f"{NAMESPACES}/default/serviceaccounts", {"metadata": {"name": name}})
        self.admin.make(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        self.admin.make(f"{RBAC}/clusterrolebindings", binding)
        return self.as_account("default", name)


@pytest.fixture(params=["fake", "real"] if KUBECONFIG else ["fake"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    if request.param == "real":
        with closing(Calls(Path(KUBECONFIG))) as admin:
            yield _with_kind(Server(admin, Path(KUBECONFIG), tmp_path, _requested(admin)))
        return
    with ApiServer() as api:
        file = api.write_kubeconfig(tmp_path / "config")
        with closing(Calls(file)) as admin:
            yield _with_kind(Server(admin, file, tmp_path, api.account_token))


def _requested(admin: Calls) -> Callable[[str, str], str]:
    def token(namespace: str, name: str) -> str:
        path = f"{NAMESPACES}/{namespace}/serviceaccounts/{name}/token"
        wait_for(lambda: admin("GET", path.removesuffix("/token"))[0] == 200)
        return str(admin.make(path, {"spec": {"expirationSeconds": 3600}})["status"]["token"])

    return token


def _with_kind(server: Server) -> Server:
    documents = yaml.safe_load_all((ROOT / "tests" / "fakes" / "flux-operator.yaml").read_text())
    (definition,) = (one for one in documents if one["kind"] == "CustomResourceDefinition")
    code, _ = server.admin("POST", CRDS, definition)
    assert code in (201, 409)
    wait_for(lambda: server.admin("GET", "/apis/flux-framework.org/v1alpha2/miniclusters")[0] == 200)
    return server


def an_order(tmp_path: Path) -> Order:
    pool = Pool("burst-0", "kubernetes", ("burst-0-0",), (1,), Shape(1))
    name = f"t{uuid.uuid4().hex[:8]}-burst-0-g1"
    join = Join("127.0.0.1", 8050, (), tmp_path / "curve.cert", image="registry.example.org/flux:1")
    return Order("tester", name, pool, 1, 1, join)


def the_leases(cluster: Cluster) -> Leases:
    return Leases(cluster, "tester", KubeOptions(), Lease(TERMS, "registry.example.org/burstd:1"))


def test_the_switch_works_with_the_rights_that_are_listed(server: Server, tmp_path: Path) -> None:
    """With the rights of deploy/rights.yaml burstd makes and renews a lease, and its reaper ends a burst."""
    order = an_order(tmp_path)
    mine, now = Mine(order.site_name, "tester", "burst-0", 1), [0.0]
    with closing(server.burstd(RULES)) as burstd:
        burstd.create(minicluster.namespace(order))
        leases = the_leases(burstd)
        for _ in range(2):
            leases.make(order)
        burstd.create(_minicluster(order))
        first = leases.told({labels.OWNER: "tester"})[order.site_name]
        leases.renew(Site(order.site_name, "burst-0", 1, ()), busy=True)
        second = leases.told({labels.OWNER: "tester"})[order.site_name]
        assert (first.busy, second.busy) == (False, True)
        assert first.renewed is not None
        assert second.renewed is not None
        assert first.renewed < second.renewed
        with closing(server.as_account(order.site_name, reaper.NAME)) as account:
            watched = Reaper(account, mine, TERMS, lambda: now[0])
            assert not watched.look()
            while now[0] < 86_370:
                now[0] += 30
                assert not watched.look()
            assert burstd.get(MINICLUSTER, "burst-0", order.site_name)
            now[0] += 30
            assert watched.look()
            assert wait_for(lambda: burstd.get(NAMESPACE, order.site_name) is None)


def test_the_reaper_has_no_other_right(server: Server, tmp_path: Path) -> None:
    """It reads no Secret of the burst, and no other namespace."""
    order = an_order(tmp_path)
    with closing(server.burstd(RULES)) as burstd:
        burstd.create(minicluster.namespace(order))
        the_leases(burstd).make(order)
        with closing(server.as_account(order.site_name, reaper.NAME)) as account:
            assert account.get(NAMESPACE, order.site_name)
            for refused in (
                lambda: account.get(SECRET, minicluster.SECRET_NAME, order.site_name),
                lambda: account.get(NAMESPACE, "default"),
                lambda: account.list(MINICLUSTER, order.site_name),
            ):
                with pytest.raises(Never, match=r"lacks the right to (get|list)"):
                    refused()
        server.admin("DELETE", f"{NAMESPACES}/{order.site_name}")


@pytest.mark.parametrize(
    "group", ["coordination.k8s.io", "flux-framework.org", "rbac.authorization.k8s.io", "apps"]
)
def test_a_right_that_is_missing_is_told(server: Server, tmp_path: Path, group: str) -> None:
    """A burstd that lacks a right, or one that it must give, is told which, and makes no burst."""
    order = an_order(tmp_path)
    rules = [rule for rule in RULES if rule["apiGroups"] != [group]]
    with closing(server.burstd(rules)) as burstd:
        burstd.create(minicluster.namespace(order))
        with pytest.raises(Never, match=rf"{group}"):
            the_leases(burstd).make(order)
    server.admin("DELETE", f"{NAMESPACES}/{order.site_name}")


def test_a_server_takes_the_cron_job(server: Server) -> None:
    """What `burstd render gc` prints fits its kinds, field by field, and can be applied again."""
    config = load(ROOT / "deploy" / "gke" / "burstd.yaml", Flags(), None, here=False)
    space = f"t{uuid.uuid4().hex[:8]}"
    server.admin.make(NAMESPACES, {"metadata": {"name": space}})
    for manifest in cronjob.manifests(config, "*/5 * * * *"):
        kind = kind_of(manifest)
        assert kind is not None
        name = manifest["metadata"]["name"]
        placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": space}}
        for code in (201, 200):
            assert server.admin.apply(path_of(kind, space, name), placed, force=True)[0] == code
    server.admin("DELETE", f"{NAMESPACES}/{space}")


def _minicluster(order: Order) -> dict[str, Any]:
    metadata = {"name": "burst-0", "namespace": order.site_name, "labels": labels.of_order(order)}
    spec = {"size": 1, "containers": [{"image": "registry.example.org/flux:1"}]}
    return {
        "apiVersion": MINICLUSTER.api_version,
        "kind": MINICLUSTER.name,
        "metadata": metadata,
        "spec": spec,
    }
