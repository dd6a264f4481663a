"""One handle for each thread that steers the lead."""

from __future__ import annotations

import threading

from burstd.core.errors import LeadLost
from burstd.lead.handle import Connect, Handle, Payload, Stream

RANK_0 = 0


class ThreadHandles:
    """Sends RPCs, mostly to rank 0, over a handle of the calling thread's own, opened when first needed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._handles: dict[threading.Thread, Handle] = {}
        self._stale: set[threading.Thread] = set()

    def rpc(self, topic: str, payload: Payload) -> Payload:
        """Send one request. Raises LeadRefused, or LeadLost, after which the next call connects anew."""
        handle = self._mine()
        try:
            return handle.rpc(topic, payload, RANK_0)
        except LeadLost:
            self._drop(threading.current_thread())
            raise

    def stream(self, topic: str, payload: Payload, rank: int) -> Stream:
        """Send one streaming request to a rank. Raises LeadLost, as `rpc` does."""
        handle = self._mine()
        try:
            return handle.stream(topic, payload, rank)
        except LeadLost:
            self._drop(threading.current_thread())
            raise

    def renew(self) -> None:
        """Make every thread connect anew at its next call: the broker that they knew may be gone."""
        with self._lock:
            self._stale |= self._handles.keys()

    def close(self) -> None:
        """Close every handle. No call may be under way."""
        with self._lock:
            handles = list(self._handles.values())
            self._handles.clear()
        for handle in handles:
            handle.close()

    def _mine(self) -> Handle:
        thread = threading.current_thread()
        with self._lock:
            ended = {other for other in self._handles if not other.is_alive()}
            outdated = ended | (self._stale & {thread})
        for other in outdated:
            self._drop(other)
        with self._lock:
            handle = self._handles.get(thread)
        if handle is None:
            handle = self._connect()
            with self._lock:
                self._handles[thread] = handle
        return handle

    def _drop(self, thread: threading.Thread) -> None:
        with self._lock:
            handle = self._handles.pop(thread, None)
            self._stale.discard(thread)
        if handle is not None:
            handle.close()
