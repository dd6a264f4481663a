"""The commands about what a burstd that is gone left behind: orphans, gc, and what runs beside a burst."""

from __future__ import annotations

from typing import Annotated

import typer

from burstd.cli.options import Written, configured
from burstd.cli.terminal import waiting
from burstd.core.silence import IDLE_SECONDS, WITH_JOBS_SECONDS, LeaseTerms

_Owner = Annotated[str, typer.Option("--owner", help="Whose [the configured owner's].", show_default=False)]
_Every = Annotated[bool, typer.Option("--all-owners", help="Everybody's whom the providers see.")]


@configured
def orphans(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    of: _Owner = "",
    all_owners: _Every = False,
) -> None:
    """List the sites whose burstd is silent, from the providers' side alone: no lead, no ledger.

    Changes nothing. Exit code 1: not everything could be seen.
    """
    from burstd.cli.orphaned import orphans as listed

    with waiting("the lists of the pools' sites"):
        whole = listed(written.load(here=False), of, every=all_owners, say=typer.echo, warn=_warn)
    raise typer.Exit(0 if whole else 1)


@configured
def gc(
    ctx: typer.Context,  # noqa: ARG001
    written: Written,
    of: _Owner = "",
    all_owners: _Every = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove the sites whose burstd is silent, and see that they are gone; what lives is left alone.

    Prints nothing where there is nothing to do. Exit code 1: something is left, or could not be seen.
    """
    from burstd.cli.orphaned import gc as collected

    config = written.load(here=False)
    with waiting("the lists of the pools' sites, and for what is removed to be gone"):
        done = collected(config, of, every=all_owners, dry_run=dry_run, say=typer.echo, warn=_warn)
    raise typer.Exit(0 if done else 1)


def _warn(text: str) -> None:
    typer.echo(text, err=True)


def reap(
    namespace: Annotated[str, typer.Option(help="The burst's namespace.", show_default=False)] = "",
    owner: Annotated[str, typer.Option(help="Whose burst it is.", show_default=False)] = "",
    pool: Annotated[str, typer.Option(help="The burst's pool.", show_default=False)] = "",
    generation: Annotated[int, typer.Option(help="Which burst of the pool.", show_default=False)] = 0,
    idle_seconds: Annotated[
        float, typer.Option(help="Silence after which an idle burst ends.", min=0.1)
    ] = IDLE_SECONDS,
    with_jobs_seconds: Annotated[
        float, typer.Option(help="The same with jobs on it.", min=0.1)
    ] = WITH_JOBS_SECONDS,
    kubeconfig: Annotated[
        str, typer.Option(help="How the cluster is reached [as the pod this runs in].", metavar="FILE")
    ] = "",
) -> None:
    """Watch the lease of a burst on Kubernetes, and end the burst when nobody renews it.

    burstd starts this itself beside each burst, in a pod of its own.
    """
    from burstd.cli.reaped import reap as reaped
    from burstd.engine.log import set_up
    from burstd.kube.removal import Mine

    if not (namespace and owner and pool and generation):
        raise typer.BadParameter("which burst? --namespace, --owner, --pool and --generation say it")
    set_up(as_json=False, verbose=False)
    terms = LeaseTerms(idle_seconds, with_jobs_seconds)
    reaped(Mine(namespace, owner, pool, generation), terms, kubeconfig)


def add_to(app: typer.Typer) -> None:
    """Add the commands to `burstd`."""
    for command in (orphans, gc, reap):
        app.command()(command)
