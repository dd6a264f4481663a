"""The commands about what a burstd that is gone left behind: orphans, gc, and what runs beside a burst."""

from __future__ import annotations

from typing import Annotated

import typer

from burstd.core.silence import IDLE_SECONDS, WITH_JOBS_SECONDS, LeaseTerms


def reap(
    namespace: Annotated[str, typer.Option(help="The burst's namespace.", show_default=False)],
    owner: Annotated[str, typer.Option(help="Whose burst it is.", show_default=False)],
    pool: Annotated[str, typer.Option(help="The burst's pool.", show_default=False)],
    generation: Annotated[int, typer.Option(help="Which burst of the pool.", min=1, show_default=False)],
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

    set_up(as_json=False, verbose=False)
    terms = LeaseTerms(idle_seconds, with_jobs_seconds)
    reaped(Mine(namespace, owner, pool, generation), terms, kubeconfig)


def add_to(app: typer.Typer) -> None:
    """Add the commands to `burstd`."""
    app.command()(reap)
