"""`burstd why`: why jobs wait, as the daemon decided last."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from burstd.cli.options import Written, configured

Socket: Any = Annotated[
    Path | None,
    typer.Option("--socket", help="Ask here, as other users may.", metavar="FILE", show_default=False),
]


@configured
def why(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    job: Annotated[str, typer.Argument(metavar="[JOBID]", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    socket: Socket = None,
) -> None:
    """Say why a job waits: what was considered, what refused it there, what comes next. Changes nothing.

    Without a job it says why jobs wait, by reason. Exit code 1: of that job, or of any, nothing is known.
    """
    from burstd.cli.reasoned import of_all, of_one

    text, told = of_one(written, socket, job, as_json) if job else of_all(written, socket, as_json)
    typer.echo(text)
    raise typer.Exit(0 if told else 1)


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(why)
