"""What the demo shows: resource tables as `flux resource list` has them, a job's output by host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from burstd.core.hosts import compress
from burstd.core.model import Host, LeadView


def resource_table(view: LeadView) -> str:
    """Return the resources by state: free, allocated, drained, down."""
    rows = [("STATE", "NHOSTS", "NCORES", "HOSTLIST")]
    for state in ("free", "allocated", "drained", "down"):
        hosts = [host for host in view.hosts if _state(host) == state]
        if hosts or state != "drained":
            cores = sum(host.shape.cores for host in hosts)
            rows.append((state, str(len(hosts)), str(cores), compress(host.name for host in hosts)))
    return "\n".join(f"  {a:>10} {b:>6} {c:>6} {d}".rstrip() for a, b, c, d in rows)


def output_table(lines: Iterable[tuple[int, str]], hosts: Sequence[str]) -> str:
    """Return a job's output with the host of each task beside it; task N ran on the N-th host of R."""
    rows = [("TASK", "HOST (from R)", "OUTPUT")]
    rows += [(str(task), hosts[task], text) for task, text in sorted(lines)]
    return "\n".join(f"  {a:>4} {b:<16} {c}" for a, b, c in rows)


def phase_table(times: Sequence[tuple[str, float]]) -> str:
    """Return what took how long, in seconds, with the sum."""
    rows = [*times, ("in all", sum(seconds for _, seconds in times))]
    return "\n".join(f"  {seconds:7.2f} s  {what}" for what, seconds in rows)


def _state(host: Host) -> str:
    if not host.online:
        return "down"
    if host.drain_reason is not None:
        return "drained"
    return "allocated" if host.jobs else "free"
