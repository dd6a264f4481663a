"""Flags over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from burstd.config import Flags, load
from burstd.core.errors import ConfigError

FILE = """
cluster_name: from-file
lead: {host: file.example.org, port: 1111, size: 2}
pools:
  - {name: cpu, provider: cloud, options: {zone: a, disk: 10}}
  - {name: gpu, provider: cloud}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text(FILE)
    return path


def refusals(path: Path | None, flags: Flags, installed: tuple[str, ...] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, flags, installed)
    return [str(problem) for problem in caught.value.problems]


def test_the_command_line_of_the_bursting_experiment(tmp_path: Path) -> None:
    """The flags of the experiment's script fill the places that the file has for them."""
    key = tmp_path / "munge.key"
    key.touch(mode=0o600)
    flags = Flags(
        project="myproject",
        cluster_name="flux-external-cluster",
        flux_operator_yaml="/etc/operator.yaml",
        lead_host="34.28.41.20",
        lead_port=30093,
        lead_size=4,
        munge_key=key,
        munge_secret_name="munge",
        curve_cert_secret_name="curve",
        name="burst-0",
        zone="us-central1-a",
        machine_type="n2-standard-8",
    )
    config = load(None, flags, ("gke", "local"))
    lead, (pool,) = config.lead, config.pools
    assert (lead.host, lead.port, lead.size, lead.munge_key) == ("34.28.41.20", 30093, 4, key)
    assert (lead.munge_key_secret_name, lead.curve_cert_secret_name) == ("munge", "curve")
    assert (config.prefix, pool.name, pool.provider) == ("flux-external-cluster", "burst-0", "gke")
    assert pool.options == {
        "project": "myproject",
        "zone": "us-central1-a",
        "machine_type": "n2-standard-8",
        "flux_operator_yaml": "/etc/operator.yaml",
    }


def test_flags_override_the_file(file: Path) -> None:
    """A flag counts more than the file; what no flag says stays."""
    flags = Flags(cluster_name="mine", lead_port=2222, name="cpu", zone="b")
    config = load(file, flags)
    assert (config.prefix, config.lead.host, config.lead.port) == ("mine", "file.example.org", 2222)
    assert [pool.options for pool in config.pools] == [{"zone": "b", "disk": 10}, {}]


def test_a_project_leaves_the_files_provider(file: Path) -> None:
    """--project makes a pool's provider gke only where the file names none."""
    assert load(file, Flags(project="p", name="gpu")).pools[1].provider == "cloud"


def test_the_only_pool_takes_the_name(tmp_path: Path) -> None:
    """With one pool in the file, --name is its name."""
    path = tmp_path / "burstd.yaml"
    path.write_text("pools: [{size: 3}]")
    (pool,) = load(path, Flags(name="other")).pools
    assert (pool.name, pool.size) == ("other", 3)


def test_a_flag_for_no_pool_in_particular(file: Path) -> None:
    """With several pools, a pool's flag without --name is refused, and so is a name that is none."""
    assert refusals(file, Flags(zone="a", project="p")) == [
        "--project and --zone: the file has several pools, so it is not clear which one is meant "
        "(add --name with one of cpu, gpu)"
    ]
    assert refusals(file, Flags(name="tpu")) == [
        "--name: no pool is called 'tpu' (the file's pools are cpu, gpu)"
    ]


def test_a_mistake_in_a_flag_names_the_flag() -> None:
    """A value that a flag set is traced to the flag."""
    assert refusals(None, Flags(lead_port=0, name="Burst")) == [
        "lead.port: must be at least 1, not 0 (set by --lead-port)",
        "pools[0].name: 'Burst' must be lower-case letters, digits and dashes, beginning with a letter "
        "(set by --name; 'burst' would do)",
    ]


def test_a_cloud_without_its_plugin() -> None:
    """--project alone needs a provider that is not there, and an address where the lead is reached."""
    assert refusals(None, Flags(project="p"), ("local",)) == [
        "lead.host: missing: the address at which hosts of provider gke reach the lead "
        "(set it, or give --lead-host)",
        "lead.port: missing: the port at which hosts of provider gke reach the lead "
        "(set it, or give --lead-port)",
        "pools[0].provider: no provider 'gke' is installed "
        "(set by --project; installed: local; install the package that brings it, or name another)",
    ]


@pytest.mark.parametrize("text", ["pools: 3", "pools: [3]", "lead: 3"])
def test_flags_over_a_malformed_file(tmp_path: Path, text: str) -> None:
    """Flags do not hide that the file has not the form it should have."""
    path = tmp_path / "burstd.yaml"
    path.write_text(text)
    assert any("mapping" in text or "list" in text for text in refusals(path, Flags(lead_port=1, zone="a")))


def test_flags_of_two_places_are_merged() -> None:
    """Flags after a command's name count more than those before it."""
    assert Flags(name="a").over(Flags(name="b", zone="z")) == Flags(name="a", zone="z")
