"""A lead of one's own with burstd beside it, kept up until Ctrl-C: `burstd demo --keep`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from shlex import quote
from textwrap import dedent

from burstd.stage import machine
from burstd.stage.daemon import DaemonProcess
from burstd.stage.flavor import Wanted, choose
from burstd.stage.lead import POOL, Stage
from burstd.stage.leavings import sweep
from burstd.stage.watch import PATIENCE_SECONDS

Say = Callable[[str], None]

OWNER = "demo"
CONFIG = "burstd.yaml"
SHELL = "env.sh"

IDLE_SECONDS = 120.0
"""Long enough to look at hosts that have no job, short enough to see them go."""

DOLLARS_PER_HOUR = 18.0
"""Of a host: made up, and high, so that a burst of a minute costs something."""

DOLLARS_PER_DAY = 500.0


def keep(flux: Wanted, say: Say) -> int:
    """Keep a lead and burstd up, and say how to use them; return 0 once Ctrl-C took both away."""
    flavor = choose(flux)
    say(f"burstd demo on {flavor.name} Flux: {flavor.why}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burstd-demo-")))
        stage = stack.enter_context(Stage(directory / "stage", flavor.name, queues=True, start_queues=True))
        stack.callback(sweep, stage, OWNER, directory / "state")
        page = machine.free_port()
        daemon = stack.enter_context(_daemon(stage, directory, page, say))
        daemon.start()
        daemon.said("the page is at", PATIENCE_SECONDS)
        (directory / SHELL).write_text(_shell(stage, page, daemon.pid))
        say(_how_to(stage, directory, page))
        with suppress(KeyboardInterrupt):
            _wait(daemon, say)
        if daemon.runs:
            daemon.stop()
    say("Every broker, process and file of the demo is gone.")
    return 0


def _wait(daemon: DaemonProcess, say: Say) -> None:
    """Wait for Ctrl-C, which raises KeyboardInterrupt; burstd may be stopped, and started again, by hand."""
    code = daemon.wait()
    say(f"burstd ended with exit code {code}. The lead stays up until Ctrl-C here.")
    say(f"To start burstd again, in the other shell: burstd --config {CONFIG}")
    while True:
        signal.pause()


def _daemon(stage: Stage, directory: Path, page: int, say: Say) -> DaemonProcess:
    pool = {
        "name": POOL,
        "provider": "local",
        "idle_seconds": IDLE_SECONDS,
        "join_seconds": 30.0,
        "max_lifetime_seconds": 3600.0,
        "cost_per_hour": DOLLARS_PER_HOUR,
        "probe": False,
    }
    config = {
        "owner": OWNER,
        "state_dir": "state",
        "http": {"port": page},
        "limits": {"dollars_per_day": DOLLARS_PER_DAY},
        "pools": [pool],
    }
    return DaemonProcess(
        config,
        directory / CONFIG,
        stage.environment(),
        lambda line: say(f"  burstd | {line}"),
        own_group=True,
    )


def _shell(stage: Stage, page: int, pid: int) -> str:
    """Return what a shell reads to find the lead, burstd and its page."""
    bindings = stage.flavor.bindings
    lines = [
        f"export FLUX_URI={quote(stage.uri)}",
        f'export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"',
        *([f'export PYTHONPATH={quote(bindings)}"${{PYTHONPATH:+:$PYTHONPATH}}"'] if bindings else ()),
        f"PAGE=http://127.0.0.1:{page}",
        f"BURSTD_PID={pid}",
    ]
    return "\n".join(lines) + "\n"


def _how_to(stage: Stage, directory: Path, page: int) -> str:
    submit = "flux" if stage.flavor.name == "real" else "python -m burstd.stage.user"
    return dedent(f"""
        A lead is up, and burstd serves it, until Ctrl-C here. In another shell:

          cd {directory}
          . ./{SHELL}
          burstd status --config {CONFIG}
          {submit} submit -N 4 --setattr=burstable hostname

        FLUX_URI: {stage.uri}
        Configuration: {directory / CONFIG}
        The page: http://127.0.0.1:{page}/
    """)
