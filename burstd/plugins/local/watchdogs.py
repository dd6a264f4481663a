"""Starts, finds and ends the watchdog of a burst: see burstd/plugins/local/watchdog.py."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from contextlib import closing

from burstd.core.errors import NotNow
from burstd.plugins.local import processes
from burstd.plugins.local.broker import executables, plain_environment
from burstd.plugins.local.processes import Process
from burstd.plugins.local.site import Place

TOKEN = "--burst="
"""How the program's argument begins that names the burst's directory."""

READY = b"watching\n"
"""What the program says on its standard output as soon as the burst is watched."""

_MODULE = "burstd.plugins.local.watchdog"
_START_SECONDS = 20.0
_TERM_SECONDS = 2.0
_KILL_SECONDS = 5.0


def ensure(place: Place) -> None:
    """Have the burst watched; return once it is. Raises NotNow, with the program's words, where it is not."""
    if find(place):
        return
    child = subprocess.Popen(
        [sys.executable, "-m", _MODULE, f"{TOKEN}{place.directory}"],
        env=plain_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    threading.Thread(target=child.wait, name="watchdog", daemon=True).start()
    assert child.stdout is not None, "it was asked for"
    with closing(child.stdout):
        said = _first_words(child.stdout.fileno())
    if READY not in said:
        child.kill()
        words = said.decode(errors="replace").strip().rpartition("\n")[2] or "it said nothing"
        raise NotNow(f"{place.directory.name}: its watchdog does not start: {words}")


def find(place: Place) -> list[Process]:
    """Return the processes that watch the burst: one, or none."""
    token = f"{TOKEN}{place.directory}"
    return [one for one in processes.find_by_argument(token, executables()) if one.token == token]


def end(place: Place) -> None:
    """End the burst's watchdog: the burst is gone, or about to. Raises NotNow."""
    left = processes.stop(lambda: find(place), _TERM_SECONDS, _KILL_SECONDS)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise NotNow(f"{place.directory.name}: its watchdog does not end, even when killed: pid {pids}")


def _first_words(descriptor: int) -> bytes:
    """Return what it says until it watches, ends or takes too long."""
    said = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while READY not in said and poll.poll(_START_SECONDS * 1000):
        piece = os.read(descriptor, 65536)
        if not piece:
            break
        said += piece
    return said
