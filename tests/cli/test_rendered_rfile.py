"""A lead whose hosts stand in an R (`resource.path`), with pools: as it is rendered, and as Flux takes it."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import tomlkit
from typer.testing import CliRunner, Result

from burstd.cli import app
from burstd.cli.leadtoml import declared
from burstd.config import Config
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch

CONFIG = "pools: [{size: 4, cores: 1}]\nlead: {port: 8050}\n"
BASE = """\
[bootstrap]
curve_cert = "/nowhere/curve.cert"
hosts = [{host = "node0", bind = "tcp://*:8050", connect = "tcp://node0:8050"}, {host = "node[1-2]"}]

[resource]
path = "PATH"
"""


def an_r(hosts: str, ranks: str, cores: int) -> str:
    ids = f"0-{cores - 1}" if cores > 1 else "0"
    lite = [{"rank": ranks, "children": {"core": ids}}]
    execution = {"R_lite": lite, "starttime": 0.0, "expiration": 0.0, "nodelist": [hosts]}
    execution["properties"] = {"first": "0"}
    return json.dumps({"version": 1, "execution": execution})


def render(folder: Path, path: str, *more: str) -> Result:
    (folder / "burstd.yaml").write_text(CONFIG)
    (folder / "broker.toml").write_text(BASE.replace("PATH", path))
    files = ["--config", str(folder / "burstd.yaml"), "--base", str(folder / "broker.toml")]
    return CliRunner().invoke(app, ["render", "lead-toml", *files, *more])


def test_the_hosts_of_an_r_are_declared_with_the_pools(tmp_path: Path) -> None:
    """The file has the R's hosts and the pool's; what became of the path stands on stderr."""
    (tmp_path / "R").write_text(an_r("node[0-2]", "0-2", 2))
    done = render(tmp_path, str(tmp_path / "R"))
    assert done.exit_code == 0
    assert tomllib.loads(done.stdout)["resource"] == {
        "config": [
            {"hosts": "node0", "cores": "0-1", "properties": ["first", "local"]},
            {"hosts": "node[1-2]", "cores": "0-1", "properties": ["local"]},
            {"hosts": "burst-0-[0-3]", "cores": "0", "properties": ["burst-0"]},
        ]
    }
    assert f'-path = "{tmp_path}/R"' in done.stderr
    assert f"burstd: resource.path ({tmp_path}/R) is taken out" in done.stderr


def test_a_relative_path_counts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for Flux's own broker, which does not look beside its broker.toml either."""
    (tmp_path / "R").write_text(an_r("node[0-2]", "0-2", 2))
    monkeypatch.chdir(tmp_path)
    assert render(tmp_path, "R", "--diff").exit_code == 0
    monkeypatch.chdir("/")
    done = render(tmp_path, "R", "--diff")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--base: the R at R, which resource.path names, cannot be read: No such file" in done.stderr


def test_an_r_that_is_none(tmp_path: Path) -> None:
    """A file that is no R is exit code 2 with its path, and nothing is printed."""
    (tmp_path / "R").write_text("{}")
    done = render(tmp_path, str(tmp_path / "R"))
    assert (done.exit_code, done.stdout, done.stderr.count("  --base: ")) == (2, "", 1)
    assert f"the R at {tmp_path}/R, which resource.path names, has no version 1" in done.stderr


class OnHosts(Stage):
    """A lead whose own broker.toml has an R, rendered with a pool or left as it is."""

    keeps: Literal["nothing", "path"] = "nothing"

    def lead_toml(self) -> str:
        """Return the lead's broker.toml: rendered from one that has an R for its hosts."""
        document = tomlkit.parse(super().lead_toml())
        first, *rest = document["bootstrap"]["hosts"]
        document["bootstrap"]["hosts"] = [first, *rest[:-1]]
        resource = {key: value for key, value in document["resource"].items() if key != "config"}
        path = self.curve_cert.parent / "R"
        path.write_text(an_r("flux-sample-[0-3]", "0-3", self.cores))
        document["resource"] = {**resource, "path": str(path)}
        config = Config.model_validate({"pools": [{"size": 4, "cores": self.cores}]})
        after = tomlkit.parse(declared(config, tomlkit.dumps(document)))
        if self.keeps == "path":
            after["resource"]["path"] = str(path)
        return tomlkit.dumps(after)


@pytest.fixture(
    params=[
        pytest.param(("embedded", "nothing"), id="embedded"),
        pytest.param(("real", "nothing"), id="real", marks=pytest.mark.real_flux),
        pytest.param(("real", "path"), id="real-with-both", marks=pytest.mark.real_flux),
    ]
)
def lead(request: pytest.FixtureRequest) -> Iterator[tuple[Watch, int]]:
    """A rendered lead, and how many cores each of its hosts has."""
    flavor, keeps = request.param
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        stage = OnHosts(Path(folder), flavor)
        stage.keeps = keeps
        with stage, Watch(stage.uri) as watch:
            yield watch, stage.cores


@pytest.mark.process
def test_a_lead_starts_from_it_with_all_of_its_cores(lead: tuple[Watch, int]) -> None:
    """Its hosts are as the R had them, the pool's are declared; a path left beside counts for nothing."""
    watch, cores = lead
    view = watch.until(lambda view: len(view.hosts) == 8, "all hosts are declared")
    assert [host.name for host in view.hosts if host.usable] == ["flux-sample-0", "flux-sample-1"]
    assert {host.shape.cores for host in view.hosts} == {cores}
    assert [sorted(host.shape.properties) for host in view.hosts] == [
        ["first", "local"],
        *[["local"]] * 3,
        *[["burst-0"]] * 4,
    ]
