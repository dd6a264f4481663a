"""The Handle protocol: one connection to a Flux broker, at the level of topics and payloads (RFC 6).

A handle belongs to one thread: Flux's own handles deadlock when two threads share one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Payload = Mapping[str, Any]

ANY_RANK = 0xFFFFFFFF
"""FLUX_NODEID_ANY: whichever broker answers first, beginning with the one connected to."""


class Stream(Protocol):
    """The responses of one streaming RPC, in order."""

    def next(self, timeout: float) -> Payload | None:
        """Return the next response, or None when none came within `timeout` seconds.

        Raises StopIteration when the service ended the stream (ENODATA), LeadRefused on its error,
        LeadLost when the broker is gone.
        """
        ...


class Handle(Protocol):
    """One connection to a broker."""

    def rpc(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> Payload:
        """Send one request and return its response ({} for an empty one).

        Raises LeadRefused on an error response, LeadLost when the broker is gone or silent.
        """
        ...

    def stream(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> Stream:
        """Send one streaming request. Raises LeadLost when the broker is gone."""
        ...

    def close(self) -> None:
        """Drop the connection; harmless when it is gone already."""
        ...


Connect = Callable[[], Handle]
"""Opens a handle for the calling thread. Raises LeadLost when the broker cannot be reached."""
