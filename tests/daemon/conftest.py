"""A lead on this machine with a daemon of its own beside it, on each Flux there is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from burstd.core.model import Site
from burstd.stage import leavings, machine
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch

IDLE_SECONDS = 0.5


@dataclass
class Town:
    """A stage, a watch of its lead, and as many runs of burstd as a test wants."""

    stage: Stage
    watch: Watch
    directory: Path
    stack: ExitStack
    daemons: list[DaemonProcess] = field(default_factory=list)

    def burstd(
        self,
        *flags: str,
        idle: float = IDLE_SECONDS,
        lead: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        **pool: Any,
    ) -> DaemonProcess:
        """Return a burstd of this town, not yet started; other keywords change its only pool."""
        written = {"name": "burst-0", "provider": "local", "idle_seconds": idle} | pool
        config = {
            "owner": "town",
            "state_dir": str(self.state),
            "lead": dict(lead or {}),
            "pools": [written],
            **(settings or {}),
        }
        path = self.directory / f"burstd-{len(self.daemons)}.yaml"
        daemon = DaemonProcess(config, path, self.stage.environment(), flags=flags)
        self.daemons.append(self.stack.enter_context(daemon))
        return daemon

    def serving(self, **pool: Any) -> DaemonProcess:
        """Return a burstd that serves the lead."""
        daemon = self.burstd(**pool)
        daemon.start()
        daemon.said("serving the lead", 20)
        return daemon

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another burstd command with the configuration of the latest burstd."""
        latest = self.daemons[-1]
        program, rest = latest.command[:3], latest.command[3:]
        return subprocess.run(
            [*program, *words, *rest],
            env=latest.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    @property
    def state(self) -> Path:
        return self.directory / "s"

    @property
    def ledger(self) -> Path:
        return self.state / "town" / "ledger.db"

    def sites(self) -> tuple[Site, ...]:
        """Return what runs on this machine for the town's burstd, by the provider's own listing."""
        return leavings.sites(self.stage, "town", self.state)

    def until_no_site(self, seconds: float) -> None:
        """Wait until nothing of burstd's runs or lies on this machine."""
        deadline = time.monotonic() + seconds
        while self.sites() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.sites() == ()

    def broker_pids(self) -> list[int]:
        """Return the processes whose command line names a directory of this town's bursts."""
        mark = f"-Srundir={self.state}/".encode()
        pids = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if mark in path.read_bytes():
                    pids.append(int(path.parent.name))
            except OSError:
                continue  # it ended while the listing was made
        return pids

    def tell(self) -> None:
        """Repeat what each burstd said: pytest shows it where a test failed."""
        for number, daemon in enumerate(self.daemons):
            sys.stderr.write("\n".join([f"burstd {number} said:", *daemon.lines, ""]))

    def sweep(self) -> None:
        leavings.sweep(self.stage, "town", self.state)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def make_town(request: pytest.FixtureRequest) -> Iterator[Callable[..., Town]]:
    with ExitStack() as stack:

        def make_one(**options: Any) -> Town:
            if (
                request.param == "real"
                and options.get("sched") in ("easy", "fcfs")
                and not machine.has_fluxion()
            ):
                pytest.skip("this Flux has no Fluxion")
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="town-")))
            stage = stack.enter_context(Stage(directory / "stage", request.param, **options))
            watch = stack.enter_context(Watch(stage.uri))
            town = Town(stage, watch, directory, stack)
            stack.callback(town.sweep)
            stack.callback(town.tell)
            return town

        yield make_one


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    return make_town()
