"""How the embedded instance and its clients speak over the Unix socket.

One JSON object a line, UTF-8. A request is `{"id", "topic", "payload", "nodeid", "stream"}`; `id` is the
client's own number. Each response carries the same `id` and either `payload` or `errno` and `text`. A
stream's responses come one a line and end with one whose errno is ENODATA, as RFC 6 has it.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from burstd.core.errors import BurstdError

LOCAL_SCHEME = "embedded://"


def encode(message: Mapping[str, Any]) -> bytes:
    """Return one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Puts messages together from the bytes as they arrive."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield each message that is complete. Raises ValueError where a line is not a JSON object."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ValueError("a message of the embedded instance is a JSON object")
            yield message


class Refusal(BurstdError):
    """A request is answered with an error (RFC 6); the text "" stands for the errno's own words."""

    def __init__(self, errno: int, text: str = "") -> None:
        super().__init__(text or os.strerror(errno))
        self.errno = errno


class Client(Protocol):
    """One connection, as the services see it."""

    gone: bool

    def send(self, message: Mapping[str, Any]) -> None: ...


class Reply:
    """Where the responses to one request go. It is `closed` once it ended or its client is gone."""

    def __init__(self, id_: int, client: Client) -> None:
        self.client = client
        self._id = id_
        self._ended = False

    @property
    def closed(self) -> bool:
        return self._ended or self.client.gone

    def respond(self, payload: Mapping[str, Any] | None = None) -> None:
        """Send one response; None is Flux's empty one."""
        if not self.closed:
            self.client.send({"id": self._id, "payload": payload})

    def refuse(self, refusal: Refusal) -> None:
        """Send the error that ends the request."""
        if not self.closed:
            self.client.send({"id": self._id, "errno": refusal.errno, "text": str(refusal)})
            self._ended = True

    def end(self) -> None:
        """End a stream, as services do: ENODATA."""
        self.refuse(Refusal(errno.ENODATA))


class Subscribers:
    """The open streams of one kind."""

    def __init__(self) -> None:
        self._replies: list[Reply] = []

    def add(self, reply: Reply) -> None:
        self._replies.append(reply)

    def publish(self, payload: Mapping[str, Any]) -> None:
        """Send one response to each stream that is still open."""
        self._replies = [reply for reply in self._replies if not reply.closed]
        for reply in self._replies:
            reply.respond(payload)

    def end(self) -> None:
        for reply in self._replies:
            reply.end()
        self._replies.clear()
