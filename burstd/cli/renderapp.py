"""`burstd render`: files written from the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from burstd.cli.choices import SETTINGS
from burstd.cli.completions import pools
from burstd.cli.options import Written, configured

_SCHEDULE = "*/10 * * * *"
"""Every ten minutes: what is left costs for that much longer at most."""

render = typer.Typer(help="Write files from the configuration.", no_args_is_help=True, **SETTINGS)


@render.command("lead-toml")
@configured
def lead_toml(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    base: Annotated[
        Path | None, typer.Option(help="The lead's broker.toml to merge into.", metavar="FILE")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Only the difference to --base.")] = False,
) -> None:
    """Print the lead's broker.toml with the pools declared; the difference to --base on stderr.

    Pools need `cores` for this, and without --base the lead its `hosts` and `cores`.
    """
    from burstd.cli.leadtoml import advice, declared, difference, read_base
    from burstd.cli.rendered import shaped

    before = read_base(base)
    after = declared(shaped(written.load(here=False)), before)
    changes = difference(before, after, str(base)) if base else ""
    if diff:
        typer.echo(changes, nl=False)
    else:
        typer.echo(after, nl=False)
        typer.echo(changes, nl=False, err=True)
    for sentence in advice(before, after):
        typer.echo(f"burstd: {sentence}", err=True)


@render.command("lead")
@configured
def lead(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    gateway: Annotated[bool, typer.Option("--gateway", help="With an nginx that leads to rank 0.")] = False,
) -> None:
    """Print all that a lead needs that is a MiniCluster with burstd beside it, for `kubectl apply -f -`."""
    from burstd.cli import rendered
    from burstd.kube.leadside import warnings

    config = written.load(here=False)
    typer.echo(rendered.lead(config, gateway=gateway), nl=False)
    for sentence in warnings(config):
        typer.echo(f"burstd: {sentence}", err=True)


@render.command("burst")
@configured
def burst(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: Annotated[str, typer.Argument(metavar="POOL", show_default=False, autocompletion=pools)],
    size: Annotated[int | None, typer.Option(help="How many hosts [all of the pool].", min=1)] = None,
    generation: Annotated[int, typer.Option(help="Which burst of the pool.", min=1)] = 1,
    command: Annotated[str, typer.Option(help="Alone, without a lead: run this command and end.")] = "",
    batch: Annotated[Path | None, typer.Option(help="The same with a batch script.", metavar="FILE")] = None,
) -> None:
    """Print what a burst's cluster would get. Secrets are left out."""
    from burstd.cli import rendered

    wanted = rendered.Wanted(pool, size, generation, command, batch)
    typer.echo(rendered.burst(written.load(here=False), wanted), nl=False)


@render.command("gc")
@configured
def gc(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    schedule: Annotated[str, typer.Option(help="How often, as cron says it.", metavar="CRON")] = _SCHEDULE,
) -> None:
    """Print a CronJob that runs `burstd gc` beside a lead on Kubernetes, for `kubectl apply -f -`."""
    from burstd.cli import rendered
    from burstd.kube.cronjob import manifests, warnings

    config = written.load(here=False)
    typer.echo(rendered.as_yaml(manifests(config, schedule)), nl=False)
    for sentence in warnings(config):
        typer.echo(f"burstd: {sentence}", err=True)
