"""The dead-man's switch with the daemon as a real process: who renews a lease, and what ends without it."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}
LEASE = {"lease": {"idle_seconds": 2.0, "with_jobs_seconds": 600.0}}


def until_told(town, *, busy: bool) -> None:
    """Wait until the lease says whether jobs run: that follows at once."""
    deadline = time.monotonic() + 20
    while [site.busy for site in town.sites()] != [busy]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_burst_whose_burstd_lives_outlives_its_lease(town):
    """Its burstd renews it: an idle burst stays far beyond the silence that would end it."""
    town.serving(idle=600, settings=LEASE)
    town.watch.until_ended(town.watch.submit(["true"], 2, requires=BURST_ONLY))
    pids = town.broker_pids()
    time.sleep(3 * 2.0)
    assert town.broker_pids() == pids


def test_an_idle_burst_ends_when_its_burstd_is_dead(town):
    """Nobody is left to take it away, and nothing of it is left after its lease has run out."""
    daemon = town.serving(idle=600, settings=LEASE)
    town.watch.until_ended(town.watch.submit(["true"], 2, requires=BURST_ONLY))
    until_told(town, busy=False)
    daemon.kill()
    town.until_no_site(30)
    assert town.broker_pids() == []
    town.watch.until(lambda view: not any(host.online for host in view.hosts[4:]), "the lead lost them")


def test_a_burst_with_a_job_outlives_its_burstd(town):
    """An upgrade kills nobody's job: with a job on it the burst stays, and the next burstd takes it up."""
    daemon = town.serving(idle=600, settings=LEASE)
    town.watch.submit(["sleep", "300"], 2, requires=BURST_ONLY)
    town.watch.until_online(["burst-0-0", "burst-0-1"])
    town.watch.until(lambda view: any(host.jobs for host in view.hosts[4:]), "the job runs")
    until_told(town, busy=True)
    daemon.kill()
    pids = town.broker_pids()
    time.sleep(3 * 2.0)
    assert town.broker_pids() == pids
    again = town.serving(idle=600, settings=LEASE)
    again.said("burst-0-g1: was serving when burstd last ran", 20)
