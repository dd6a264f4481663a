"""How a command speaks to the daemon that runs: over a socket, one line of JSON each way.

Imports little: what only asks shall start fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burstd.core.errors import BurstdError

if TYPE_CHECKING:
    from burstd.engine.orders import Order

NAME = "control"
"""The name of the socket in the state directory."""

WAIT_SECONDS = 20.0
"""How long an answer is waited for: longer than the daemon itself waits for its main loop."""


def ask(state: Path, order: Order) -> Iterator[str]:
    """Have a running daemon obey; yield its sentences as they come.

    Raises FileNotFoundError and ConnectionRefusedError where none runs, BurstdError where it refuses.
    """
    with short(state) as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(f"{folder}/{NAME}")
        peer.sendall(json.dumps(order.written()).encode() + b"\n")
        for line in peer.makefile("rb"):
            said = json.loads(line)
            if not said["fine"]:
                raise BurstdError(" ".join(said["sentences"]))
            yield from said["sentences"]
            if said["done"]:
                return
    raise BurstdError("burstd ended before it had answered; the order may stand: ask again")


def question(state: Path, kind: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the daemon answers that has this state directory; see `question_at`."""
    return question_at(state / NAME, kind, about)


def question_at(path: Path, kind: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a running daemon answers to a question at this socket.

    Raises FileNotFoundError and ConnectionRefusedError where none runs, PermissionError where the socket is
    not for this user, BurstdError where none answers.
    """
    asked = {"ask": kind, "about": dict(about)} if about else {"ask": kind}
    with short(path.parent) as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(WAIT_SECONDS)
        peer.connect(f"{folder}/{path.name}")
        line = _answer(peer, json.dumps(asked).encode() + b"\n")
    if not line:
        raise BurstdError("burstd ended before it had answered")
    said: dict[str, Any] = json.loads(line)
    if not said["fine"]:
        raise BurstdError(" ".join(said["sentences"]))
    return dict(said["answer"])


def _answer(peer: socket.socket, asked: bytes) -> bytes:
    """Ask, and read one line; whoever is turned away at the door is told so before having been heard."""
    try:
        with contextlib.suppress(BrokenPipeError):
            peer.sendall(asked)
        return peer.makefile("rb").readline()
    except ConnectionResetError:
        return b""
    except TimeoutError as exc:
        raise BurstdError("burstd runs and does not answer; its log may tell why") from exc


@contextlib.contextmanager
def short(folder: Path) -> Iterator[str]:
    """Have another path to a folder, of a few bytes: that of a socket may have 107 at most (unix(7))."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
