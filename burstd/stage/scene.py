"""The scene of the bursting experiment, played on this machine with the real daemon.

A lead with two hosts up, of four declared, and a pool of four: a burstable job for four hosts waits,
burstd brings the pool up, the job runs; a job for six hosts runs over both; the idle hosts go away.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from burstd.core.errors import BurstdError
from burstd.core.hosts import compress
from burstd.core.jobid import f58
from burstd.core.model import Job, JobState, LeadView
from burstd.lead.connect import opener
from burstd.lead.handle import Handle
from burstd.lead.jobspec import command_jobspec, submit
from burstd.lead.live import LiveLead
from burstd.stage.daemon import DaemonProcess
from burstd.stage.flavor import Wanted, choose
from burstd.stage.lead import Stage
from burstd.stage.output import read_output
from burstd.stage.screen import output_table, phase_table, resource_table

Say = Callable[[str], None]

IDLE_SECONDS = 2.0
"""Idle time in the demo: long enough for the second job to come, short enough to watch."""

PATIENCE_SECONDS = 30.0
"""How long any one step of the scene may take."""


class StepFailed(BurstdError):
    """A step of the scene did not come about in time."""


def play(flux: Wanted, say: Say) -> int:
    """Play the scene on `auto`, `real` or `embedded` Flux, telling each step as it happens; return 0."""
    flavor = choose(flux)
    say(f"burstd demo on {flavor.name} Flux: {flavor.why}")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burstd-demo-")))
        say("Starting a lead: flux-sample-[0-1] up, flux-sample-[2-3] and burst-0-[0-3] declared ...")
        stage = stack.enter_context(Stage(directory / "stage", flavor.name))
        return _Scene(stage, directory, say, stack).play()


class _Scene:
    """One run of the scene: its stage, its daemon, its watch of the lead."""

    def __init__(self, stage: Stage, directory: Path, say: Say, stack: ExitStack) -> None:
        self.stage = stage
        self.say = say
        self.times: list[tuple[str, float]] = []
        self.changed = threading.Event()
        connect = opener(stage.uri)
        self.lead = LiveLead(connect)
        stack.callback(self.lead.close)
        self.lead.start(self.changed.set)
        self.handle: Handle = connect()
        stack.callback(self.handle.close)
        self.daemon = stack.enter_context(
            DaemonProcess(
                _config(directory),
                directory / "burstd.yaml",
                stage.environment(),
                lambda line: say(f"  burstd | {line}"),
            )
        )

    def play(self) -> int:
        self.show("Resources before", self.wait(lambda _: True, "the lead is read"))
        self.say("\n$ burstd --config burstd.yaml")
        self.daemon.start()
        self.burst()
        self.span()
        self.release()
        self.stop()
        self.say("\nSeconds of each phase:\n" + phase_table(self.times))
        return 0

    def burst(self) -> None:
        begun = time.monotonic()
        job = self.submit(4)
        view = self.wait(lambda view: _online(view, self.pool) == 4, "four burst hosts are online")
        self.timed("submit until all burst hosts are online", begun)
        self.finish(job, "burst hosts online until the first job ended")
        self.show("Resources during the burst", view)

    def span(self) -> None:
        begun = time.monotonic()
        job = self.submit(6)
        self.finish(job, "a job over lead and burst, submit to end", begun)

    def release(self) -> None:
        begun = time.monotonic()
        self.say(f"\nNothing more to do: burstd gives idle hosts back after {IDLE_SECONDS:g} s ...")
        view = self.wait(self.all_gone, "the burst hosts are gone and undrained")
        self.timed("last job ended until all burst hosts are released", begun)
        self.show("Resources after", view)

    def stop(self) -> None:
        begun = time.monotonic()
        self.daemon.stop()
        self.timed("burstd stopped in order", begun)

    @property
    def pool(self) -> tuple[str, ...]:
        return self.stage.pool_hosts

    def all_gone(self, view: LeadView) -> bool:
        remote = [host for host in view.hosts if host.name in self.pool]
        return not any(host.online or host.drain_reason is not None for host in remote)

    def submit(self, hosts: int) -> int:
        self.say(f"\n$ flux submit -N {hosts} --setattr=burstable hostname")
        job = submit(self.handle, command_jobspec(["hostname"], hosts, burstable=1, cwd="/tmp"))
        self.say(f"{f58(job)}")
        return job

    def finish(self, job: int, what: str, begun: float | None = None) -> None:
        begun = begun or time.monotonic()
        ran = self.wait_job(job)
        lines = read_output(self.handle, job, PATIENCE_SECONDS)
        self.timed(what, begun)
        hosts = [host for host in self.names if host]
        placed = [hosts[rank] for rank in ran]
        self.say(f"Job {f58(job)} ran on {compress(placed)}:\n{output_table(lines, placed)}")
        self.say(self.truth(lines, placed))

    def truth(self, lines: list[tuple[int, str]], placed: list[str]) -> str:
        if all(placed[task] == text for task, text in lines):
            return "Each broker has a UTS namespace of its own, so `hostname` tells the burst's host names."
        return "No UTS namespaces are allowed here: names are from the job's R, `hostname` is the machine's."

    @property
    def names(self) -> list[str]:
        view = self.lead.view()
        return [host.name for host in view.hosts] if view else []

    def wait_job(self, job: int) -> tuple[int, ...]:
        """Wait until the job is over; return the ranks that it had, in task order."""
        seen: dict[int, tuple[int, ...]] = {}

        def over(view: LeadView) -> bool:
            found = _job(view, job)
            if found is not None and found.ranks:
                seen[job] = found.ranks
            return found is None or found.state is JobState.INACTIVE

        self.wait(over, f"job {f58(job)} ended")
        return seen.get(job) or self.ranks_of(job)

    def ranks_of(self, job: int) -> tuple[int, ...]:
        """Ask for the R of a job that ended before it was seen to run."""
        from burstd.lead.rlite import shares

        answer = self.handle.rpc("job-info.lookup", {"id": job, "keys": ["R"], "flags": 1})
        return tuple(shares(answer["R"]))

    def wait(self, condition: Callable[[LeadView], bool], what: str) -> LeadView:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.changed.clear()
            view = self.lead.view()
            if view is not None and condition(view):
                return view
            self.daemon.check()
            self.changed.wait(0.5)
        raise StepFailed(f"after {PATIENCE_SECONDS:g} s it is still not so that {what}")

    def show(self, title: str, view: LeadView) -> None:
        self.say(f"\n{title}:\n{resource_table(view)}")

    def timed(self, what: str, begun: float) -> None:
        self.times.append((what, time.monotonic() - begun))


def _config(directory: Path) -> dict[str, object]:
    pool = {"name": "burst-0", "provider": "local", "idle_seconds": IDLE_SECONDS, "join_seconds": 30.0}
    return {"owner": "demo", "state_dir": str(directory / "state"), "pools": [pool]}


def _online(view: LeadView, names: tuple[str, ...]) -> int:
    return sum(host.online for host in view.hosts if host.name in names)


def _job(view: LeadView, job: int) -> Job | None:
    return next((one for one in view.jobs if one.id == job), None)
