"""From a waiting job to a cluster that is gone again: all is real but Google's and Kubernetes' machinery."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.chain import IMAGE, Chain, chain
from fakes.gke.settings import Delays
from fakes.operator import ImageBehaviour
from google.cloud import container_v1

from burstd.core.model import JobState
from burstd.stage import machine

State = container_v1.Cluster.Status
FLAVORS = ["embedded", pytest.param("real", marks=pytest.mark.real_flux)]


def until_nothing_is_paid(made: Chain, seconds: float = 30.0) -> None:
    """Wait until burstd has verified that nothing is left, and see that this is so."""
    made.daemon.said("is gone, verified", seconds)
    assert made.gke.alive() == ()
    assert made.gke.machines == ()


def until_called(made: Chain, method: str, seconds: float = 20.0) -> None:
    """Wait until burstd has asked GKE for something."""
    deadline = time.monotonic() + seconds
    while not made.gke.called(method):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def bursts(made: Chain) -> list[str]:
    """Return the names of the bursts that the daemon spoke of, in that order: their numbers tell the time."""
    return list(dict.fromkeys(re.findall(r"burst-0-g\d+", "\n".join(made.daemon.lines))))


def texts(directory: Path) -> str:
    """Return the contents of every file below a directory."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode(errors="replace") for path in files)


@pytest.mark.process
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_job_runs_on_a_cluster_that_was_made_for_it(flavor) -> None:
    """A job of four hosts makes a cluster, runs on its brokers, and leaves nothing that costs."""
    with chain(flavor) as made:
        made.begin()
        job = made.watch.submit(["hostname"], 4)
        assert made.watch.until_ended(job, 60) == (4, 5, 6, 7)
        assert len(made.gke.called("CreateCluster")) == 1
        until_nothing_is_paid(made)
        secret = made.stage.curve_cert.read_text().split('secret-key = "')[1].split('"')[0]
        assert secret not in "\n".join(made.daemon.lines)
        assert secret not in texts(made.directory / "state")


@pytest.mark.process
def test_a_burstd_that_was_killed_finds_its_cluster_again() -> None:
    """After kill -9 and the loss of its ledger, the next burstd takes the cluster over and removes it."""
    with chain("embedded", idle_seconds=3.0) as made:
        made.begin()
        job = made.watch.submit(["hostname"], 3)
        made.watch.until_ended(job, 60)
        made.daemon.kill()
        for file in (made.directory / "state" / "chain").glob("ledger.db*"):
            file.unlink()
        made.daemon.lines.clear()
        made.begin()
        made.daemon.said("it is taken over with 3 hosts", 20)
        until_nothing_is_paid(made)
        assert len(made.gke.called("CreateCluster")) == 1


@pytest.mark.process
def test_a_stop_while_a_cluster_is_made_costs_neither_time_nor_the_cluster() -> None:
    """SIGTERM waits for no cluster; the next burstd goes on with the one that is being made."""
    with chain("embedded", delays=Delays(create=4.0, api=4.0)) as made:
        made.begin()
        job = made.watch.submit(["hostname"], 4)
        until_called(made, "CreateCluster")
        made.daemon.stop()
        made.daemon.kill()  # it is gone; this closes what it wrote to
        assert made.gke.alive() != ()
        stopped = "\n".join(made.daemon.lines)
        assert "failed" not in stopped
        made.daemon.lines.clear()
        made.begin()
        made.watch.until_ended(job, 60)
        assert len(made.gke.called("CreateCluster")) == 1
        until_nothing_is_paid(made)


@pytest.mark.process
@pytest.mark.parametrize("how", ["on_exit", "down"])
def test_what_is_kept_for_the_next_burst_goes_with_the_rest(how) -> None:
    """Neither an end that takes everything down nor `burstd down` leaves a kept cluster to be paid."""
    settings = {"on_exit": "down"} if how == "on_exit" else {}
    options = {"keep_cluster_seconds": 3600.0}
    with chain("embedded", options=options, settings=settings, cost_per_hour=1.0) as made:
        made.begin()
        made.watch.until_ended(made.watch.submit(["hostname"], 3), 60)
        made.daemon.said("is gone, verified", 30)
        assert made.gke.alive() != ()
        if how == "down":
            program, rest = made.daemon.command[:3], made.daemon.command[3:]
            again = [*program, "down", "--all", "--wait", *rest]
            subprocess.run(again, env=made.daemon.environment, check=True, capture_output=True, timeout=60)
        else:
            made.daemon.stop()
        assert made.gke.alive() == ()
        report = [*made.daemon.command[:3], "cost", "--format", "json", *made.daemon.command[3:]]
        told = subprocess.run(
            report, env=made.daemon.environment, check=True, capture_output=True, timeout=60
        )
        (row,) = json.loads(told.stdout)["rows"]
        assert row["host_hours"] > 0.0


@pytest.mark.process
def test_a_stockout_is_told_to_the_job_and_leaves_nothing() -> None:
    """A cluster that Google cannot make ends in its reason, is removed, and the pool rests."""
    with chain("embedded") as made:
        made.gke.faults.fail_making("stockout")
        made.begin()
        made.watch.submit(["hostname"], 4)
        made.daemon.said("has no n2-standard-2 left (a stockout", 30)
        made.daemon.said("no-room", 30)
        until_nothing_is_paid(made)


@pytest.mark.process
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed meanwhile"])
def test_a_burst_that_is_taken_down_while_its_cluster_is_made(killed: bool) -> None:
    """An order to go down ends the wait for GKE at once; the cluster goes when it can, also after a kill."""
    with chain("embedded", delays=Delays(api=6.0, create=7.0)) as made:
        made.begin()
        made.watch.submit(["hostname"], 4)
        until(made.gke.alive)
        command = [*made.daemon.command[:3], "down", "--all", *made.daemon.command[3:]]
        environment = made.daemon.environment
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30)
        made.daemon.said("removing its site", 5)
        assert State(made.gke.service.cluster(chained(made)).shown.status) is State.PROVISIONING
        if killed:
            made.daemon.kill()
            made.daemon.lines.clear()
            made.begin()
        until_nothing_is_paid(made)
        assert len(made.gke.called("CreateCluster")) == 1
        assert len(made.gke.called("DeleteCluster")) > 1


def chained(made: Chain) -> str:
    """Return the name of the only cluster."""
    return made.gke.alive()[0].removeprefix("clusters/").partition("/")[0]


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.process
def test_a_machine_that_google_takes_back() -> None:
    """The host is drained and its job told before the machine goes; it is undrained once it is back."""
    with chain("embedded", options={"spot": True}, idle_seconds=20.0, probe=False) as made:
        made.begin()
        job = made.watch.submit(["sleep", "60"], 3)
        made.watch.until(
            lambda view: any(one.id == job and one.state is JobState.RUN for one in view.jobs), "it runs", 30
        )
        cluster = made.gke.cluster(chained(made))
        store, (api,) = cluster.api.store, made.clusters
        assert api is cluster.api
        pods = store.list("pods", chained(made), {"burstd.dev/part": "broker"})
        (home,) = [one["spec"]["nodeName"] for one in pods if one["spec"]["hostname"] == "burst-0-1"]
        reclaimed = "reclaimed: The cloud takes back the machine of burst-0-1"
        cluster.machines.take_back(home, 2.0)
        made.watch.until(lambda view: reclaimed in view.jobs[0].told, "the job is told", 10)
        made.daemon.said("draining ranks 5", 10)
        assert home in made.gke.machines
        made.daemon.said("undraining ranks 5", 30)
        assert home not in made.gke.machines


@pytest.mark.process
def test_an_image_that_does_not_exist_is_told_and_leaves_nothing() -> None:
    """Pods that cannot pull their image end the burst in the kubelet's words, and the cluster goes."""
    with chain("embedded", images={"registry.example.org/other:1": ImageBehaviour()}) as made:
        made.begin()
        made.watch.submit(["hostname"], 4)
        made.daemon.said("pool-failed", 30)
        assert "ImagePullBackOff" in made.daemon.said(IMAGE, 1)
        until_nothing_is_paid(made)


@pytest.mark.process
def test_a_lead_that_cannot_be_reached_is_told_and_leaves_nothing() -> None:
    """Brokers that never join end the burst with the address they were given, and the cluster goes."""
    port = machine.free_port()
    with chain("embedded", lead={"port": port}, join_seconds=1.0) as made:
        made.begin()
        made.watch.submit(["hostname"], 4)
        line = made.daemon.said(" joined the lead within 1 s", 30)
        assert f"no broker of {bursts(made)[0]} joined" in line
        assert f"tcp://127.0.0.1:{port}: see that no firewall is in between" in line
        until_nothing_is_paid(made)


@pytest.mark.process
@pytest.mark.parametrize("flavor", FLAVORS)
def test_brokers_join_again_after_the_lead_was_restarted(flavor) -> None:
    """Every pod's broker, index 0's too, comes back to a lead that ended and started again."""
    with chain(flavor, idle_seconds=60.0) as made:
        made.begin()
        made.watch.until_ended(made.watch.submit(["hostname"], 4), 60)
        made.stage.restart_lead()
        made.watch.until_online(made.stage.pool_hosts, 60)
        assert len(made.gke.called("CreateCluster")) == 1


@pytest.mark.process
def test_a_kept_cluster_serves_the_next_burst_and_then_goes() -> None:
    """With keep_cluster_seconds a second burst is on the cluster of the first, which goes in time."""
    with chain("embedded", idle_seconds=0.5, options={"keep_cluster_seconds": 4.0}) as made:
        made.begin()
        made.watch.until_ended(made.watch.submit(["hostname"], 4), 60)
        made.daemon.said(": is gone, verified", 30)
        (first,) = bursts(made)
        assert f"clusters/chain-{first}" in made.gke.alive()
        made.watch.until_ended(made.watch.submit(["hostname"], 4), 60)
        first, second = bursts(made)
        made.daemon.said(f"{second}: is gone, verified", 30)
        assert len(made.gke.called("CreateCluster")) == 1
        made.daemon.said("it was kept for long enough", 90)
        deadline = time.monotonic() + 30
        while made.gke.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert made.gke.alive() == ()


@pytest.mark.process
@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_jobs_directory_is_made_in_the_pods_before_their_brokers_start(flavor, tmp_path: Path) -> None:
    """The directory of a waiting job, whatever its name, is there when the job starts on the new hosts."""
    wanted = tmp_path / "burst" / "it's $(touch x) `touch y`"
    with chain(flavor, cwd_prefixes=[str(tmp_path / "burst")]) as made:
        made.begin()
        job = made.watch.submit(["pwd"], 4, cwd=str(wanted))
        made.watch.until_ended(job, 60)
        assert {line for _, line in made.watch.output(job)} == {str(wanted)}
        assert list(tmp_path.glob("**/[xy]")) == []
