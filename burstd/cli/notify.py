"""`burstd notify`: who is told of what, and whether that works."""

from __future__ import annotations

from typing import Annotated

import typer

from burstd.cli.options import Written, configured
from burstd.cli.terminal import waiting


@configured
def notify(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    test: Annotated[bool, typer.Option("--test", help="Tell each of them that this is a test.")] = False,
) -> None:
    """Say who is told of which events; with --test, tell them something and say how that went.

    Exit code 1: one of them could not be told.
    """
    from burstd.cli.notified import listed, tried

    config = written.load()
    if not config.notify:
        typer.echo("Nobody is told of anything: the configuration has no `notify`.")
    elif not test:
        for line in listed(config):
            typer.echo(line)
    else:
        with waiting("somebody to take the notice"):
            whole = tried(config, typer.echo)
        raise typer.Exit(0 if whole else 1)


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(notify)
