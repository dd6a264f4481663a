"""The scene of the bursting experiment, played on this machine with the real daemon.

A lead with two hosts up, of four declared, and a pool of four: a burstable job for four hosts waits,
an ordinary job passes it, burstd brings the pool up, the job runs; a job for six hosts runs over both; the
idle hosts go away.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from burstd.core.hosts import compress, expand
from burstd.core.jobid import f58
from burstd.core.model import JobState, LeadView
from burstd.stage.daemon import DaemonProcess
from burstd.stage.flavor import Wanted, choose
from burstd.stage.lead import Stage
from burstd.stage.leavings import sweep
from burstd.stage.screen import output_table, phase_table, resource_table
from burstd.stage.watch import PATIENCE_SECONDS, Watch

Say = Callable[[str], None]

OWNER = "demo"

IDLE_SECONDS = 2.0
"""Idle time in the demo: long enough for the second job to come, short enough to watch."""


def play(flux: Wanted, say: Say) -> int:
    """Play the scene on `auto`, `real` or `embedded` Flux, telling each step as it happens; return 0."""
    flavor = choose(flux)
    say(f"burstd demo on {flavor.name} Flux: {flavor.why}")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burstd-demo-")))
        say("Starting a lead: flux-sample-[0-1] up, flux-sample-[2-3] and burst-0-[0-3] declared ...")
        stage = stack.enter_context(Stage(directory / "stage", flavor.name))
        stack.callback(sweep, stage, OWNER, directory / "state")
        daemon = stack.enter_context(_daemon(stage, directory, say))
        watch = stack.enter_context(Watch(stage.uri, daemon.check))
        _Scene(stage, watch, daemon, say).play()
    say("Every broker, process and file of the demo is gone.")
    return 0


class _Scene:
    """One run of the scene: its stage, its daemon, its watch of the lead."""

    def __init__(self, stage: Stage, watch: Watch, daemon: DaemonProcess, say: Say) -> None:
        self.stage = stage
        self.watch = watch
        self.daemon = daemon
        self.say = say
        self.times: list[tuple[str, float]] = []

    def play(self) -> None:
        self.show("Resources before", self.watch.until(lambda _: True, "the lead is read"))
        self.begin()
        self.burst()
        self.span()
        self.release()
        self.end()
        self.say("\nSeconds of each phase:\n" + phase_table(self.times))

    def begin(self) -> None:
        begun = time.monotonic()
        self.say("\n$ burstd --config burstd.yaml")
        self.daemon.start()
        self.daemon.said("serving the lead", PATIENCE_SECONDS)
        self.timed("burstd started until it serves the lead", begun)

    def burst(self) -> None:
        begun = time.monotonic()
        job = self.submit(4)
        self.overtake(job)
        view = self.watch.until_online(self.stage.pool_hosts)
        self.timed("job of 4 hosts submitted until 4 burst hosts are online", begun)
        begun = time.monotonic()
        self.finish(job)
        self.timed("burst hosts online until the job's output is read", begun)
        self.show("Resources during the burst", view)

    def overtake(self, waiting: int) -> None:
        """An ordinary job that comes later is not blocked by the one that waits for hosts."""
        self.say("\n$ flux submit -N 1 hostname")
        job = self.watch.submit(["hostname"], 1, burstable=0)
        (rank,) = self.watch.until_ended(job)
        view = self.watch.until(lambda _: True, "the lead is read")
        waits = any(one.id == waiting and one.state is JobState.SCHED for one in view.jobs)
        passed = "past the job that waits for its hosts" if waits else "after the other job"
        self.say(f"{f58(job)}\nIt ran on {self.names()[rank]}, {passed}.")

    def span(self) -> None:
        begun = time.monotonic()
        self.finish(self.submit(6))
        self.timed("job of 6 hosts over lead and burst, submitted until its output is read", begun)

    def release(self) -> None:
        begun = time.monotonic()
        self.say(f"\nNothing more to do: burstd gives idle hosts back after {IDLE_SECONDS:g} s ...")
        view = self.watch.until_released(self.stage.pool_hosts)
        self.timed("last job ended until all burst hosts are released", begun)
        self.show("Resources after", view)

    def end(self) -> None:
        begun = time.monotonic()
        self.daemon.stop()
        self.timed("burstd told to stop until it is gone", begun)

    def submit(self, hosts: int) -> int:
        self.say(f"\n$ flux submit -N {hosts} --setattr=burstable hostname")
        job = self.watch.submit(["hostname"], hosts)
        self.say(f58(job))
        return job

    def finish(self, job: int) -> None:
        names = self.names()
        hosts = [names[rank] for rank in self.watch.until_ended(job)]
        lines = self.watch.output(job)
        self.say(f"Job {f58(job)} ran on {compress(hosts)}:\n{output_table(lines, hosts)}")
        self.say(_truth(self.stage.names_are_real))

    def names(self) -> list[str]:
        return [host for one in self.stage.declared for host in expand(one.hosts)]

    def show(self, title: str, view: LeadView) -> None:
        self.say(f"\n{title}:\n{resource_table(view)}")

    def timed(self, what: str, begun: float) -> None:
        self.times.append((what, time.monotonic() - begun))


def _truth(names_are_real: bool) -> str:
    if names_are_real:
        return "Each broker has a UTS namespace of its own: `hostname` itself says these names."
    return "No UTS namespaces are allowed here: `hostname` says this machine's name, the hosts are from R."


def _daemon(stage: Stage, directory: Path, say: Say) -> DaemonProcess:
    pool = {"name": "burst-0", "provider": "local", "idle_seconds": IDLE_SECONDS, "join_seconds": 30.0}
    config = {"owner": OWNER, "state_dir": str(directory / "state"), "pools": [pool]}
    path = directory / "burstd.yaml"
    return DaemonProcess(config, path, stage.environment(), lambda line: say(f"  burstd | {line}"))
