"""The commands by which a person orders something: up, down, pause, resume, reopen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burstd.cli.completions import pools
from burstd.cli.options import Written, configured
from burstd.cli.terminal import waiting

if TYPE_CHECKING:
    from burstd.engine.orders import Do

_Pool = Annotated[str, typer.Argument(metavar="POOL", show_default=False, autocompletion=pools)]
_AnyPool = Annotated[str, typer.Argument(metavar="[POOL]", show_default=False, autocompletion=pools)]
_All = Annotated[bool, typer.Option("--all", help="Every pool.")]


@configured
def up(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: _Pool,
    hosts: Annotated[int, typer.Option(help="How many hosts [all of the pool].", min=0)] = 0,
    for_: Annotated[str, typer.Option("--for", help="How long, such as 30m or 2h.", metavar="SPAN")] = "1h",
    wait: Annotated[bool, typer.Option("--wait", help="Return once the burst serves.")] = False,
) -> None:
    """Have hosts of a pool up for a while, whether jobs need them or not; limits and budgets hold."""
    from burstd.cli.byhand import seconds

    _order(written, "up", pool, hosts=hosts, seconds=seconds(for_), wait=wait)


@configured
def down(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: _AnyPool = "",
    every: _All = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return once it is verified gone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not wait for running jobs: they fail.")] = False,
) -> None:
    """Take a pool's burst down, also while it is being made; the pool then stays down until it is opened."""
    _order(written, "down", _one_or_all(pool, every), wait=wait, force=force)


@configured
def pause(ctx: typer.Context, written: Written) -> None:  # noqa: ARG001
    """Make nothing until `burstd resume`; what is up serves on, and goes when it is idle or too old."""
    _order(written, "pause")


@configured
def resume(ctx: typer.Context, written: Written) -> None:  # noqa: ARG001
    """Make hosts appear again after `burstd pause`, or where what was spent today is not known."""
    _order(written, "resume")


@configured
def reopen(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: _AnyPool = "",
    every: _All = False,
) -> None:
    """Open a pool that was taken down by hand, or that burstd closed because its bursts failed."""
    _order(written, "reopen", _one_or_all(pool, every))


def _one_or_all(pool: str, every: bool) -> str:
    if bool(pool) == every:
        raise typer.BadParameter("name one pool, or say --all", param_hint="POOL")
    return pool


def _order(written: Written, do: Do, pool: str = "", **how: Any) -> None:
    from burstd.cli.byhand import obeyed, progress
    from burstd.engine.orders import Order

    config = written.load(here=False)
    with waiting("burstd to do that", lambda: progress(config, pool)):
        for sentence in obeyed(config, Order(do, (pool,) if pool else (), **how)):
            typer.echo(sentence)


def add_to(app: typer.Typer) -> None:
    """Give these commands to an app."""
    for command in (up, down, pause, resume, reopen):
        app.command()(command)
