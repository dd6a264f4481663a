"""`burstd kubeconfig POOL`: a file of its own with which kubectl looks into a burst's cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fakes.gke.venue import ZONE, Region, region
from typer.testing import CliRunner, Result

from burstd.cli import app

NAME = "contract-burst-0-g1"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def burstd(place: Region, *words: str, pool: str = "burst-0") -> Result:
    """Run the command on a person's own machine: the lead's files are not there."""
    config = place.directory / "burstd.yaml"
    settings = {
        "owner": "tester",
        "cluster_name": "contract",
        "lead": {"host": "192.0.2.1", "port": 30093, "curve_cert": "/nonexistent/curve.cert"},
        "pools": [
            {"name": "burst-0", "provider": "gke", "size": 4, "options": place.options()},
            {"name": "near", "provider": "local", "size": 1},
        ],
    }
    config.write_text(yaml.safe_dump(settings))
    return CliRunner().invoke(app, ["kubeconfig", pool, "--config", str(config), *words])


def test_the_file_is_for_the_pools_burst(place: Region, tmp_path: Path) -> None:
    """It is new, its owner alone may read it, and its context is the burst's cluster and namespace."""
    place.provider().provision(place.order())
    file = tmp_path / "burst.kubeconfig"
    file.write_text("what was there before")
    file.chmod(0o644)
    done = burstd(place, "--output", str(file))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{file} is for {NAME}: KUBECONFIG={file} kubectl get pods\n"
    assert file.stat().st_mode & 0o777 == 0o600
    (context,) = yaml.safe_load(file.read_text())["contexts"]
    assert (context["context"]["cluster"], context["context"]["namespace"]) == (NAME, NAME)


def test_the_file_is_named_after_the_site(place: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name for it, the file lies in the working directory and is called as the burst's site."""
    monkeypatch.chdir(place.directory)
    place.provider().provision(place.order())
    assert burstd(place).exit_code == 0
    assert Path(f"{NAME}.kubeconfig").is_file()


def test_without_a_burst_there_is_no_file(place: Region, tmp_path: Path) -> None:
    """A pool that has no burst now is told in one sentence, and nothing is written."""
    file = tmp_path / "burst.kubeconfig"
    done = burstd(place, "--output", str(file))
    assert done.exit_code == 1
    assert done.stderr == "burstd: pool burst-0 has no burst now, so there is no cluster to look into\n"
    assert not file.exists()


@pytest.mark.parametrize(
    ("pool", "sentence"),
    [
        ("near", "POOL: the sites of pool near are no Kubernetes clusters"),
        ("far", "POOL: no pool is called 'far' (there are burst-0, near)"),
    ],
)
def test_other_pools_have_none(place: Region, pool: str, sentence: str) -> None:
    """A pool of another kind, or of no such name, is a mistake of the command line."""
    done = burstd(place, pool=pool)
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_a_list_with_gaps_proves_nothing(place: Region) -> None:
    """While GKE does not list the zone, nobody is told that there is no burst."""
    place.gke.service.missing_zones.add(ZONE)
    done = burstd(place)
    assert done.exit_code == 1
    assert "whether pool burst-0 has a burst cannot be seen now" in done.stderr
