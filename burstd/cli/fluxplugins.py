"""`burstd flux-plugins`: puts burstd's plugins for Flux where Flux finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burstd.cli.choices import SETTINGS
from burstd.cli.options import Written, configured

flux_plugins = typer.Typer(
    help="Give Flux's own commands the option --burst.", no_args_is_help=True, **SETTINGS
)


@flux_plugins.command("path")
def path() -> None:
    """Print the folder of the plugins, for FLUX_CLI_PLUGINPATH and for plugins in [ingest.frobnicator]."""
    from burstd.cli.plugged import folder

    typer.echo(folder())


@flux_plugins.command("export")
@configured
def export(ctx: typer.Context, written: Written) -> None:  # noqa: ARG001
    """Print what the plugins must know of the pools, as JSON. There is no secret in it."""
    from burstd.cli.rendered import shaped
    from burstd.config.poolfile import told

    typer.echo(told(shaped(written.load(here=False))), nl=False)


@flux_plugins.command("install")
@configured
def install(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    to: Annotated[
        Path | None, typer.Option(help="Where to [Flux's own folder for them].", metavar="DIR")
    ] = None,
) -> None:
    """Copy the plugins into a folder, and write there what they must know of the pools.

    Once more after each change of the pools. Everyone may read what is written.
    """
    from burstd.cli.plugged import install as install_into
    from burstd.cli.rendered import shaped
    from burstd.config.poolfile import told

    for line in install_into(told(shaped(written.load(here=False))), to):
        typer.echo(line)
