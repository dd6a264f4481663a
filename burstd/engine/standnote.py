"""What a burstd that stands by waits for, in a file of its state directory, for `burstd status`.

A lock on the file tells whether whoever wrote it is still there: it ends with the process, in any container.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

NAME = "standing-by"


class StandNote:
    """The note of one process; what cannot be written is not told, and harms nothing else."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def write(self, state: Path, sentence: str) -> None:
        """Note what is waited for, by the burstd of this state directory."""
        self.end()
        with suppress(OSError):
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(state / NAME, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, sentence.encode())

    def end(self) -> None:
        """Wait for nothing any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def waited_for(state: Path) -> str:
    """Return what a burstd of this state directory waits for; "" where none stands by."""
    try:
        with (state / NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (state / NAME).read_text(errors="replace")
    except OSError:
        return ""
    return ""
