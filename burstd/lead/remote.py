"""Runs one command on many brokers, over Flux's subprocess service `rexec` (RFC 42), as `flux exec` does."""

from __future__ import annotations

import base64
import errno
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.lead.handle import Payload, Stream

TOPIC = "rexec.exec"

_STDERR = 2
"""The flag by which standard error is sent back; what goes to standard output is not asked for."""

_AT_ONCE = 32
"""Commands under way at once: each has a connection to the broker."""

SECONDS = 30.0
"""How long the command may take on a host."""

Open = Callable[[str, Payload, int], Stream]
"""Sends a streaming request: topic, payload, rank."""


def run(
    open_stream: Open, ranks: Iterable[int], command: Sequence[str], seconds: float = SECONDS
) -> dict[int, str]:
    """Run a command on each rank, as the user of its broker; return what it wrote on standard error there.

    A rank that is gone is left out. Raises LeadLost; LeadRefused, once all are done, where a broker could not
    run it or it did not end in time.
    """
    payload = _request(command)
    said: dict[int, str] = {}
    refused: LeadRefused | None = None
    for batch in _batches(sorted(set(ranks))):
        streams = [(rank, open_stream(TOPIC, payload, rank)) for rank in batch]
        deadline = time.monotonic() + seconds
        for rank, stream in streams:
            try:
                said[rank] = _follow(stream, rank, deadline)
            except LeadRefused as exc:
                refused = refused if exc.errno == errno.EHOSTUNREACH else exc
    if refused is not None:
        raise refused
    return said


def _batches(ranks: list[int]) -> Iterable[list[int]]:
    return (ranks[start : start + _AT_ONCE] for start in range(0, len(ranks), _AT_ONCE))


def _request(command: Sequence[str]) -> Payload:
    """Without an environment of its own a command gets the broker's; its directory is the broker's too."""
    cmd = {"cmdline": list(command), "env": {}, "opts": {}, "channels": []}
    return {"cmd": cmd, "flags": _STDERR, "local_flags": 0}


def _follow(stream: Stream, rank: int, deadline: float) -> str:
    """Return what was written on standard error until the command ended."""
    said: list[str] = []
    while True:
        try:
            answer = stream.next(max(deadline - time.monotonic(), 0.01))
        except StopIteration:
            return "".join(said)
        if answer is None:
            raise LeadRefused(TOPIC, errno.ETIMEDOUT, f"what was run on rank {rank} did not end in time")
        said.append(_text(answer))


def _text(answer: Payload) -> str:
    if answer.get("type") == "finished" and answer.get("status"):
        return f"it ended with wait status {answer['status']}\n"
    written: Mapping[str, Any] = answer.get("io") or {}
    data = str(written.get("data") or "")
    if written.get("encoding") == "base64":  # what is not UTF-8 (RFC 24)
        return base64.b64decode(data).decode(errors="backslashreplace")
    return data
