"""A service name at the lead's rank 0, by which one burstd at a time serves it.

The broker refuses a name that is taken (EEXIST), and frees it as soon as the connection of its holder ends,
however that ends. So the name is held by a thread with a connection of its own, which pings the broker and
takes the name again where the broker was another meanwhile.
"""

from __future__ import annotations

import queue
import threading
from errno import EEXIST

from burstd.core.errors import LeadError, LeadRefused
from burstd.lead.follower import FIRST_DELAY, LAST_DELAY, PING_SECONDS, RANK_0, broker_generation
from burstd.lead.handle import Connect, Handle


class ServiceName:
    """One name, held from `take` until `release`, as long as the broker answers."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._name = ""
        self._stop = threading.Event()
        self._held = threading.Event()
        self._first: queue.SimpleQueue[bool | LeadError] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="service name", daemon=True)

    @property
    def held(self) -> bool:
        """Whether the broker gave the name to this connection, as far as its last answer tells."""
        return self._held.is_set()

    def take(self, name: str) -> bool:
        """Take the name; False where another has it. Raises LeadLost, LeadRefused."""
        self._name = name
        self._thread.start()
        first = self._first.get()
        if isinstance(first, LeadError):
            raise first
        return first

    def release(self, seconds: float) -> None:
        """Let go of the name."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        delay = FIRST_DELAY
        while not self._stop.is_set():
            try:
                self._first.put(self._hold())
            except LeadError as exc:
                self._first.put(exc)
            delay = FIRST_DELAY if self._held.is_set() else min(2 * delay, LAST_DELAY)
            self._held.clear()
            self._stop.wait(delay)

    def _hold(self) -> bool:
        """Hold the name until told to let go; False where another has it. Raises LeadLost, LeadRefused."""
        handle = self._connect()
        try:
            generation = broker_generation(handle)
            if not self._add(handle):
                return False
            self._held.set()
            self._first.put(True)
            while not self._stop.wait(PING_SECONDS) and broker_generation(handle) == generation:
                pass
            return True
        finally:
            handle.close()

    def _add(self, handle: Handle) -> bool:
        try:
            handle.rpc("service.add", {"service": self._name}, RANK_0)
        except LeadRefused as exc:
            if exc.errno != EEXIST:
                raise
            return False
        return True
