"""The image, and what is in deploy/: rendered from the configurations there, whole, and without a secret.

`make deploy-manifests` writes the manifests anew.
"""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from minicluster_schema import faults

from burstd import __version__
from burstd.cli import rendered
from burstd.config import Flags, load
from burstd.kube.kinds import kind_of
from burstd.kube.leadside import lead_manifests

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = ("Namespace", "ServiceAccount", "Service")
"""The kinds that all overlays share."""

every_overlay = pytest.mark.parametrize("overlay", ["sidecar", "gke"])


@every_overlay
def test_manifests_are_what_is_rendered(overlay: str) -> None:
    """Each manifest of an overlay and of the base is what `burstd render lead` prints for its burstd.yaml."""
    for manifest in _rendered(overlay):
        path = _place(overlay, manifest)
        text = rendered.as_yaml([manifest])
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        assert path.read_text() == text, f"{path}: make deploy-manifests"


@every_overlay
def test_a_kustomization_has_all_that_is_rendered(overlay: str) -> None:
    """Base and overlay together name each rendered manifest once, only files that are there, and no other."""
    files = _resources(DEPLOY / overlay)
    assert sorted(files) == sorted(_place(overlay, manifest) for manifest in _rendered(overlay))


@pytest.mark.process
@every_overlay
def test_kustomize_builds_it(overlay: str) -> None:
    """Where there is a kubectl, its kustomize gives the same objects."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl")
    done = subprocess.run(
        [kubectl, "kustomize", str(DEPLOY / overlay)], capture_output=True, text=True, timeout=60, check=True
    )
    built = list(yaml.safe_load_all(done.stdout))
    wanted = _rendered(overlay)
    assert len(built) == len(wanted)
    assert all(manifest in built for manifest in wanted)


@every_overlay
def test_manifests_fit_their_kinds(overlay: str) -> None:
    """Every object is of a kind that is known, and the MiniCluster has only fields that its kind has."""
    manifests = _rendered(overlay)
    assert all(kind_of(manifest) for manifest in manifests)
    (cluster,) = (manifest for manifest in manifests if manifest["kind"] == "MiniCluster")
    assert faults(cluster) == []


@every_overlay
def test_credentials_are_mounted_for_burstd_alone(overlay: str) -> None:
    """The Secret stands in the last container only, and no container's environment holds one."""
    (cluster,) = (manifest for manifest in _rendered(overlay) if manifest["kind"] == "MiniCluster")
    *others, sidecar = cluster["spec"]["containers"]
    assert sidecar["name"] == "burstd"
    assert sidecar["volumes"]["burstd-credentials"]["readOnly"]
    assert not any("volumes" in other for other in others)
    assert not any("secrets" in container for container in (*others, sidecar))


@every_overlay
def test_the_lead_is_not_open_to_everybody(overlay: str) -> None:
    """The load balancer lets in only the addresses that the configuration names."""
    (service,) = (manifest for manifest in _rendered(overlay) if manifest["kind"] == "Service")
    ranges = service["spec"]["loadBalancerSourceRanges"]
    assert ranges
    assert "0.0.0.0/0" not in ranges


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*/burstd.yaml")), ids=lambda path: path.parent.name)
def test_configurations_have_no_mistakes(path: Path) -> None:
    """Each configuration can be used as it stands, on the machine for which it is."""
    assert load(path, Flags(), None, here=False).pools


def test_no_secret_is_in_deploy() -> None:
    """Nothing in deploy/ is a Secret, a key or a certificate."""
    text = "\n".join(path.read_text() for path in DEPLOY.rglob("*") if path.is_file())
    assert not re.search(r"kind: Secret|PRIVATE KEY|secret-key|private_key", text)


def test_the_unit_is_the_brokers_user() -> None:
    """Burstd beside a system instance runs as its owner, restarts, but not with a wrong configuration."""
    service = _unit(DEPLOY / "beside" / "burstd.service")["Service"]
    assert service["User"] == "flux"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["ExecStart"].endswith("burstd --config /etc/burstd/burstd.yaml")


def test_drop_ins_change_what_the_unit_has() -> None:
    """What the drop-in for the provider local takes back is what the unit sets."""
    service = _unit(DEPLOY / "beside" / "burstd.service")["Service"]
    local = _unit(DEPLOY / "beside" / "local.conf")["Service"]
    assert set(local) - {"KillMode"} <= set(service)


@pytest.mark.process
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """Where there is a systemd, it finds no fault with the unit and its drop-ins but missing programs."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze")
    drop_ins = tmp_path / "burstd.service.d"
    drop_ins.mkdir()
    shutil.copy(DEPLOY / "beside" / "burstd.service", tmp_path)
    for name in ("credentials.conf", "local.conf"):
        shutil.copy(DEPLOY / "beside" / name, drop_ins)
    command = [analyze, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "burstd.service")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    assert [line for line in told.splitlines() if "is not executable" not in line] == []


def test_the_image_is_made_in_two_stages() -> None:
    """Both stages begin with the Flux image whose version is an argument; only the environment goes over."""
    lines = _dockerfile(ROOT / "Dockerfile")
    assert lines.count(("FROM", "${FLUX_IMAGE} AS built")) == 1
    assert lines.count(("FROM", "${FLUX_IMAGE}")) == 1
    arguments = dict(text.split("=", 1) for word, text in lines if word == "ARG")
    assert "${FLUX_VERSION}" in arguments["FLUX_IMAGE"]
    last = [text for word, text in _last_stage(lines) if word in ("COPY", "ADD")]
    assert last == ["--from=built /opt/burstd /opt/burstd"]


def test_the_image_stands_by() -> None:
    """The entrypoint is burstd, and what it does by default never ends by itself."""
    stage = dict(_last_stage(_dockerfile(ROOT / "Dockerfile")))
    assert stage["ENTRYPOINT"] == '["burstd"]'
    assert stage["CMD"] == '["--stand-by", "--config", "/etc/burstd/burstd.yaml"]'


def test_only_what_is_built_is_sent_to_docker() -> None:
    """No credentials, tests or history are in the build's context, and all that the wheel needs is."""
    unwanted = (
        "application_default_credentials.json",
        ".git/config",
        "tests/conftest.py",
        "burstd/a.json",
        "burstd/curve.cert",
        "a.kubeconfig",
        "docs/limits.md",
        "examples/gke/burstd.yaml",
    )
    wanted = (
        "burstd/__init__.py",
        "burstd/core/model.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "requirements.lock",
        "requirements.run.lock",
    )
    assert [path for path in unwanted if _is_sent(path)] == []
    assert [path for path in wanted if not _is_sent(path)] == []


@pytest.mark.process
def test_make_image_prints_the_tag() -> None:
    """`make image` names the image after burstd's version and Flux's."""
    command = ["make", "--no-print-directory", "-C", str(ROOT), "image", "DOCKER=true", "FLUX_VERSION=0.88.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == f"burstd:{__version__}-flux0.88.0"


def _rendered(overlay: str) -> list[dict[str, Any]]:
    config = load(DEPLOY / overlay / "burstd.yaml", Flags(), None, here=False)
    return lead_manifests(rendered.shaped(config))


def _place(overlay: str, manifest: dict[str, Any]) -> Path:
    folder = "base" if manifest["kind"] in BASE else overlay
    return DEPLOY / folder / f"{manifest['kind'].lower()}.yaml"


def _resources(folder: Path) -> list[Path]:
    """Return the files that a kustomization names, with those of the ones that it names."""
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    paths = [(folder / name).resolve() for name in named]
    assert [path for path in paths if not path.exists()] == []
    below = [file for path in paths if path.is_dir() for file in _resources(path)]
    return [*below, *(path for path in paths if path.is_file())]


def _unit(path: Path) -> configparser.ConfigParser:
    """Read a unit; of a key that stands in it more than once the last counts, which is enough here."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    return unit


def _dockerfile(path: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each as its word and what follows."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def _last_stage(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    begins = [index for index, (word, _) in enumerate(lines) if word == "FROM"]
    return lines[begins[-1] :]


def _is_sent(path: str) -> bool:
    """Say whether Docker's rules (.dockerignore: the last line that matches counts) send a file."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        prefixes = [path, *map(str, Path(path).parents)]
        if any(_matches(prefix, pattern) for prefix in prefixes):
            sent = line.startswith("!")
    return sent


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(Path(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern) and path != "."
