"""What this machine has: its cores, its schedulers, a free port."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

from burstd.core.errors import LeadError
from burstd.plugins.local.broker import flux_environment

_TOPOLOGY = Path("/sys/devices/system/cpu")

_UNGIVEN = (15000, 32000)
"""Below what Linux gives to connections by itself (ip_local_port_range), which is 32768 to 60999."""

_DRAWS = 100


def cores() -> int:
    """Return how many cores this process may use, as Flux counts them: a core's hardware threads are one."""
    usable = os.sched_getaffinity(0)
    siblings = {_TOPOLOGY / f"cpu{cpu}" / "topology" / "core_cpus_list" for cpu in usable}
    known = {path.read_text().strip() for path in siblings if path.exists()}
    return len(known) or len(usable)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses now, nor is given by the system.

    One from the system's own range may be given to somebody's connection before it is listened on.
    Raises LeadError when a hundred ports drawn are all taken.
    """
    drawn = random.SystemRandom()
    for _ in range(_DRAWS):
        port = drawn.randrange(*_UNGIVEN)
        if _is_free(port):
            return port
    raise LeadError(f"no free TCP port was found on 127.0.0.1 between {_UNGIVEN[0]} and {_UNGIVEN[1]}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def has_fluxion() -> bool:
    """Say whether the installed Flux can load Fluxion."""
    folders = flux_environment().get("FLUX_MODULE_PATH", "").split(":")
    return any((Path(folder) / "sched-fluxion-qmanager.so").exists() for folder in folders if folder)
