"""`burstd metrics`: what the daemon counts and measures, as Prometheus reads it."""

from __future__ import annotations

import typer

from burstd.cli.options import Written, configured
from burstd.core.errors import BurstdError


@configured
def metrics(ctx: typer.Context, written: Written) -> None:  # noqa: ARG001
    """Print the running daemon's metrics in Prometheus' text format. Changes nothing.

    Exit code 1, with nothing printed, where no daemon runs with this configuration.
    """
    from burstd.engine import control
    from burstd.engine.statedir import state_dir

    state = state_dir(written.load(here=False))
    try:
        answer = control.question(state, "metrics")
    except (FileNotFoundError, ConnectionRefusedError) as exc:
        raise BurstdError(f"no burstd runs with state directory {state}; only one that runs counts") from exc
    except PermissionError as exc:
        raise BurstdError(f"{state} is not yours: ask as the user of burstd, or as root") from exc
    typer.echo(answer["text"], nl=False)


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(metrics)
