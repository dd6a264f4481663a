"""Handle over flux-python: the only module of the daemon that imports `flux`, and only when used."""

from __future__ import annotations

import errno
import importlib
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from burstd.core.errors import LeadLost, LeadRefused
from burstd.lead.handle import ANY_RANK, Payload

RPC_SECONDS = 3.5
"""How long a broker may take to answer before it counts as lost: with the second between two pings of a
follower, one that hangs is noticed within 5 s, like one that is dead."""

_INSTALL = (
    "Flux's Python bindings cannot be imported ({}). Install the flux-python wheel of the version that "
    "`flux --version` prints, with the folder of libflux-core.so in LD_LIBRARY_PATH if it is not found, or "
    "add the site-packages folder of the Flux installation to PYTHONPATH; or use an embedded:// URI."
)

_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.ENOTCONN})
"""What Flux reports where this process can no longer talk to its own broker."""


class FluxHandle:
    """One connection to a Flux broker. It belongs to the thread that opened it.

    Each stream has a connection of its own: of two streams on one connection that are waited for in
    turn, the bindings lose responses.
    """

    def __init__(self, uri: str | None = None, rpc_seconds: float = RPC_SECONDS) -> None:
        """Connect to `uri`, by default to FLUX_URI or the system instance. Raises LeadLost."""
        self._uri = uri
        self._rpc_seconds = rpc_seconds
        self._flux = _open(uri)
        self._streams: WeakSet[FluxStream] = WeakSet()

    def rpc(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> Payload:
        """See Handle.rpc. A broker that is silent for `rpc_seconds` counts as lost."""
        future = _send(self._connection(topic), topic, payload, nodeid)
        answer = _await(topic, future, self._rpc_seconds)
        if answer is None:
            raise LeadLost(f"{topic}: the lead's broker did not answer within {self._rpc_seconds:g} s")
        return answer

    def stream(self, topic: str, payload: Payload | None = None, nodeid: int = ANY_RANK) -> FluxStream:
        """See Handle.stream."""
        self._connection(topic)
        flags = importlib.import_module("flux.constants").FLUX_RPC_STREAMING
        stream = FluxStream(topic, _send(_open(self._uri), topic, payload, nodeid, flags))
        self._streams.add(stream)
        return stream

    def close(self) -> None:
        """Drop the connection and those of the streams."""
        self._flux = None
        for stream in self._streams:
            stream.close()

    def _connection(self, topic: str) -> Any:
        if self._flux is None:
            raise LeadLost(f"{topic}: this connection to the lead was closed")
        return self._flux


class FluxStream:
    """The responses of one streaming RPC."""

    def __init__(self, topic: str, future: Any) -> None:
        self._topic = topic
        self._future = future

    def next(self, timeout: float) -> Payload | None:
        """See Stream.next."""
        if self._future is None:
            raise LeadLost(f"{self._topic}: this connection to the lead was closed")
        try:
            answer = _await(self._topic, self._future, timeout)
        except LeadRefused as exc:
            if exc.errno == errno.ENODATA:
                raise StopIteration from exc
            raise
        if answer is not None:
            self._future.reset()
        return answer

    def close(self) -> None:
        """Drop the connection; Flux closes it with the last thing that holds it, the future."""
        self._future = None


def _send(flux: Any, topic: str, payload: Payload | None, nodeid: int, flags: int = 0) -> Any:
    try:
        return flux.rpc(topic, payload, nodeid=nodeid, flags=flags)
    except OSError as exc:
        raise _translate(topic, exc) from exc


def _await(topic: str, future: Any, timeout: float) -> Payload | None:
    """Return the future's response, {} for an empty one; None when `timeout` seconds passed without one.

    When the broker dies, the bindings return from waiting with neither error nor response: the
    future is then not ready.
    """
    with _own_interrupt():
        try:
            future.wait_for(timeout)
            if not future.is_ready():
                raise LeadLost(f"{topic}: the lead's broker is gone")
            return _told(future.get_str())
        except TimeoutError as exc:
            if future.is_ready():
                raise _translate(topic, exc) from exc
            return None
        except OSError as exc:
            raise _translate(topic, exc) from exc


def _told(text: str | None) -> Payload:
    """Return what a response says, {} for an empty one. The log's are plain text: `text` has it then."""
    try:
        return json.loads(text or "null") or {}
    except ValueError:
        return {"text": text}


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """Keep this process's SIGINT handler: the bindings replace it, and on errors never put it back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _translate(topic: str, exc: OSError) -> LeadLost | LeadRefused:
    code = exc.errno or 0
    text = exc.strerror or str(exc)
    return (
        LeadLost(f"{topic}: the lead's broker is gone ({text})")
        if code in _GONE
        else LeadRefused(topic, code, text)
    )


def _open(uri: str | None) -> Any:
    try:
        module = importlib.import_module("flux.core.handle")
    except ImportError as exc:
        raise LeadLost(_INSTALL.format(exc)) from exc
    try:
        return module.Flux(uri) if uri else module.Flux()
    except OSError as exc:
        where = uri or "FLUX_URI or the system instance"
        text = exc.strerror or str(exc)
        raise LeadLost(f"The lead cannot be reached at {where}: {text}. Is its broker running?") from exc
