"""The directory in which one burstd keeps what is its own, and the lock by which one at a time has it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burstd.config import Config
from burstd.core.errors import ConfigError, Problem


def state_dir(config: Config) -> Path:
    """Return the directory of the configuration's owner."""
    return config.state_dir / config.owner


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the owner's lock: two with one name would undo each other's work. Raises ConfigError."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
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
