"""How `burstd doctor` shows what was found: a line for each check, or one JSON document."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from burstd.config import Config
from burstd.core.errors import ConfigError, Problem
from burstd.core.findings import Finding, State, failures
from burstd.core.text import printable
from burstd.doctor.looks import examine
from burstd.doctor.scene import Scene

LONG_SECONDS = 2.0
"""A check that takes longer is named while it goes on."""

_COLOURS = {
    State.OK: typer.colors.GREEN,
    State.NOT_CHECKED: typer.colors.BLUE,
    State.WARNING: typer.colors.YELLOW,
    State.FAILED: typer.colors.RED,
}
_WIDTH = max(len(state) for state in State)


def shown(config: Config, pool: str) -> int:
    """Print each finding as it comes; return the exit code. Raises ConfigError."""
    found = []
    for finding in _findings(config, pool):
        found.append(finding)
        typer.echo(line(finding, colours=_wants_colours()))
    return 1 if failures(found) else 0


def as_text(config: Config, pool: str) -> int:
    """Print all findings as one JSON document, in ASCII; return the exit code. Raises ConfigError."""
    found = tuple(_findings(config, pool))
    document = {"failed": failures(found), "findings": [one.document() for one in found]}
    typer.echo(json.dumps(document, indent=2))
    return 1 if failures(found) else 0


def line(finding: Finding, *, colours: bool = False) -> str:
    """Return a finding as a line: how it stands, what it is about, what to do, and what shows it."""
    state = finding.state.ljust(_WIDTH)
    start = typer.style(state, fg=_COLOURS[finding.state]) if colours else state
    about = f" of {finding.about}" if finding.about else ""
    remedy = f"; to do: {finding.remedy}" if finding.remedy else ""
    proof = f" [{finding.proof}]" if finding.proof else ""
    return f"{start}  {printable(f'{finding.check}{about}: {finding.sentence}{proof}{remedy}')}"


def _findings(config: Config, pool: str) -> Iterator[Finding]:
    names = [one.name for one in config.pools]
    if pool and pool not in names:
        what = f"no pool is called {pool!r}"
        raise ConfigError((Problem("POOL", what, f"there are {', '.join(names)}"),))
    with Scene(config, pool) as scene:
        yield from examine(scene, progress, burst=bool(pool))


def _wants_colours() -> bool:
    """Colours are for a terminal, unless somebody wants none (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


@contextmanager
def progress(what: str, seconds: float = LONG_SECONDS) -> Iterator[None]:
    """Say on the standard error what is looked at, if that takes longer."""
    timer = threading.Timer(seconds, typer.echo, (f"... looking at {what}",), {"err": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
