"""How a pod's threads are told to stop while they wait for a time, a process or the cluster."""

from __future__ import annotations

import os
import time

from burstd.plugins.local import processes


class Stopped(Exception):
    """The pod is to go."""


class Stopping:
    """Set once; every wait of every thread of a pod ends with Stopped then."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._changed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def set(self) -> None:
        os.eventfd_write(self._fd, 1)

    def note_change(self) -> None:
        """Wake whoever waits for a change in the cluster."""
        os.eventfd_write(self._changed, 1)

    def pause(self, seconds: float) -> None:
        """Wait so long. Raises Stopped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 or seconds == 0:
            if processes.wait_for_any([self._fd], left):
                raise Stopped
            if seconds == 0:
                return

    def pause_for_ever(self) -> None:
        """Raises Stopped when it is time."""
        while True:
            self.pause(3600)

    def wait_for(self, pidfd: int) -> None:
        """Wait until a process ended. Raises Stopped."""
        while not (ready := processes.wait_for_any([pidfd, self._fd], 3600)):
            continue
        if pidfd not in ready:
            raise Stopped

    def wait_for_change(self) -> None:
        """Wait until something in the cluster changed since the last such wait. Raises Stopped."""
        while not (ready := processes.wait_for_any([self._changed, self._fd], 3600)):
            continue
        if self._fd in ready:
            raise Stopped
        os.eventfd_read(self._changed)

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._changed)
