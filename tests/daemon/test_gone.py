"""What becomes of a burst when burstd is killed and never comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import pytest

from burstd.core.model import JobState, LeadView, Verb
from burstd.engine.ledger import Ledger
from burstd.plugins.local import watchdogs
from burstd.plugins.local.site import Place

pytestmark = pytest.mark.process

SOON = {"idle_seconds": 3.0, "with_jobs_seconds": 600.0}
BURST_ONLY = {"properties": ["burst"]}


def place(town) -> Place:
    (site,) = town.sites()
    return Place(town.state / "town", site.pool, site.generation)


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def runs(view: LeadView, job: int) -> bool:
    return any(one.id == job and one.state is JobState.RUN for one in view.jobs)


def renewals(town) -> int:
    with closing(Ledger(town.ledger, read_only=True)) as ledger:
        return sum(one.action.verb is Verb.RENEW and one.ended is not None for one in ledger.intents())


def test_an_idle_burst_ends_by_itself(town):
    """After kill -9 of burstd the watchdog takes brokers and files away, and then leaves, too."""
    daemon = town.serving(idle=600, settings={"lease": SOON})
    town.command("up", "burst-0", "--hosts", "2", "--wait")
    burst = place(town)
    daemon.kill()
    town.until_no_site(60)
    assert town.broker_pids() == []
    town.watch.until_released(["burst-0-0", "burst-0-1"])
    until(lambda: not watchdogs.find(burst))


def test_a_running_job_is_spared(town):
    """A job that runs on the burst ends well though burstd is gone for longer than an idle burst may be."""
    daemon = town.serving(idle=600, settings={"lease": SOON})
    job = town.watch.submit(["sh", "-c", "sleep 9; echo done"], 1, requires=BURST_ONLY)
    town.watch.until(lambda view: runs(view, job), "the job runs")
    daemon.kill()
    town.watch.until_ended(job)
    assert [text.strip() for _, text in town.watch.output(job)] == ["done"]


def test_a_living_burstd_renews(town):
    """While burstd lives, a burst that is idle for longer than its lease stays, with one watchdog."""
    town.serving(idle=600, settings={"lease": SOON})
    town.command("up", "burst-0", "--hosts", "1", "--wait")
    burst = place(town)
    (watchdog,) = watchdogs.find(burst)
    until(lambda: renewals(town) >= 12)
    assert [one.pid for one in watchdogs.find(burst)] == [watchdog.pid]
    assert town.broker_pids()
