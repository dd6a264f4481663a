"""`burstd orphans` and `burstd gc`, with neither a lead nor a ledger: what they find, remove and leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.gke.venue import Region, region, wait
from typer.testing import CliRunner, Result

from burstd.cli import app

LONG_AGO = "2026-01-02T03:04:05.000000Z"
SITE = "contract-burst-0-g1"


@pytest.fixture
def place() -> Iterator[Region]:
    with region() as made:
        yield made


def burstd(place: Region, *words: str, lease: dict[str, Any] | None = None, **options: Any) -> Result:
    """Run a command where the lead's files are not there, nor the lead."""
    config = place.directory / "burstd.yaml"
    settings = {
        "owner": "tester",
        "cluster_name": "contract",
        "state_dir": str(place.directory / "gc-state"),
        "lead": {"host": "192.0.2.1", "port": 30093, "curve_cert": "/nonexistent/curve.cert"},
        "lease": lease or {},
        "pools": [
            {
                "name": "burst-0",
                "provider": "gke",
                "size": 4,
                "cost_per_hour": 0.5,
                "cluster_cost_per_hour": 0.25,
                "options": place.options(**options),
            }
        ],
    }
    config.write_text(yaml.safe_dump(settings))
    return CliRunner().invoke(app, [words[0], "--config", str(config), *words[1:]])


def silence(place: Region, name: str, namespace: str = "", *, busy: bool = False) -> None:
    """Let a burst's last renewal be long ago."""
    store = place.gke.cluster(name).api.store
    lease = store.get("leases.coordination.k8s.io", namespace or name, "burstd")
    assert lease is not None
    lease["spec"]["renewTime"] = LONG_AGO
    lease["metadata"]["annotations"]["burstd.dev/busy"] = "true" if busy else "false"
    store.update("leases.coordination.k8s.io", lease)


def bring_up(place: Region, generation: int = 1, **how: Any) -> None:
    place.provider(**how).provision(place.order(generation=generation, owner=how.get("owner", "tester")))
    wait(lambda: not place.gke.cluster(f"contract-burst-0-g{generation}").operation)


def test_where_nothing_is_left_gc_says_nothing(place: Region) -> None:
    """With nothing to do gc prints nothing and ends well; orphans says so in a sentence."""
    done = burstd(place, "gc")
    assert (done.exit_code, done.output) == (0, "")
    done = burstd(place, "orphans")
    assert (done.exit_code, done.output) == (0, "There is no orphan of tester.\n")


def test_a_burst_that_lives_is_no_orphan(place: Region) -> None:
    """What was renewed lately is neither listed nor removed."""
    bring_up(place)
    assert burstd(place, "orphans").output == "There is no orphan of tester.\n"
    assert burstd(place, "gc").output == ""
    assert place.gke.cluster(SITE)


def test_an_orphan_is_listed_and_removed(place: Region) -> None:
    """A burst whose burstd is silent is told with all that matters, and gc removes it and no other."""
    bring_up(place)
    bring_up(place, generation=2)
    silence(place, SITE)
    done = burstd(place, "orphans")
    head, row = done.output.splitlines()
    assert head.split("  ")[0] == "SITE"
    assert row.startswith(f"{SITE}  burst-0  tester  ")
    assert "lease renewed" in row
    assert row.endswith("gke, no hosts run, about 0.25 dollars an hour")
    done = burstd(place, "gc")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{SITE} (pool burst-0, owner tester) is removed, and verified gone.\n"
    assert {path.split("/")[1] for path in place.gke.alive()} == {"contract-burst-0-g2"}
    assert burstd(place, "gc").output == ""


def test_a_dry_run_changes_nothing(place: Region) -> None:
    """With --dry-run the same is told, and nothing removed."""
    bring_up(place)
    silence(place, SITE)
    done = burstd(place, "gc", "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{SITE} would be removed: lease renewed ")
    assert place.gke.called("DeleteCluster") == []
    assert not (place.directory / "gc-state").exists()


def test_a_burst_with_jobs_has_its_own_time(place: Region) -> None:
    """A lease that said that jobs run keeps the burst for `with_jobs_seconds`."""
    bring_up(place)
    silence(place, SITE, busy=True)
    assert burstd(place, "gc", lease={"with_jobs_seconds": 1e9}).output == ""
    assert "verified gone" in burstd(place, "gc").output


def test_a_cluster_that_is_kept_is_removed_after_its_time(place: Region) -> None:
    """What a burstd kept for its next burst goes when its time is over and nobody took it away."""
    options = {"keep_cluster_seconds": 1.0}
    provider = place.provider(**options)
    provider.provision(place.order())
    wait(lambda: not place.gke.cluster(SITE).operation)
    provider.remove(provider.observe().sites[0])
    assert burstd(place, "gc", **options).output == ""
    lease = {"idle_seconds": 0.001}
    wait(lambda: "verified gone" in burstd(place, "gc", lease=lease, **options).output)
    assert place.gke.alive() == ()


def test_nothing_is_kept_of_an_orphan(place: Region) -> None:
    """Where clusters are kept for the next burst, one whose burstd is gone is removed all the same."""
    options = {"keep_cluster_seconds": 3600.0}
    bring_up(place, **options)
    silence(place, SITE)
    assert "verified gone" in burstd(place, "gc", **options).output
    assert place.gke.alive() == ()


def test_another_owner_is_left_unless_named(place: Region) -> None:
    """The configured owner's sites are looked at, another's with --owner, all with --all-owners."""
    bring_up(place, owner="stranger")
    silence(place, SITE)
    assert burstd(place, "gc").output == ""
    assert SITE in burstd(place, "orphans", "--all-owners").output
    assert "owner stranger" in burstd(place, "gc", "--owner", "stranger").output
    assert place.gke.alive() == ()


def test_what_cannot_be_seen_is_told(place: Region) -> None:
    """Where a cluster does not answer, gc says so, removes nothing there, and ends with exit code 1."""
    bring_up(place)
    silence(place, SITE)
    place.gke.cluster(SITE).api.faults.add(path="/", status=500, times=None)
    done = burstd(place, "gc")
    assert done.exit_code == 1
    assert "not all sites of tester can be seen now" in done.stderr
    assert place.gke.cluster(SITE)


def test_what_cannot_be_removed_is_told(place: Region) -> None:
    """An orphan that the cloud refuses to delete is left, with the cloud's words, and exit code 1."""
    bring_up(place)
    silence(place, SITE)
    (place.directory / "gc-state" / "tester").mkdir(parents=True)
    (place.directory / "gc-state" / "tester" / "gc.db").mkdir()
    done = burstd(place, "gc")
    assert done.exit_code == 1
    assert "the ledger" in done.stderr
    assert place.gke.called("DeleteCluster") == []


def test_node_pools_are_found_without_a_lease(place: Region) -> None:
    """A node pool whose namespace is gone, as after its reaper ended the burst, is old by its number."""
    place.gke.make_cluster("mine")
    operator = place.options()["operator"] | {"install": True}
    provider = place.provider(cluster="mine", operator=operator)
    provider.provision(place.order())
    place.gke.cluster("mine").api.store.delete("namespaces", "", SITE)
    wait(lambda: place.gke.cluster("mine").api.store.get("namespaces", "", SITE) is None)
    done = burstd(place, "gc", cluster="mine", operator=operator)
    assert done.stdout == f"{SITE} (pool burst-0, owner tester) is removed, and verified gone.\n"
    assert place.gke.cluster("mine").pool(SITE) is None


def test_the_local_provider_needs_no_lead_either(tmp_path: Path) -> None:
    """What a machine that was restarted left of a burst is found by its files, and removed."""
    burst = tmp_path / "tester" / "burst-0-g1"
    (burst / "etc").mkdir(parents=True)
    (burst / "watch").mkdir()
    terms = {"idle_seconds": 900, "with_jobs_seconds": 86400}
    told = {"renewed": 1000.0, "busy": False, "terms": terms, "stop_seconds": 1.0}
    (burst / "watch" / "lease.json").write_text(json.dumps(told))
    config = tmp_path / "burstd.yaml"
    config.write_text(yaml.safe_dump({"owner": "tester", "state_dir": str(tmp_path)}))
    done = CliRunner().invoke(app, ["gc", "--config", str(config)])
    assert done.output == "tester-burst-0-g1 (pool burst-0, owner tester) is removed, and verified gone.\n"
    assert not burst.exists()
