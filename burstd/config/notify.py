"""The settings of notifications: who is told which events, by a command or over HTTPS."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from burstd.config.fields import File, Section, shown_default
from burstd.core.notices import Event

HERE = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a notice may go in clear text: it does not leave the machine."""

_SECRET_LIKE = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_.~%-]{20,}")
"""A part of a path with letters and digits of such a length is more likely a key than a name."""

Body = Literal["notice", "text"]


def check_url(url: str) -> SplitResult:
    """Return the parts of a URL to which notices may go. Raises ValueError, which does not quote it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError("is no URL") from exc
    if not url.isprintable() or " " in url or not host:
        raise ValueError("must be a URL such as https://hooks.example.org/burstd")
    if parts.scheme != "https" and (parts.scheme != "http" or host not in HERE):
        raise ValueError("must begin with https://; http:// is for this machine alone (localhost)")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password: a token goes into the file of token_file")
    return parts


def check_open_url(url: str) -> str:
    """Return a URL that anybody may read, as it stands in the configuration. Raises ValueError."""
    parts = check_url(url)
    if parts.query or parts.fragment or any(map(_SECRET_LIKE.fullmatch, parts.path.split("/"))):
        raise ValueError(
            "holds what looks like a key, and this file is no place for one: "
            "write the URL into a file of mode 0600, and name that with url_file"
        )
    return url


def _listed(words: Any) -> Any:
    if isinstance(words, str):
        raise ValueError(
            "must be a list of words, such as [/usr/local/bin/tell, --now], not one text: no shell reads it"
        )
    return words


def _check_command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0]:
        raise ValueError("names no program")
    if not PurePosixPath(words[0]).is_absolute():
        raise ValueError(
            "must begin with the absolute path of a program: it is run in / and found by no PATH"
        )
    if any("\0" in word for word in words):
        raise ValueError("has a word with a character that no command may have")
    return words


Command = Annotated[
    tuple[str, ...], Field(strict=False), BeforeValidator(_listed), AfterValidator(_check_command)
]


class HookConfig(Section):
    """One target, and the events of which it is told: [Notifications](notifications.md)."""

    events: Annotated[
        tuple[Annotated[Event, Field(strict=False)], ...], Field(strict=False, min_length=1)
    ] = Field(
        default=tuple(Event),
        description=f"Of what it is told: {', '.join(f'`{event}`' for event in Event)}.",
        json_schema_extra=shown_default("all of them"),
    )
    command: Command | None = Field(
        default=None,
        description="A program, by its absolute path, and its arguments. No shell reads them. It is run in "
        "`/` with the notice as JSON on standard input, and with little else in its environment.",
    )
    url: Annotated[str, AfterValidator(check_open_url)] | None = Field(
        default=None,
        description="An `https://` URL to which the notice is posted as JSON. One that is itself a secret, "
        "as those of Slack are, is refused here: `url_file` is for it.",
    )
    url_file: File | None = Field(
        default=None,
        description="A file of mode 0600 with such a URL. It is read for each notice.",
    )
    token_file: File | None = Field(
        default=None,
        description="A file of mode 0600 with a token for the URL, which is sent as `Authorization: Bearer`.",
    )
    body: Body = Field(
        default="notice",
        description="What is posted: `notice`, the whole of it, or `text`, its sentence as "
        '`{"text": "…"}`, which Slack, Mattermost and Google Chat take.',
    )
    jobs: bool = Field(
        default=False,
        description="Whether the ids of jobs and users stand in the notice. What is sent elsewhere says "
        "better nothing of them.",
    )
    timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Seconds after which a command is killed, with all that it started, and an answer of the "
        "other side is not waited for any more.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [way for way in ("command", "url", "url_file") if getattr(self, way) is not None]
        if len(ways) != 1:
            found = f"has {' and '.join(ways)}" if ways else "has no target"
            raise ValueError(f"{found}: name one of command, url and url_file")
        if self.command is not None and (self.token_file is not None or self.body != "notice"):
            raise ValueError("token_file and body are for a URL, and it has a command")
        return self
