"""`burstd doctor`: what is well, what is not, what to do; for one pool also why its burst does not join."""

from __future__ import annotations

from typing import Annotated

import typer

from burstd.cli.options import Written, configured


@configured
def doctor(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: Annotated[str, typer.Argument(metavar="[POOL]", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Check all that a burst needs, one line a check; with POOL also why its hosts do not join.

    Changes nothing, with or without a burstd that runs. Exit code 1: a check failed.
    """
    from burstd.cli.examined import as_text, shown

    config = written.load()
    raise typer.Exit(as_text(config, pool) if as_json else shown(config, pool))


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(doctor)
