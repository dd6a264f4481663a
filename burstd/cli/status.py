"""`burstd status`: pools, bursts, jobs that wait, as the daemon sees them or as the ledger has them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from burstd.cli.options import Written, configured
from burstd.cli.terminal import waiting
from burstd.cli.why import Socket


@configured
def status(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")] = False,
    socket: Socket = None,
) -> None:
    """Say what stands: pools, bursts with their hosts, jobs and cost, why jobs wait. Changes nothing.

    Asks the daemon that runs with this configuration; without one it reads the ledger, and says so.
    """
    from burstd.cli.standing import as_table, as_text, found, found_at, watched

    if as_json and watch:
        raise typer.BadParameter(
            "--watch is for people; ask for --json again and again", param_hint="--watch"
        )
    look = partial(found_at, socket) if socket else partial(found, written.load(here=False))
    if watch:
        watched(look)
    else:
        with waiting("the answer of the burstd that runs"):
            seen = look()
        typer.echo((as_text if as_json else as_table)(seen))


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(status)
