"""The directory in which one burstd keeps what is its own, and the lock by which one at a time has it."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burstd.config import Config
from burstd.core.errors import ConfigError, Problem

log = logging.getLogger("burstd")

OTHERS = 0o077


def state_dir(config: Config) -> Path:
    """Return the directory of the configuration's owner."""
    return config.state_dir / config.owner


def _close_to_others(state: Path) -> None:
    """Take every right of others away. Raises ConfigError where the directory is another user's, OSError."""
    status = state.stat()
    if status.st_uid != os.geteuid():
        what = f"{state} belongs to uid {status.st_uid}, who could change what burstd keeps there"
        hint = f"chown it to uid {os.geteuid()}, as whom burstd runs, or name another"
        raise ConfigError((Problem("state_dir", what, hint),))
    if status.st_mode & OTHERS:
        state.chmod(0o700)
        log.warning("%s could be entered by others than its owner: its mode is 0700 now", state)


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the owner's lock: two with one name would undo each other's work. Raises ConfigError.

    The directory is made, or closed to others where it is not: what lies in it lets brokers into the lead.
    """
    try:
        state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        state.mkdir(exist_ok=True, mode=0o700)
        _close_to_others(state)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        text = f"{state} cannot be written: {exc.strerror}"
        raise ConfigError((Problem("state_dir", text, "name a directory of your own"),)) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        what = f"another burstd runs with this owner and state directory ({state})"
        raise ConfigError((Problem("owner", what, "stop it, or give this one an owner of its own"),)) from exc
    try:
        yield
    finally:
        os.close(lock)
