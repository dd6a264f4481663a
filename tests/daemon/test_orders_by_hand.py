"""What people order, budgets and turns, with the daemon as a real process."""

from __future__ import annotations

import json
import subprocess

import pytest

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}
PRICED = {"cost_per_hour": 3.6, "cluster_cost_per_hour": 0.36, "probe": False}


def test_hosts_are_brought_up_and_taken_down_by_hand(town):
    """Two hosts come up that no job needs, stay though idle, and go when ordered; then the pool is closed."""
    daemon = town.serving()
    up = town.command("up", "burst-0", "--hosts", "2", "--for", "10m", "--wait").stdout
    assert "2 hosts are kept up for 600 s" in up
    town.watch.until_online(["burst-0-0", "burst-0-1"])

    down = town.command("down", "burst-0", "--wait").stdout
    assert "burst-0: done." in down
    assert town.sites() == ()
    job = town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("pool-closed: Pool burst-0 was taken down by hand", 10)

    town.command("reopen", "burst-0")
    town.watch.until_ended(job)


def test_a_burst_that_is_being_made_is_taken_back(town):
    """An order to go down reaches a burst whose brokers were not there yet, and nothing is left of it."""
    daemon = town.burstd("--lead-host", "127.0.0.1", "--lead-port", "1", join_seconds=60.0)
    daemon.start()
    town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("its brokers were started", 20)
    town.command("down", "--all", "--wait")
    assert town.sites() == ()
    daemon.said("burst-0-g1: is being released: it was taken down by hand", 5)


def test_a_pause_makes_nothing_and_outlives_a_restart(town):
    """What was ordered stands in the ledger: also the next burstd makes nothing until it is resumed."""
    daemon = town.serving()
    town.command("pause")
    job = town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("paused: burstd is paused", 10)
    daemon.stop()

    again = town.serving()
    again.said("paused: burstd is paused", 10)
    assert town.sites() == ()
    town.command("resume")
    town.watch.until_ended(job)


def test_an_order_without_a_daemon_is_kept_for_the_next(town):
    """Where none runs the order is written down, and said to be."""
    town.burstd()
    assert "the next start does this" in town.command("pause").stdout
    daemon = town.serving()
    town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("paused: burstd is paused", 10)


def test_with_on_exit_down_nothing_is_left_when_it_ends(town):
    """SIGTERM drains and removes what is up before burstd ends."""
    daemon = town.serving(idle=600, settings={"on_exit": "down"})
    town.watch.until_ended(town.watch.submit(["true"], 2, requires=BURST_ONLY))
    daemon.stop()
    assert town.sites() == ()
    assert "burst-0-g1: drains: burstd is stopped, and takes everything down" in "\n".join(daemon.lines)
    assert "nothing is left behind" in daemon.lines[-1]


def test_one_burstd_at_a_time_serves_a_lead(town):
    """A second one with another owner and ledger is refused while the first lives, and may serve after it."""
    first = town.serving()
    other = town.burstd(settings={"owner": "other"})
    other.start()
    assert other.wait(30) == 1
    assert "another burstd serves this lead" in other.lines[-1]
    first.kill()
    heir = town.burstd(settings={"owner": "other"})
    heir.start()
    heir.said("serving the lead", 20)
    heir.stop()


def test_a_burst_over_the_budget_is_not_made(town):
    """A pool with a price counts as paid; what could pass the cap is told, and costs nothing."""
    daemon = town.serving(settings={"limits": {"dollars_per_hour": 7.0}}, **PRICED)
    daemon.said("at most 7 dollars an hour", 5)
    town.watch.submit(["true"], 2, requires=BURST_ONLY)
    daemon.said("over-budget: Its hosts would cost more than is allowed: dollars_per_hour is 7", 10)
    assert town.sites() == ()
    ordered = town.command("up", "burst-0", "--wait").stdout
    assert "over-budget" in ordered
    assert "The order stands" in ordered
    town.command("down", "burst-0")
    town.command("reopen", "burst-0")
    small = town.watch.submit(["true"], 1, requires=BURST_ONLY)
    town.watch.until_ended(small)


def test_what_it_cost_is_told_and_the_lead_keeps_a_note(town):
    """The report has the burst, its job and its user; the lead's KVS has the day's spending."""
    daemon = town.serving(**PRICED)
    job = town.watch.submit(["sleep", "1"], 2, requires=BURST_ONLY)
    town.watch.until_ended(job)
    daemon.said("burst-0-g", 20)
    daemon.said("is gone, verified", 30)

    report = json.loads(town.command("cost", "--format", "json").stdout)
    (row,) = report["rows"]
    assert row["host_hours"] > 2 / 3600
    assert row["dollars"] == pytest.approx(3.6 * row["host_hours"], rel=0.2)
    assert "estimate" in report["estimate"]
    jobs = town.command("cost", "--by", "job", "--format", "csv").stdout.splitlines()
    assert jobs[0] == "job,host_hours,dollars_estimated,note"
    assert len(jobs) == 3
    note = town.watch.handle.rpc(
        "kvs.lookup", {"key": "burstd.town.spend", "namespace": "primary", "flags": 0}
    )
    assert note["val"]["type"] == "val"


def test_a_pool_without_a_price_is_no_pool_under_a_cap(town):
    """A cap in dollars that could not be kept is refused before anything starts."""
    town.burstd(settings={"limits": {"dollars_per_day": 7.0}}, cluster_cost_per_hour=1.0)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        town.command("check-config")
    assert refused.value.returncode == 2
    assert "pools[0].cost_per_hour: missing, but limits.dollars_per_day is a cap" in refused.value.stderr
