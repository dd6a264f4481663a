"""What is in examples/: configurations that can be used, manifests that fit, files that say what is so."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from minicluster_schema import faults

from burstd.cli import rendered
from burstd.config import Config, Flags, load
from burstd.core.errors import Never
from burstd.kube import kubeconfig, operator
from burstd.plugins.registry import installed, providers
from burstd.stage.lead import Stage

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGES = sorted([*EXAMPLES.glob("*/README.md"), ROOT / "docs/faq.md", ROOT / "deploy/README.md"])
CONFIGURATIONS = sorted(EXAMPLES.glob("*/burstd.yaml"))
DIRECTORIES = ("eks", "gateway", "gke", "kind", "restful")

every_configuration = pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)


def test_every_example_is_tried() -> None:
    """No directory of examples is without a configuration and a page."""
    assert tuple(path.parent.name for path in CONFIGURATIONS) == DIRECTORIES
    assert all((EXAMPLES / name / "README.md").is_file() for name in DIRECTORIES)


@every_configuration
def test_configurations_can_be_used(path: Path) -> None:
    """Each configuration is understood, its providers' options too."""
    assert providers(_config(path))


@every_configuration
@pytest.mark.parametrize("gateway", [False, True])
def test_leads_fit_their_kind(path: Path, gateway: bool) -> None:
    """The MiniCluster of each example's lead has only fields that the kind has, also with a gateway."""
    _check(rendered.lead(_config(path), gateway=gateway))


@every_configuration
def test_bursts_fit_their_kind(path: Path) -> None:
    """So has that of each example's burst."""
    _check(rendered.burst(_config(path), rendered.Wanted("burst-0")))


def test_the_gateway_leads_to_rank_0() -> None:
    """With a gateway the way in leads to nginx, and nginx to the pod of rank 0."""
    manifests = list(
        yaml.safe_load_all(rendered.lead(_config(EXAMPLES / "gateway/burstd.yaml"), gateway=True))
    )
    named = {(one["kind"], one["metadata"]["name"]): one for one in manifests}
    pods = named["Deployment", "flux-gateway"]["spec"]["template"]["metadata"]["labels"]
    assert named["Service", "flux-lead"]["spec"]["selector"] == pods
    inner = named["Service", "flux-gateway-target"]
    assert inner["spec"]["selector"]["batch.kubernetes.io/job-completion-index"] == "0"
    conf = named["ConfigMap", "flux-gateway"]["data"]["nginx.conf"]
    assert f"proxy_pass flux-gateway-target.{inner['metadata']['namespace']}.svc.cluster.local:8050;" in conf


def test_the_rest_interface_is_in_the_burst() -> None:
    """The further container of the pool stands behind the broker, with its own entrypoint and no secret."""
    text = rendered.burst(_config(EXAMPLES / "restful/burstd.yaml"), rendered.Wanted("burst-0"))
    (burst,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "MiniCluster")
    broker, restful = burst["spec"]["containers"]
    assert broker["runFlux"]
    assert restful["noWrapEntrypoint"]
    assert set(restful["environment"]) == {"FLUX_URI", "FLUX_NUMBER_NODES"}


def test_a_kubeconfig_says_what_its_program_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the AWS CLI the example's kubeconfig ends in a sentence with the program and what helps."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        Never, match=r"from the program 'aws', which is not installed here: build the image layer"
    ):
        kubeconfig.connect(str(EXAMPLES / "eks/kubeconfig.yaml"), "burst")


def test_a_kubeconfig_has_no_secret() -> None:
    """The example's kubeconfig has no token, no key and no password."""
    (user,) = yaml.safe_load((EXAMPLES / "eks/kubeconfig.yaml").read_text())["users"]
    assert set(user["user"]) == {"exec"}


def test_the_role_has_what_is_called() -> None:
    """The role for Google has a right for each call that burstd makes on GKE, and each right once."""
    role = yaml.safe_load((EXAMPLES / "gke/role.yaml").read_text())
    granted = role["includedPermissions"]
    source = (ROOT / "burstd/plugins/gke/cloud.py").read_text()
    called = set(re.findall(r'self\._(?:call|start)\(\s*"(\w+)"', source))
    assert called == set(NEEDS)
    assert {right for call in called for right in NEEDS[call]} <= set(granted)
    assert len(granted) == len(set(granted))


NEEDS = {
    "create_cluster": ("container.clusters.create",),
    "create_node_pool": ("container.clusters.update",),
    "delete_cluster": ("container.clusters.delete",),
    "delete_node_pool": ("container.clusters.update",),
    "get_cluster": ("container.clusters.get", "container.clusters.getCredentials"),
    "get_operation": ("container.operations.get",),
    "list_clusters": ("container.clusters.list", "container.clusters.getCredentials"),
    "list_operations": ("container.operations.list",),
    "set_labels": ("container.clusters.update",),
}
"""By Google's table of the permissions that GKE's API requires."""

_IAM = {"list": "list", "watch": "list", "patch": "update"}


def test_the_role_has_what_is_made_on_clusters() -> None:
    """What burstd may do on a cluster that is there already it may do on those of Google's that it made."""
    granted = yaml.safe_load((EXAMPLES / "gke/role.yaml").read_text())["includedPermissions"]
    rules = yaml.safe_load((ROOT / "deploy/rights.yaml").read_text())["rules"]
    wanted = {_permission(kind, verb) for one in rules for kind in one["resources"] for verb in one["verbs"]}
    assert wanted <= set(granted)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_operator_is_the_one_that_burstd_knows(page: Path) -> None:
    """Where a page has somebody install the Flux Operator, it is by the manifest that burstd knows."""
    urls = re.findall(r"https://raw\S*flux-operator\S*\.yaml", page.read_text())
    assert set(urls) <= {operator.URL}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_firewalls_are_opened_to_somebody(page: Path) -> None:
    """No firewall rule on a page opens a port to everybody."""
    text = page.read_text().replace("\\\n", " ")
    rules = re.findall(r"^gcloud compute firewall-rules create.*$", text, re.MULTILINE)
    assert [rule for rule in rules if "--source-ranges" not in rule or "0.0.0.0/0" in rule] == []


@pytest.mark.process
@pytest.mark.parametrize("flavor", ["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def test_the_rest_interface_waits_for_the_broker(flavor: Any, tmp_path: Path) -> None:
    """In the first pod `serve` starts the server at the broker's socket; in another one it stays idle."""
    server = tmp_path / "uvicorn"
    server.write_text('#!/bin/sh\necho "$@" > "$RESTFUL_SOURCE/begun"\n')
    server.chmod(0o755)
    with (
        tempfile.TemporaryDirectory(prefix="rest-") as folder,  # a short path, for the broker's socket in it
        Stage(Path(folder), flavor) as stage,
    ):
        uri = stage.uri.replace("embedded://", "local://")
        socket = Path(uri.removeprefix("local://"))
        assert socket.is_socket()
        first = _serve(tmp_path, {"FLUX_URI": uri, "JOB_COMPLETION_INDEX": "0"})
        assert first.wait(20) == 0
        assert (tmp_path / "begun").read_text() == "app.main:app --host 127.0.0.1 --port 5000\n"
        (tmp_path / "begun").unlink()
        other = _serve(tmp_path, {"FLUX_URI": uri, "JOB_COMPLETION_INDEX": "1"})
        _until(lambda: Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().strip())
        other.terminate()
        assert other.wait(20) == 0
        assert not (tmp_path / "begun").exists()


def _config(path: Path) -> Config:
    return load(path, Flags(), installed(), here=False)


def _check(text: str) -> None:
    manifests = list(yaml.safe_load_all(text))
    clusters = [one for one in manifests if one["kind"] == "MiniCluster"]
    assert clusters
    assert [fault for one in clusters for fault in faults(one)] == []


def _permission(kind: str, verb: str) -> str:
    """Return the IAM permission of a right in Kubernetes, as GKE names them."""
    if kind == "pods/log":
        return "container.pods.getLogs"
    names = {
        "miniclusters": "thirdPartyObjects",
        "customresourcedefinitions": "customResourceDefinitions",
        "serviceaccounts": "serviceAccounts",
        "rolebindings": "roleBindings",
    }
    return f"container.{names.get(kind, kind)}.{_IAM.get(verb, verb)}"


def _serve(directory: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    path = f"{directory}{os.pathsep}{os.environ['PATH']}"
    known = {"PATH": path, "RESTFUL_SOURCE": str(directory)}
    return subprocess.Popen(["/bin/sh", str(EXAMPLES / "restful/serve")], env=known | environment)


def _until(so: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.02)
