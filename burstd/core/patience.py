"""How long a burst may take on its way up, and what is said when it took longer. Pure."""

from __future__ import annotations

from burstd.core.model import Burst, Phase, Pool


def too_late(burst: Burst, pool: Pool) -> str:
    """Return what is said of a burst that was in its phase for too long, with what it waits for."""
    seconds = f"within {patience(burst.phase, pool):g} s"
    if burst.phase is Phase.JOINING:
        told = burst.site.lead if burst.site is not None else ""
        hint = f"; they were told to reach it at {told}: see that no firewall is in between" if told else ""
        return f"no broker of {burst.name} joined the lead {seconds}{hint}"
    pending = f": {burst.site.pending}" if burst.site is not None and burst.site.pending else ""
    return f"{burst.name} was still {burst.phase} {seconds}{pending}"


def patience(phase: Phase, pool: Pool) -> float:
    """Return for how many seconds a burst may be in a phase on its way up."""
    if phase is Phase.JOINING:
        return pool.join_seconds
    return pool.launch_seconds if phase is Phase.LAUNCHING else pool.provision_seconds
