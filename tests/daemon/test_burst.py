"""The daemon as a real process, beside a lead, from a waiting job to nothing left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3

import pytest

from burstd.core.model import JobState
from burstd.lead.contract import drain_mark
from burstd.stage.daemon import DaemonEnded
from burstd.stage.watch import Watch

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}


def told(town, job) -> str:
    """Return what the job's memo says, from the lead itself."""
    answer = town.watch.handle.rpc("job-list.list-id", {"id": job, "attrs": ["annotations"]})
    return answer["job"].get("annotations", {}).get("user", {}).get("burst", "")


def test_a_waiting_job_gets_its_hosts_and_they_go_away(town):
    """A burstable job waits, its hosts appear, it runs on them, and nothing is left behind."""
    daemon = town.serving()
    job = town.watch.submit(["hostname"], 3, requires=BURST_ONLY)
    ranks = town.watch.until_ended(job)
    assert ranks == (4, 5, 6)

    town.watch.until_released(town.stage.pool_hosts)
    daemon.said("burst-0-g1: is gone, verified", 20)
    daemon.stop()

    assert town.sites() == ()
    assert not [path for path in town.ledger.parent.iterdir() if path.name.startswith("burst-0")]


def test_a_second_job_makes_a_serving_burst_grow(town):
    """More demand while a burst serves resizes it: the first job runs on."""
    daemon = town.serving(idle=60)
    first = town.watch.submit(["sleep", "60"], 1, requires=BURST_ONLY)
    town.watch.until_online(["burst-0-0"])
    second = town.watch.submit(["hostname"], 2, requires=BURST_ONLY)

    assert town.watch.until_ended(second) == (5, 6)
    daemon.said("burst-0-g1: grows to 3 hosts", 5)
    assert [len(site.hosts) for site in town.sites()] == [3]
    view = town.watch.until(lambda _: True, "read")
    assert [job.state for job in view.jobs if job.id == first] == [JobState.RUN]


def test_idle_hosts_at_the_top_go_before_the_others(town):
    """While one host works the idle ones above it are given back, and undrained for the next time."""
    daemon = town.serving()
    town.watch.submit(["sleep", "60"], 1, requires={"hostlist": ["burst-0-0"]})
    wide = town.watch.submit(["true"], 3, requires=BURST_ONLY)
    town.watch.until_ended(wide)

    daemon.said("burst-0-g1: shrank to 1 host", 20)
    town.watch.until_released(["burst-0-1", "burst-0-2", "burst-0-3"])
    assert [site.hosts for site in town.sites()] == [("burst-0-0",)]


def test_with_easy_a_burst_is_as_with_fifo(make_town):
    """Under Fluxion's easy policy the job waits, ordinary jobs pass it, its hosts come and go."""
    town = make_town(sched="easy")
    waiting = town.watch.submit(["hostname"], 4, requires=BURST_ONLY)
    ordinary = town.watch.submit(["true"], 1, burstable=0)
    assert town.watch.until_ended(ordinary)[0] < 4
    daemon = town.serving()

    assert set(town.watch.until_ended(waiting)) == {4, 5, 6, 7}
    daemon.said("burst-0-g1: is gone, verified", 30)
    assert town.sites() == ()


def test_a_job_that_no_pool_can_serve_is_told_so_in_its_memo(town):
    """The reason stands in the job's own memo, and for good as an exception in its eventlog."""
    daemon = town.serving()
    job = town.watch.submit(["true"], 2, requires=BURST_ONLY, burstable="elsewhere")
    town.watch.until(lambda view: any(one.told for one in view.jobs if one.id == job), "the job is told")

    assert "unknown-target" in told(town, job)
    assert told(town, job) in daemon.said("unknown-target", 5)
    daemon.said("raising what no burst will change: unknown-target", 5)
    town.watch.until(lambda view: any(one.raised for one in view.jobs if one.id == job), "it is raised")


@pytest.mark.parametrize("value", [[1, 2], 7, {"color": "red"}])
def test_a_nonsense_burstable_value_is_told_in_one_sentence(town, value):
    """A value that burstd does not understand is named to its user, and nothing is brought up."""
    daemon = town.serving()
    town.watch.submit(["true"], 3, requires=BURST_ONLY, burstable=value)

    line = daemon.said("bad-burstable", 10)
    assert "use true, a pool or a provider" in line
    assert town.sites() == ()


def test_a_pool_that_never_joins_fails_with_its_reason(town):
    """Brokers that are started but cannot reach the lead end the burst after join_seconds."""
    daemon = town.burstd(
        "--lead-host", "127.0.0.1", "--lead-port", "1", join_seconds=2.0, cooldown_seconds=60
    )
    daemon.start()
    town.watch.submit(["true"], 1, requires=BURST_ONLY)

    daemon.said("no broker of burst-0-g1 joined the lead within 2 s", 30)
    daemon.said("burst-0-g1: is gone, verified", 30)
    daemon.said("pool-cooldown", 10)
    assert town.sites() == ()


def test_a_wrong_shape_is_reported_with_fluxs_own_words(make_town):
    """Hosts with fewer cores than the lead's R says are drained by Flux, and that is the burst's failure."""
    town = make_town(pool_cores=64)
    daemon = town.serving()
    town.watch.submit(["true"], 1, requires=BURST_ONLY)

    daemon.said("missing resources: core[", 30)
    daemon.said("burst-0-g1: is gone, verified", 30)
    daemon.said("pool-failed: Pool burst-0 failed for good", 10)
    assert town.sites() == ()


def test_a_drain_by_an_administrator_stays(town):
    """A host that somebody else drained is not undrained and not counted on."""
    town.watch.handle.rpc("resource.drain", {"targets": "4", "reason": "disk replaced"}, 0)
    daemon = town.serving()
    job = town.watch.submit(["true"], 3, requires=BURST_ONLY)

    assert town.watch.until_ended(job) == (5, 6, 7)
    daemon.said("is gone, verified", 30)
    view = town.watch.until_released(town.stage.pool_hosts[1:])
    assert [host.drain_reason for host in view.hosts if host.rank == 4] == ["disk replaced"]


def test_what_a_crash_left_drained_is_undrained_at_start(town):
    """A drain of this owner from an earlier life is undone, one of another owner is not."""
    own, other = drain_mark("town") + "burst-0-g1: idle", drain_mark("other") + "burst-0-g1: idle"
    town.watch.handle.rpc("resource.drain", {"targets": "5", "reason": own}, 0)
    town.watch.handle.rpc("resource.drain", {"targets": "6", "reason": other}, 0)
    town.serving()

    view = town.watch.until_released(["burst-0-1"])
    assert [host.drain_reason for host in view.hosts if host.rank == 6] == [other]


class TestCrash:
    def burst_up(self, town):
        daemon = town.serving(idle=60)
        job = town.watch.submit(["sleep", "120"], 2, requires=BURST_ONLY)
        daemon.said("burst-0-g1: serves", 20)
        town.watch.until_online(town.stage.pool_hosts[:2])
        return daemon, job

    @pytest.mark.parametrize("ledger", ["kept", "deleted", "broken"])
    def test_a_killed_burstd_finds_its_brokers_again(self, town, ledger):
        """After kill -9 the next start takes the same brokers over, whatever became of the ledger."""
        first, job = self.burst_up(town)
        before = town.sites()
        first.kill()
        assert town.sites() == before
        if ledger != "kept":
            for path in town.ledger.parent.glob("ledger.db*"):
                path.unlink()
        if ledger == "broken":
            town.ledger.write_text("nonsense" * 1000)
        second = town.serving(idle=IDLE)
        if ledger == "broken":
            second.said("is kept as", 10)
        town.watch.handle.rpc(
            "job-manager.raise", {"id": job, "type": "cancel", "severity": 0, "note": ""}, 0
        )
        town.watch.until_released(town.stage.pool_hosts)

        second.said("burst-0-g1: is gone, verified", 20)
        assert town.sites() == ()
        second.stop()

    def test_a_burstd_killed_while_it_starts_brokers_starts_none_twice(self, town):
        """Killed as soon as the launch began, the next start has each broker once."""
        daemon = town.serving()
        job = town.watch.submit(["hostname"], 4, requires=BURST_ONLY)
        daemon.said("starting its brokers (4)", 20)
        daemon.kill()
        second = town.serving()
        town.watch.until_ended(job)

        second.said("is gone, verified", 30)
        assert town.sites() == ()
        assert not any("missing" in line for line in second.lines)

    @pytest.mark.parametrize("steps", [("planned", "serves"), ("starting its brokers", "removing its site")])
    def test_kills_in_a_row_leave_nothing_and_start_nothing_twice(self, town, steps):
        """Killed at one step after another of the same burst, with the ledger deleted, nothing is lost."""
        job = town.watch.submit(["sleep", "0.2"], 3, requires=BURST_ONLY)
        for step in steps:
            daemon = town.serving()
            with contextlib.suppress(DaemonEnded):  # a later life may have nothing left to do of this step
                daemon.said(step, 5)
            daemon.kill()
            for path in town.ledger.parent.glob("ledger.db*"):
                path.unlink()
            hosts = [host for site in town.sites() for host in site.hosts]
            assert len(hosts) == len(set(hosts)) == len(town.broker_pids())
        last = town.serving()
        town.watch.until_ended(job)
        town.watch.until_released(town.stage.pool_hosts)
        town.until_no_site(20)
        last.stop()

    def test_a_burst_of_a_pool_that_is_no_longer_declared_is_released(self, town):
        """A site found without a pool is taken away by the provider that shows it."""
        first, _ = self.burst_up(town)
        first.kill()
        daemon = town.burstd(name="other", hosts="burst-0-[2-3]")
        daemon.start()

        daemon.said("burst-0-g1: is gone, verified", 40)
        # the job may have waited still when the first was killed: the other pool then serves it
        assert "burst-0" not in [site.pool for site in town.sites()]


IDLE = 0.5


class TestLead:
    def test_a_lead_that_dies_is_noticed_and_waited_for(self, make_town):
        """Within seconds of the lead's death burstd says so; when the lead is back it serves again."""
        town = make_town()
        daemon = town.serving()
        town.stage.kill_lead()
        daemon.said("the lead does not answer; burstd waits for it", 5)

        town.stage.restart_lead()
        daemon.said("the lead answers again", 30)
        with Watch(town.stage.uri) as watch:
            watch.until_ended(watch.submit(["true"], 1, requires=BURST_ONLY))
        daemon.said("planned with 1 host", 20)

    def test_a_lead_that_comes_back_with_other_hosts_gets_its_burst_released(self, make_town):
        """After a restart without the pool's hosts burstd says what is wrong and takes everything away."""
        town = make_town()
        daemon = town.serving(idle=60)
        town.watch.submit(["sleep", "60"], 1, requires=BURST_ONLY)
        daemon.said("burst-0-g1: serves", 20)
        toml = town.stage.curve_cert.parent / "etc" / "broker.toml"
        toml.write_text(toml.read_text().replace("burst-0-[0-3]", "other-[0-3]"))
        town.stage.restart_lead()

        daemon.said("no longer fits the configuration; every burst is released", 30)
        town.until_no_site(30)


class TestStop:
    def test_sigterm_stops_in_order_and_leaves_the_burst_to_the_next_start(self, town):
        """SIGTERM ends burstd with exit code 0; brokers and their job go on."""
        daemon, _ = TestCrash().burst_up(town)
        daemon.stop()

        assert "the next start takes up burst-0-g1 (serving)" in daemon.lines[-1]
        assert [len(site.hosts) for site in town.sites()] == [2]

    def test_a_second_burstd_of_the_same_owner_is_refused(self, town):
        """Two daemons with one owner and one state directory would undo each other's work."""
        town.serving()
        second = town.burstd()
        second.start()

        assert second.wait(20) == 2
        assert "another burstd runs" in " ".join(second.lines)

    def test_no_effect_is_without_its_intent(self, town):
        """After a whole burst every effect stands in the ledger with its outcome, in order."""
        daemon = town.serving()
        town.watch.until_ended(town.watch.submit(["true"], 1, requires=BURST_ONLY))
        daemon.said("is gone, verified", 30)
        town.watch.until_released(town.stage.pool_hosts)
        daemon.stop()

        rows = sqlite3.connect(town.ledger).execute("SELECT verb, ended, failure FROM intents ORDER BY id")
        of_bursts = {"provision", "launch", "drain", "remove", "undrain"}
        verbs = [verb for verb, ended, failure in rows if verb in of_bursts and ended and failure is None]
        assert verbs[:2] == ["provision", "launch"]
        assert verbs[-3:] in (["drain", "remove", "undrain"], ["drain", "undrain", "remove"])


def test_plan_says_what_would_be_done_and_does_nothing(town):
    """The dry run shows the burst that a waiting job would get, as JSON too, and starts nothing."""
    town.watch.submit(["true"], 3, requires=BURST_ONLY)
    town.burstd()
    done = town.command("plan", "--json")

    plan = json.loads(done.stdout)
    assert "provision" in json.dumps(plan)
    assert town.sites() == ()
    assert not town.ledger.exists()


def test_a_second_signal_ends_burstd_at_once(town):
    """While the first signal waits for an effect under way, a second one does not."""
    daemon = town.serving(options={"stop_seconds": 60.0})
    town.watch.until_ended(town.watch.submit(["true"], 1, requires=BURST_ONLY))
    for pid in town.broker_pids():
        os.kill(pid, signal.SIGSTOP)
    daemon.said("removing its site", 60)
    os.kill(daemon.pid, signal.SIGTERM)
    daemon.said("stopping: waiting for what is under way", 10)
    os.kill(daemon.pid, signal.SIGTERM)

    assert daemon.wait(5) == 128 + signal.SIGTERM
    for pid in town.broker_pids():
        os.kill(pid, signal.SIGCONT)
