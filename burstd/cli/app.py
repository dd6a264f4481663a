"""The commands. Each imports what it needs when it runs, so that `burstd --help` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from burstd.cli import completions, doctor, hand, leftover, metrics, notify, status, why
from burstd.cli.choices import SETTINGS, By, CostFormat, FluxChoice, LogFormat
from burstd.cli.completions import pools
from burstd.cli.examples import epilog
from burstd.cli.fluxplugins import flux_plugins
from burstd.cli.options import Written, configured
from burstd.cli.renderapp import render
from burstd.cli.terminal import waiting
from burstd.core.errors import BurstdError, ConfigError


class Plain(TyperGroup):
    """Turns every error that burstd raises on purpose into its sentences and an exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.epilog = epilog("")
        for name, command in _with_names(self.commands):
            command.epilog = epilog(name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            typer.echo("burstd: the configuration cannot be used; nothing was started.", err=True)
            for problem in exc.problems:
                typer.echo(f"  {problem}", err=True)
            raise typer.Exit(2) from exc
        except BurstdError as exc:
            typer.echo(f"burstd: {exc}", err=True)
            raise typer.Exit(1) from exc

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Parse and run. With --stand-by, a command line that is not understood is waited with, too."""
        if completions.ASKING in os.environ:
            completions.begin()
        words = list(sys.argv[1:] if args is None else args)
        stays = "--stand-by" in words and not set(words) & self.commands.keys()
        try:
            return super().main(args, *rest, **options)
        except SystemExit as exc:
            if not stays or exc.code in (0, None):
                raise
            from burstd.engine.standby import wait_for_end

            wait_for_end("burstd stands by: its command line is not understood; restart it with another")


def _with_names(commands: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in commands.items():
        yield f"{above}{name}", command
        yield from _with_names(getattr(command, "commands", {}), f"{above}{name} ")


_LEAD_AND_SITES = "the lead, and the lists of the pools' sites"

app = typer.Typer(cls=Plain, invoke_without_command=True, add_completion=False, **SETTINGS)
app.add_typer(render, name="render")
app.add_typer(flux_plugins, name="flux-plugins")


def _show_version(wanted: bool) -> None:
    if wanted:
        from burstd import __version__

        typer.echo(f"burstd {__version__}")
        raise typer.Exit


@app.callback()
@configured
def daemon(
    ctx: typer.Context,
    written: Written,
    log_format: Annotated[LogFormat, typer.Option(help="How the log is written.")] = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings and errors alone.")] = False,
    stand_by: Annotated[
        bool, typer.Option("--stand-by", help="Never end by itself: say what is wrong, wait, try again.")
    ] = False,
    version: Annotated[  # noqa: ARG001  eager: its callback has answered by now
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version and leave."),
    ] = False,
) -> None:
    """Make hosts appear for burstable Flux jobs that wait, and go away when nobody needs them.

    Without a command, runs the daemon beside the lead that $FLUX_URI names. Exit codes: 0 stopped in
    order, 1 the lead or this machine could not do what was asked, 2 the configuration cannot be used.
    """
    ctx.obj = written
    if ctx.invoked_subcommand is None:
        speech = {"as_json": log_format is LogFormat.JSON, "verbose": verbose, "quiet": quiet}
        raise typer.Exit(_serve(written, stand_by, **speech))


def _serve(written: Written, stand_by: bool, **speech: bool) -> int:
    """Run the daemon until it ends; `speech` is how it logs. Return its exit code."""
    from burstd.engine.log import set_up

    if stand_by:
        from burstd.engine import standby

        set_up(**speech)
        return standby.stand_by(written.load, written.config)
    config = written.load()
    from burstd.engine.wiring import run

    set_up(**speech)
    return run(config)


@app.command("check-config")
@configured
def check_config(ctx: typer.Context, written: Written) -> None:  # noqa: ARG001
    """Check file and flags, and hold them against the lead if $FLUX_URI or lead.uri names one."""
    from burstd.cli.checked import check

    with waiting(_LEAD_AND_SITES):
        for line in check(written.load()):
            typer.echo(line)


@app.command()
@configured
def plan(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say what would be done now and why. Changes nothing, spends nothing."""
    from burstd.cli.planned import as_table, as_text
    from burstd.engine.wiring import dry_run

    with waiting(_LEAD_AND_SITES):
        snapshot, policy, made = dry_run(written.load())
    if as_json:
        typer.echo(as_text(snapshot, policy, made))
    else:
        as_table(snapshot, policy, made)


@app.command()
@configured
def probe(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    place: Annotated[str, typer.Argument(metavar="[HOST:PORT]", show_default=False)] = "",
) -> None:
    """Say whether the lead lets a broker in at the address that remote brokers are told, or at another.

    Shakes hands there with the certificate, as a broker does, and sends nothing. Exit code 1: not let in.
    """
    from burstd.cli.probed import check as probed

    with waiting("an answer at that address"):
        found = probed(written.load(), place)
    typer.echo(found.sentence)
    raise typer.Exit(0 if found.fine else 1)


@app.command()
@configured
def release(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    jobs: Annotated[list[str] | None, typer.Argument(metavar="[JOBID]...", show_default=False)] = None,
) -> None:
    """Let jobs run that burstd holds: those named, or all that this owner's burstd holds.

    Their urgency becomes what it was before the hold. A burstd that runs may hold them again.
    """
    from burstd.cli.released import release as released

    with waiting("the lead"):
        for line in released(written.load(), tuple(jobs or ())):
            typer.echo(line)


@app.command()
@configured
def kubeconfig(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    pool: Annotated[str, typer.Argument(metavar="POOL", show_default=False, autocompletion=pools)],
    output: Annotated[
        Path | None, typer.Option(help="Where to write it [SITE.kubeconfig].", metavar="FILE")
    ] = None,
) -> None:
    """Write a kubeconfig for the cluster of a pool's burst into a file of its own, mode 0600."""
    from burstd.cli.kubeconfigs import write

    with waiting(f"the list of pool {pool}'s sites"):
        path, site = write(written.load(here=False), pool, output)
    typer.echo(f"{path} is for {site.name}: KUBECONFIG={path} kubectl get pods")


@app.command()
@configured
def cost(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    by: Annotated[By, typer.Option(help="What a line is about.")] = By.BURST,
    since: Annotated[str, typer.Option(help="Only from this day on, UTC.", metavar="YYYY-MM-DD")] = "",
    form: Annotated[CostFormat, typer.Option("--format", help="How it is written.")] = CostFormat.TABLE,
) -> None:
    """Say what bursts have cost, by the ledger and the prices in the configuration: an estimate."""
    from burstd.cli.costs import day, report

    with waiting("the ledger to be read"):
        text = report(written.load(here=False), by, day(since), form)
    typer.echo(text)


@app.command()
def demo(
    flux: Annotated[FluxChoice, typer.Option(help="On which Flux to play it.")] = FluxChoice.AUTO,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Play nothing: keep a lead and burstd up until Ctrl-C."),
    ] = False,
) -> None:
    """Play a burst from end to end on this machine: a job waits, hosts appear, it runs, they go away."""
    from burstd.stage.keep import keep as kept
    from burstd.stage.scene import play

    raise typer.Exit((kept if keep else play)(flux.value, typer.echo))


hand.add_to(app)
status.add_to(app)
metrics.add_to(app)
why.add_to(app)
notify.add_to(app)
completions.add_to(app)
doctor.add_to(app)
leftover.add_to(app)
