"""Beside each scheduler: sched-simple, Fluxion with easy, Fluxion with fcfs; with queues and without."""

from __future__ import annotations

import time

import pytest

from burstd.core.marks import NO_HOST
from burstd.core.model import JobState
from burstd.stage.watch import Watch

pytestmark = pytest.mark.process

EACH = pytest.mark.parametrize("sched", ["fifo", "easy", "fcfs"])
LASTING = pytest.mark.parametrize("sched", ["fifo", "easy"])


def queue(town, name: str) -> dict:
    return dict(town.watch.handle.rpc("job-manager.queue-status", {"name": name}, 0))


def until_queue(town, name: str, *, started: bool, seconds: float = 20) -> dict:
    """Wait until a queue schedules or not: Flux tells nobody, so it is asked again and again."""
    deadline = time.monotonic() + seconds
    while queue(town, name)["start"] is not started and time.monotonic() < deadline:
        time.sleep(0.05)
    status = queue(town, name)
    assert status["start"] is started
    return status


def until_job(town, id_: int, condition, what: str) -> None:
    """Wait until a job, once it is seen at all, is as the condition says."""

    def so(view) -> bool:
        found = next((one for one in view.jobs if one.id == id_), None)
        return found is not None and condition(found)

    town.watch.until(so, what)


def urgency(town, id_: int) -> int:
    answer = town.watch.handle.rpc("job-list.list-id", {"id": id_, "attrs": ["urgency"]})
    return int(answer["job"]["urgency"])


class TestQueues:
    @EACH
    def test_a_job_in_the_pools_queue_waits_runs_and_leaves_the_queue_stopped(self, make_town, sched):
        """Neither refused nor in the way: it waits in the stopped queue and runs once the pool is up."""
        town = make_town(sched=sched, queues=True, start_queues=True)
        waiting = town.watch.submit(["true"], 3, queue="burst-0")
        local = town.watch.submit(["true"], 1, queue="batch", burstable=0)
        assert town.watch.until_ended(local)[0] < 4
        daemon = town.serving()

        assert set(town.watch.until_ended(waiting)) == {4, 5, 6}
        daemon.said("is gone, verified", 30)
        assert until_queue(town, "burst-0", started=False)["stop_reason"] == NO_HOST

    @EACH
    def test_what_the_scheduler_means_is_said_at_start(self, make_town, sched):
        """One sentence at start says what the lead's scheduler does with a job that waits for its hosts."""
        town = make_town(sched=sched, queues=True)
        words = {
            "fifo": "blocks every job behind it",
            "easy": "later jobs pass",
            "fcfs": "is refused at once",
        }

        assert words[sched] in town.serving().said("The lead schedules by", 10)

    def test_queues_are_started_on_order(self, make_town):
        """start_queues names what burstd starts; one that an administrator stopped with a reason stays."""
        town = make_town(queues=True)
        reason = {"name": "mixed", "start": False, "all": False, "reason": "maintenance"}
        town.watch.handle.rpc("job-manager.queue-start", reason, 0)
        daemon = town.burstd(lead={"start_queues": ["batch", "mixed"]})
        daemon.start()

        until_queue(town, "batch", started=True)
        assert queue(town, "mixed")["stop_reason"] == "maintenance"

    @LASTING
    def test_a_queue_that_an_administrator_stopped_stays_stopped(self, make_town, sched):
        """Another stop reason than burstd's own is respected, also with hosts up."""
        town = make_town(sched=sched, queues=True, start_queues=True)
        daemon = town.serving(idle=60)
        town.watch.submit(["sleep", "30"], 1, queue="burst-0")
        until_queue(town, "burst-0", started=True)
        reason = {"name": "burst-0", "start": False, "all": False, "reason": "maintenance"}
        town.watch.handle.rpc("job-manager.queue-start", reason, 0)
        daemon.stop()
        town.serving(idle=60).said("The lead schedules by", 10)

        assert queue(town, "burst-0") == {"enable": True, "start": False, "stop_reason": "maintenance"}

    def test_a_lead_without_queues_is_told_what_that_means(self, town):
        """Without a queue for its pool ordinary jobs may run there: said at start, with what mends it."""
        line = town.serving().said("The lead has no queue for burst-0", 10)

        assert "burstd render lead-toml" in line


class TestRefusals:
    def test_a_refused_job_is_named_with_the_command_that_saves_it(self, make_town):
        """With fcfs a job in batch is refused at once; burstd says how to submit it to the pool's queue."""
        town = make_town(sched="fcfs", queues=True, start_queues=True)
        daemon = town.serving()
        town.watch.submit(["hostname"], 4, queue="batch")
        line = daemon.said("was refused by Flux", 10)
        assert "flux submit --queue=burst-0 -N4 --setattr=burstable hostname" in line

        again = town.watch.submit(["hostname"], 4, queue="burst-0")
        assert set(town.watch.until_ended(again)) == {4, 5, 6, 7}


class TestMoves:
    @LASTING
    def test_a_job_in_batch_is_moved_to_the_queue_of_its_pool(self, make_town, sched):
        """A burstable job that the lead's own hosts cannot take is moved and served whole by one pool."""
        town = make_town(sched=sched, queues=True, start_queues=True)
        waiting = town.watch.submit(["true"], 4, queue="batch")
        daemon = town.serving()

        assert set(town.watch.until_ended(waiting)) == {4, 5, 6, 7}
        daemon.said("moving it to queue burst-0", 1)

    def test_a_job_that_asks_for_it_is_spread_over_lead_and_pool(self, make_town):
        """With placement mixed only the missing hosts are brought up."""
        town = make_town(sched="easy", queues=True, start_queues=True)
        waiting = town.watch.submit(["true"], 4, queue="batch", burstable={"placement": "mixed"})
        daemon = town.serving()

        assert set(town.watch.until_ended(waiting)) == {0, 1, 4, 5}
        daemon.said("moving it to queue mixed", 1)
        daemon.said("may be taken", 1)


class TestHolds:
    def held(self, town, **pool):
        """A busy pool of one queue-less sched-simple lead, and a job that burstd holds for it."""
        daemon = town.serving(idle=60, **pool)
        running = town.watch.submit(["sleep", "60"], 4, requires={"properties": ["burst"]})
        town.watch.until_online(town.stage.pool_hosts)
        until_job(town, running, lambda job: job.state is JobState.RUN, "the first job runs")
        waiting = town.watch.submit(["true"], 3, requires={"properties": ["burst"]})
        until_job(town, waiting, lambda job: job.hold is not None, "the second job is held")
        return daemon, running, waiting

    def cancel(self, town, id_: int) -> None:
        payload = {"id": id_, "type": "cancel", "severity": 0, "note": ""}
        town.watch.handle.rpc("job-manager.raise", payload, 0)

    def test_a_held_job_lets_others_pass_and_runs_when_it_is_covered(self, town):
        """Under sched-simple a job that waits for busy hosts is held: a local job overtakes it."""
        _, running, waiting = self.held(town)
        local = town.watch.submit(["true"], 1, burstable=0)
        town.watch.until_ended(local)
        assert urgency(town, waiting) == 0

        self.cancel(town, running)
        assert set(town.watch.until_ended(waiting)) <= {4, 5, 6, 7}

    def test_a_burstd_that_died_leaves_no_hold_for_ever(self, town):
        """After kill -9, with the ledger lost, the next start releases what is covered by then."""
        daemon, running, waiting = self.held(town)
        daemon.kill()
        for path in town.ledger.parent.glob("ledger.db*"):
            path.unlink()
        self.cancel(town, running)
        town.serving(idle=60)

        town.watch.until_ended(waiting)

    def test_whoever_changes_the_urgency_wins(self, town):
        """A held job whose urgency its user sets is no longer held, and not held again at once."""
        _, _, waiting = self.held(town)
        town.watch.handle.rpc("job-manager.urgency", {"id": waiting, "urgency": 5}, 0)

        until_job(town, waiting, lambda job: job.urgency == 5 and not job.stale_hold, "the hold is over")

    def test_under_fcfs_an_uncovered_job_outlives_the_moments_of_its_queue(self, make_town):
        """While the queue opens for a job that is covered, one that would be refused there is held."""
        town = make_town(sched="fcfs", queues=True, start_queues=True)
        daemon = town.serving(idle=60)
        running = town.watch.submit(["sleep", "60"], 1, queue="burst-0")
        until_job(town, running, lambda job: job.state is JobState.RUN, "the first job runs")
        until_queue(town, "burst-0", started=False)
        large = town.watch.submit(["true"], 4, queue="burst-0")
        small = town.watch.submit(["true"], 1, queue="burst-0")
        town.watch.until_ended(small)
        daemon.said("holding it", 1)

        self.cancel(town, running)
        assert set(town.watch.until_ended(large)) == {4, 5, 6, 7}

    def test_holds_are_released_by_hand(self, town):
        """`burstd release` gives a job its urgency back while burstd is not there."""
        daemon, _, waiting = self.held(town)
        daemon.stop()
        done = town.command("release")
        assert "released" in done.stdout

        until_job(town, waiting, lambda job: job.hold is None, "the job is released")
        assert urgency(town, waiting) == 16


class TestNudges:
    def test_a_job_that_fluxion_overlooks_runs_after_all(self, make_town):
        """A job frees hosts for one of another queue, which Fluxion does not look at by itself."""
        town = make_town(sched="easy", queues=True, start_queues=True)
        daemon = town.serving(idle=60)
        town.watch.until_ended(town.watch.submit(["true"], 4, queue="burst-0"))
        first = town.watch.submit(
            ["sleep", "3"], 4, queue="mixed", requires={"properties": ["burst"]}, burstable=0
        )
        until_job(town, first, lambda job: job.state is JobState.RUN, "the first job runs")
        second = town.watch.submit(["true"], 4, queue="burst-0")

        assert set(town.watch.until_ended(second, 25)) == {4, 5, 6, 7}
        if town.stage.flavor.name == "real":  # the embedded instance looks at every queue
            daemon.said("asking the scheduler to look at it again", 1)


class TestScaleIn:
    def test_an_ordinary_job_waits_beside_burst_hosts(self, make_town):
        """With queues an ordinary job never lands on a burst host, however idle that is."""
        town = make_town(sched="easy", queues=True, start_queues=True)
        town.serving(idle=60)
        town.watch.until_ended(town.watch.submit(["true"], 2, queue="burst-0"))
        busy = town.watch.submit(["sleep", "2"], 2, queue="batch", burstable=0)
        behind = town.watch.submit(["true"], 1, queue="batch", burstable=0)

        assert set(town.watch.until_ended(behind)) <= {0, 1}
        town.watch.until_ended(busy)

    def test_a_request_larger_than_all_that_is_declared_gets_its_reason(self, make_town):
        """Fluxion with easy lets it wait for ever; burstd says why."""
        town = make_town(sched="easy", queues=True, start_queues=True)
        daemon = town.serving()
        town.watch.submit(["true"], 9, queue="burst-0")

        assert "burst-0 has 4 hosts" in daemon.said("too-large", 10)


RESTARTS = pytest.mark.parametrize("statedir", [False, True], ids=["nothing kept", "statedir"])


class TestLeadRestart:
    @RESTARTS
    @pytest.mark.parametrize("step", ["starting its brokers", "serves", "draining ranks"])
    def test_a_restart_in_any_phase_is_put_right(self, make_town, step, statedir):
        """Queues, holds, drains and brokers are as they should be after the lead was another for a while."""
        town = make_town(queues=True, start_queues=True, statedir=statedir)
        daemon = town.burstd(lead={"start_queues": ["batch"]})
        daemon.start()
        daemon.said("serving the lead", 20)
        town.watch.submit(["true"], 2, queue="burst-0")
        daemon.said(step, 30)
        town.stage.restart_lead()
        daemon.said("the lead answers again", 30)
        with Watch(town.stage.uri) as watch:
            town.watch = watch
            until_queue(town, "batch", started=True)
            again = watch.submit(["true"], 2, queue="burst-0")
            assert set(watch.until_ended(again, 60)) <= {4, 5, 6, 7}
            watch.until_released(town.stage.pool_hosts, 60)
            assert until_queue(town, "burst-0", started=False)["stop_reason"] == NO_HOST
            town.until_no_site(30)
