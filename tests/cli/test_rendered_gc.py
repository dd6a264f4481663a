"""`burstd render gc`: a CronJob that needs no right on the lead's cluster, and holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from burstd.cli import app

GKE = {"provider": "gke", "size": 4, "options": {"project": "p"}}
LEAD = {
    "host": "192.0.2.1",
    "port": 30093,
    "minicluster": {"burstd_image": "registry.example.org/burstd:1", "credentials_secret": "secret-name"},
}


@pytest.fixture
def render(tmp_path: Path):
    """Render a configuration, with further arguments."""

    def run(config: dict[str, Any], *words: str) -> Result:
        path = tmp_path / "burstd.yaml"
        path.write_text(yaml.safe_dump({"owner": "tester", "lead": LEAD} | config))
        return CliRunner().invoke(app, ["render", "gc", "--config", str(path), *words])

    return run


def test_it_runs_gc_with_the_configuration(render) -> None:
    """The CronJob runs `burstd gc` by the schedule, one at a time, with the file that the ConfigMap has."""
    done = render({"pools": [GKE]}, "--schedule", "0 * * * *")
    assert (done.exit_code, done.stderr) == (0, "")
    account, config, job = yaml.safe_load_all(done.stdout)
    assert job["spec"]["schedule"] == "0 * * * *"
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert not pod["automountServiceAccountToken"]
    (container,) = pod["containers"]
    assert container["command"] == ["burstd", "gc", "--config", "/etc/burstd/burstd.yaml"]
    assert container["image"] == "registry.example.org/burstd:1"
    written = yaml.safe_load(config["data"]["burstd.yaml"])
    assert written["state_dir"] == "/var/lib/burstd"
    assert written["pools"][0]["options"] == {"project": "p"}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["credentials"]["secret"]["secretName"] == "secret-name"


def test_what_no_pod_can_see_is_left_out(render) -> None:
    """Pools whose sites are on burstd's own machine are left out, and this is said."""
    done = render({"pools": [GKE, {"name": "near", "provider": "local"}]})
    assert done.exit_code == 0
    assert "near: left out" in done.stderr
    assert "near" not in done.stdout


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"pools": [{"provider": "local"}]}, "pools: all are of provider local or kind"),
        ({"pools": [GKE], "lead": {"host": "a", "port": 1}}, "lease.image: missing: burstd's own image"),
    ],
)
def test_what_is_missing_is_told(render, config: dict[str, Any], what: str) -> None:
    """Without an image, or without a pool that can be seen, there is nothing to render."""
    done = render(config)
    assert done.exit_code == 2
    assert what in done.stderr
