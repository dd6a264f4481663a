"""The settings of what burstd tells over HTTP."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from burstd.config.fields import File, HostName, Section, shown_default

TOKEN_LENGTH = 16
"""The shortest token: it must not be guessed."""


def check_address(text: str) -> str:
    if text != "localhost":
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"must be an IP address, such as 127.0.0.1 or ::, not {text[:60]!r}") from None
    return text


def is_loopback(address: str) -> bool:
    """Say whether only this machine, or pod, reaches an address."""
    return address == "localhost" or ipaddress.ip_address(address).is_loopback


class HttpConfig(Section):
    """What burstd tells over HTTP: health, metrics, an API, one page. [More](http.md)."""

    off: bool = Field(default=False, description="Whether burstd serves no HTTP at all.")
    bind: Annotated[str, AfterValidator(check_address)] = Field(
        default="127.0.0.1",
        description="The IP address at which it listens. Any but a loopback address needs `http.token_file`. "
        "There is no TLS: let a proxy, or `kubectl port-forward`, carry it over a network.",
    )
    port: int = Field(
        default=8093,
        ge=0,
        le=65535,
        description="The TCP port. Where it is taken burstd says so, and goes on without HTTP. `0`: one "
        "that is free, which the log names.",
    )
    token_file: File | None = Field(
        default=None,
        description="Path of a file of mode 0600 that holds a token of at least "
        f"{TOKEN_LENGTH} letters, digits and marks. Who has it is told the names of users and jobs, and the "
        "words of clouds. The file is read again at each request, so that it can be replaced.",
        json_schema_extra=shown_default("none: nobody is told those"),
    )
    names: Annotated[tuple[HostName, ...], Field(strict=False)] = Field(
        default=(),
        description="Host names beside `localhost` by which burstd is asked, such as that of a proxy. A "
        "request by any other name is refused, so that no page of another site can read what is told here.",
        json_schema_extra=shown_default("none"),
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine, or this pod, can ask."""
        return is_loopback(self.bind)
