"""What every Lead must do, as a test class: subclass it, give it a `stage` fixture, and run pytest."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from burstd.core.errors import LeadRefused
from burstd.core.hosts import expand
from burstd.core.marks import drain_mark
from burstd.core.model import Directory, JobState, Request, Wish
from burstd.core.preparation import MOST_AT_ONCE
from burstd.lead.connect import opener
from burstd.testing.lead_watch import LeadStage, Watch, WatchedLead

NAMES = expand("flux-sample-[0-3],burst-0-[0-3]")
"""The hosts of the stage's lead in rank order; the first two are online, the last four have `burst`."""

LOSS_SECONDS = 5.0
OWNER = "contract"

_NAMES = (
    "it's",
    'a "b"',
    "$(touch hit)",
    "`touch hit`",
    "x; touch hit",
    "-p",
    "naïve",
    "two  spaces ",
    "*",
    "\\n",
)


class LeadContract(WatchedLead):
    """Subclasses define the fixture `stage`: a started LeadStage, new for each test."""

    def test_shows_the_declared_hosts_in_rank_order(self, watch: Watch, stage: LeadStage) -> None:
        """Every declared host is shown with its shape, up or not."""
        hosts = watch.until(lambda view: view.hosts).hosts
        assert [(host.rank, host.name) for host in hosts] == list(enumerate(NAMES))
        assert [host.online for host in hosts] == [True, True] + 6 * [False]
        assert {host.shape.cores for host in hosts} == {stage.cores}
        assert {host.free_cores for host in hosts} == {stage.cores}
        assert ["burst" in host.shape.properties for host in hosts] == 4 * [False] + 4 * [True]
        assert hosts[0].quiet_since > 0

    def test_facts_name_the_broker(self, watch: Watch) -> None:
        """The facts belong to the generation that the view shows."""
        facts = watch.lead.facts()
        assert facts.generation == watch.until(lambda view: view.hosts).generation
        assert expand(facts.hostlist) == NAMES
        assert facts.version
        assert facts.scheduler
        assert facts.curve_cert
        assert facts.lead_endpoint.startswith("tcp://")
        assert not facts.durable

    def test_a_burstable_job_waits_with_its_request(self, watch: Watch) -> None:
        """A job that needs hosts which are down is shown waiting, with what it asks for and wishes."""
        id_ = watch.submit(4, "true", burstable="burst-0")
        job = watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        assert job.request == Request(hosts=4, slots=1, cores=1, exclusive=True)
        assert job.wish == Wish("burst-0")
        assert (job.name, job.ranks, job.urgency) == ("true", (), 16)
        assert (job.hold, job.stale_hold) == (None, False)

    def test_a_waiting_job_runs_when_its_host_joins(self, watch: Watch, stage: LeadStage) -> None:
        """A host that joins is shown online, and the job's allocation on it until it is freed."""
        id_ = watch.submit(3, "sleep", "300")
        watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        stage.start_host("burst-0-0")
        assert watch.until_host(4, lambda host: host.online).drain_reason is None
        assert watch.until_job(id_, lambda job: job.state is JobState.RUN).ranks == (0, 1, 4)
        busy = watch.until_host(4, lambda host: host.jobs)
        assert (busy.jobs, busy.free_cores) == ((id_,), 0)
        watch.cancel(id_)
        free = watch.until_host(4, lambda host: not host.jobs)
        assert free.free_cores == stage.cores
        assert free.quiet_since > busy.quiet_since
        watch.until_gone(id_)

    def test_a_finished_job_is_gone(self, watch: Watch) -> None:
        """A job that ended by itself is no longer shown, and its hosts are free."""
        id_ = watch.submit(2, "true")
        view = watch.until_gone(id_)
        assert [host.jobs for host in view.hosts[:2]] == [(), ()]

    def test_a_cancelled_job_is_gone(self, watch: Watch) -> None:
        """A waiting job that is cancelled is no longer shown."""
        id_ = watch.submit(4, "true")
        watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        watch.cancel(id_)
        watch.until_gone(id_)

    def test_drains_leave_other_drains_alone(self, watch: Watch) -> None:
        """A rank that somebody else drained keeps the reason, and is never undrained by burstd."""
        watch.rpc("resource.drain", targets="5", reason="broken fan")
        reason = f"{drain_mark(OWNER)}idle"
        watch.lead.drain((4, 5, 6), reason)
        watch.until(
            lambda view: [host.drain_reason for host in view.hosts[4:7]] == [reason, "broken fan", reason]
        )
        watch.lead.drain((4,), f"{drain_mark(OWNER)}again")
        watch.lead.undrain((4, 5, 6, 7), "somebody else")
        watch.lead.undrain((5, 6, 7), OWNER)
        watch.until(
            lambda view: [host.drain_reason for host in view.hosts[4:7]] == [reason, "broken fan", None]
        )

    def test_undrain_begins_a_quiet_time(self, watch: Watch) -> None:
        """Idleness is counted from the undrain."""
        watch.lead.drain((1,), f"{drain_mark(OWNER)}idle")
        drained = watch.until_host(1, lambda host: not host.usable)
        watch.lead.undrain((1,), OWNER)
        assert watch.until_host(1, lambda host: host.usable).quiet_since > drained.quiet_since

    def test_drain_of_a_rank_that_is_not_there_is_refused(self, watch: Watch) -> None:
        """The lead's refusal reaches the caller."""
        with pytest.raises(LeadRefused):
            watch.lead.drain((99,), f"{drain_mark(OWNER)}idle")

    def test_a_sentence_reaches_the_job_and_comes_back(self, watch: Watch, stage: LeadStage) -> None:
        """What burstd tells a job is shown as told, also to one who follows later, until it is taken out."""
        id_ = watch.submit(4, "true")
        watch.until_job(id_, lambda job: job.state is JobState.SCHED)
        watch.lead.tell(id_, "Its hosts come.")
        watch.until_job(id_, lambda job: job.told == "Its hosts come.")
        with contextlib.closing(self.make_lead(stage)) as other:
            Watch(other, watch.handle).until_job(id_, lambda job: job.told == "Its hosts come.")
        watch.lead.tell(id_, "")
        watch.until_job(id_, lambda job: job.told == "")

    def test_a_sentence_to_a_job_that_is_gone_is_no_error(self, watch: Watch) -> None:
        """A job may end between the decision to tell it something and the telling."""
        id_ = watch.submit(1, "true")
        watch.until_gone(id_)
        watch.lead.tell(id_, "Too late.")

    def test_directories_are_made_on_hosts(self, watch: Watch, tmp_path: Path) -> None:
        """Each host makes what is asked for, whatever the name looks like, and says nothing."""
        paths = [str(tmp_path.resolve() / name) for name in _NAMES]
        made = [Directory(path, os.getuid()) for path in paths]
        assert watch.lead.make_directories((0, 1), made) == {0: "", 1: ""}
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(_NAMES)

    def test_a_directory_that_cannot_be_made_is_said(self, watch: Watch, tmp_path: Path) -> None:
        """What stands in the way is told for each host, and the others are made."""
        (tmp_path / "link").symlink_to(tmp_path)
        wanted = [Directory(str(tmp_path.resolve() / name), os.getuid()) for name in ("link/x", "made")]
        said = watch.lead.make_directories((1,), wanted)
        assert "link is a symbolic link" in said[1]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "made"]

    def test_a_host_that_is_gone_makes_no_directories(self, watch: Watch, tmp_path: Path) -> None:
        """A rank that is not up, or not there, is left out."""
        wanted = [Directory(str(tmp_path.resolve() / "made"), os.getuid())]
        assert watch.lead.make_directories((1, 4, 99), wanted) == {1: ""}
        assert watch.lead.make_directories((), wanted) == {}

    def test_many_directories_are_made_at_once(self, watch: Watch, tmp_path: Path) -> None:
        """As many as one effect has, with long paths."""
        folder = tmp_path.resolve() / ("x" * 200) / ("y" * 200)
        wanted = [Directory(str(folder / f"{number:03}"), os.getuid()) for number in range(MOST_AT_ONCE)]
        assert watch.lead.make_directories((1,), wanted) == {1: ""}
        assert len(list(folder.iterdir())) == MOST_AT_ONCE

    def test_a_host_that_dies_is_seen_offline(self, watch: Watch, stage: LeadStage) -> None:
        """The loss of a broker is shown without being asked for."""
        stage.start_host("burst-0-3")
        watch.until_host(7, lambda host: host.online)
        stage.kill_host("burst-0-3")
        watch.until_host(7, lambda host: not host.online)

    def test_a_lead_that_dies_is_noticed_and_found_again(self, watch: Watch, stage: LeadStage) -> None:
        """There is no view soon after the lead died, and one of the new generation soon after it is back."""
        old = watch.until(lambda view: view.hosts).generation
        stage.kill_lead()
        watch.until_lost(LOSS_SECONDS)
        stage.restart_lead()
        new = watch.until(lambda view: view.hosts[0].online).generation
        assert new != old
        assert watch.lead.facts().generation == new

    def test_close_ends_every_thread(self, stage: LeadStage) -> None:
        """A lead that is closed leaves no thread behind."""
        before = set(threading.enumerate())
        with (
            contextlib.closing(self.make_lead(stage)) as lead,
            contextlib.closing(opener(stage.uri)()) as handle,
        ):
            Watch(lead, handle).until(lambda view: view.hosts)
        assert set(threading.enumerate()) <= before
