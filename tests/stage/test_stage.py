"""The stage: a lead comes up, bursts join it, and nothing is left behind."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from burstd.core.errors import ConfigError, LeadError
from burstd.core.hosts import parse_idset
from burstd.core.model import Pool, Shape
from burstd.lead.jobspec import command_jobspec, submit
from burstd.plugins.contract import Order, Setting
from burstd.plugins.local import make
from burstd.stage import machine
from burstd.stage.flavor import choose
from burstd.stage.lead import Stage

FLAVORS = [
    pytest.param("embedded", marks=pytest.mark.process),
    pytest.param("real", marks=[pytest.mark.process, pytest.mark.real_flux]),
]


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short path, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        yield Path(folder).resolve()


def naming(directory: Path) -> list[str]:
    """Return the command lines of all processes that name the directory."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        lines += [line.replace(b"\0", b" ").decode()] if str(directory).encode() in line else []
    return lines


def ranks(stage: Stage, key: str) -> set[int]:
    """Return the ranks that the lead's resource.status has under a key."""
    with closing(stage.handle()) as handle:
        return set(parse_idset(str(handle.rpc("resource.status", {}, 0)[key])))


def drains(stage: Stage) -> dict[str, str]:
    """Return the drain reasons by ranks."""
    with closing(stage.handle()) as handle:
        status = handle.rpc("resource.status", {}, 0)
    return {idset: entry["reason"] for idset, entry in status["drain"].items()}


def eventually(holds, seconds: float = 20.0) -> None:
    """Wait until something holds, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_stage_leaves_nothing(flavor: str, directory: Path) -> None:
    """Two hosts are online when it has started; when it has stopped there is no process and no file."""
    with Stage(directory, flavor) as stage:
        assert ranks(stage, "online") == {0, 1}
        assert drains(stage) == {}
        stage.start_host("burst-0-0")
        stage.wait_online(["burst-0-0"])
        assert naming(directory)
    assert naming(directory) == []
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("flavor", FLAVORS)
def test_hosts_come_and_go(flavor: str, directory: Path) -> None:
    """A host that is stopped or killed goes offline at the lead, and can be started again."""
    with Stage(directory, flavor) as stage:
        stage.start_hosts(stage.pool_hosts[:2])
        stage.wait_online(stage.pool_hosts[:2])
        stage.stop_host("burst-0-1")
        stage.kill_host("burst-0-0")
        eventually(lambda: ranks(stage, "online") == {0, 1})
        stage.start_host("burst-0-0")
        stage.wait_online(["burst-0-0"])


@pytest.mark.parametrize("flavor", FLAVORS)
def test_the_lead_dies_and_comes_back(flavor: str, directory: Path) -> None:
    """A killed lead answers nobody; after a restart it does again, at the same URI."""
    with Stage(directory, flavor) as stage:
        stage.kill_lead()
        with pytest.raises(LeadError):
            ranks(stage, "online")
        stage.restart_lead()
        assert ranks(stage, "online") == {0, 1}


@pytest.mark.process
@pytest.mark.real_flux
def test_jobs_survive_a_restart_with_a_statedir(directory: Path) -> None:
    """With a statedir a job that waited before the lead was restarted waits after it."""
    with Stage(directory, "real", statedir=True) as stage:
        with closing(stage.handle()) as handle:
            job = submit(handle, command_jobspec(["true"], 4))
        stage.restart_lead()
        with closing(stage.handle()) as handle:
            found = handle.rpc("job-list.list-id", {"id": job, "attrs": ["state"]}, 0)["job"]
    assert found["state"] == 8


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_wrong_shape_is_noticed(flavor: str, directory: Path) -> None:
    """A host that has fewer cores than declared drains itself and says what is missing."""
    with Stage(directory, flavor, pool_cores=machine.cores() + 2) as stage:
        stage.start_host("burst-0-0")
        stage.wait_online(["burst-0-0"])
        eventually(lambda: "missing resources: core" in drains(stage).get("4", ""))


@pytest.mark.parametrize("uts", ["auto", "never"])
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_local_burst_joins_undrained(flavor: str, uts: str, directory: Path) -> None:
    """What the local provider launches is online at the lead with its full shape, until it is removed."""
    with Stage(directory, flavor, uts=uts) as stage:
        shape = Shape(stage.cores, properties=frozenset({"burst"}))
        pool = Pool("burst-0", "local", stage.pool_hosts, (4, 5, 6, 7), shape)
        provider = make(Setting("tester", "stage", directory / "state", {"flux": flavor, "uts": uts}))
        order = Order("tester", "stage-burst-0-g1", pool, 1, 2, stage.join)
        try:
            provider.launch(order)
            stage.wait_online(order.hosts)
            assert drains(stage) == {}
        finally:
            for site in provider.observe().sites:
                provider.remove(site)
        eventually(lambda: ranks(stage, "online") == {0, 1})


@pytest.mark.process
@pytest.mark.real_flux
def test_real_tasks_run_under_their_host_names(directory: Path) -> None:
    """Where host names can be given, `hostname` in a task says what the lead calls the host."""
    with Stage(directory, "real") as stage:
        if not stage.names_are_real:
            pytest.skip("this process may not make UTS namespaces")
        stage.start_host("burst-0-0")
        stage.wait_online(["burst-0-0"])
        command = ["flux", "run", "-N3", "hostname"]
        done = subprocess.run(
            command, env=stage.environment(), capture_output=True, text=True, check=True, timeout=60
        )
    assert sorted(done.stdout.split()) == ["burst-0-0", "flux-sample-0", "flux-sample-1"]


@pytest.mark.process
@pytest.mark.real_flux
def test_the_real_scheduler_is_the_one_asked_for(directory: Path) -> None:
    """`fifo` loads sched-simple even where Fluxion is installed."""
    with Stage(directory, "real") as stage, closing(stage.handle()) as handle:
        modules = handle.rpc("module.list", {"service": "sched"}, 0)["mods"]
    assert [one["name"] for one in modules if "sched" in one["services"]] == ["sched-simple"]


@pytest.mark.process
@pytest.mark.real_flux
@pytest.mark.skipif(not machine.has_fluxion(), reason="this Flux has no Fluxion")
def test_fluxion_runs_with_easy(directory: Path) -> None:
    """`easy` loads Fluxion with that queue policy."""
    with Stage(directory, "real", sched="easy") as stage, closing(stage.handle()) as handle:
        modules = handle.rpc("module.list", {"service": "sched"}, 0)["mods"]
        config = handle.rpc("config.get", {}, 0)
    assert "sched-fluxion-qmanager" in [one["name"] for one in modules if "sched" in one["services"]]
    assert config["sched-fluxion-qmanager"]["queue-policy"] == "easy"


@pytest.mark.process
@pytest.mark.real_flux
def test_a_real_lead_cannot_have_cores_that_are_not_there(directory: Path) -> None:
    """More cores than the machine has is refused before anything starts."""
    with pytest.raises(ConfigError, match="a real lead would drain its own hosts"):
        Stage(directory, "real", cores=machine.cores() + 1)


def test_the_flavor_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a flux on PATH, `auto` is the embedded instance and says so, and `real` is refused."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert (choose("auto").name, choose("auto").why) == ("embedded", "no flux is on PATH")
    with pytest.raises(ConfigError, match="no flux is on PATH"):
        choose("real")


def test_a_flavor_that_was_asked_for_needs_no_reason() -> None:
    """`embedded` is had wherever it is asked for."""
    assert choose("embedded").name == "embedded"


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_job_that_hides_ends_with_its_host(flavor: str, directory: Path) -> None:
    """What a job put into a session of its own is ended when the burst it ran on is removed."""
    with Stage(directory, flavor) as stage, closing(stage.handle()) as handle:
        provider = make(Setting("tester", "stage", directory / "state", {"flux": flavor}))
        pool = Pool("burst-0", "local", stage.pool_hosts, (4, 5, 6, 7), Shape(stage.cores))
        provider.launch(Order("tester", "stage-burst-0-g1", pool, 1, 1, stage.join))
        stage.wait_online(["burst-0-0"])
        hidden = directory / "hidden"
        script = f"setsid sh -c 'echo $$ > {hidden}; exec sleep 300' & exec sleep 300"
        submit(handle, command_jobspec(["sh", "-c", script], 1, requires={"hostlist": ["burst-0-0"]}))
        eventually(lambda: hidden.exists() and hidden.read_text().endswith("\n"))
        pidfd = os.pidfd_open(int(hidden.read_text()))
        try:
            for site in provider.observe().sites:
                provider.remove(site)
            assert select.select([pidfd], [], [], 10)[0]
        finally:
            os.close(pidfd)
