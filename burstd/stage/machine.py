"""What this machine has: its cores, its schedulers, a free port."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from burstd.plugins.local.broker import flux_environment

_TOPOLOGY = Path("/sys/devices/system/cpu")


def cores() -> int:
    """Return how many cores this process may use, as Flux counts them: a core's hardware threads are one."""
    usable = os.sched_getaffinity(0)
    siblings = {_TOPOLOGY / f"cpu{cpu}" / "topology" / "core_cpus_list" for cpu in usable}
    known = {path.read_text().strip() for path in siblings if path.exists()}
    return len(known) or len(usable)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_fluxion() -> bool:
    """Say whether the installed Flux can load Fluxion."""
    folders = flux_environment().get("FLUX_MODULE_PATH", "").split(":")
    return any((Path(folder) / "sched-fluxion-qmanager.so").exists() for folder in folders if folder)
