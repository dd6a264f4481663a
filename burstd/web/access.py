"""Who may ask what: by which names burstd is asked, and who has the token."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from burstd.config.http import TOKEN_LENGTH, HttpConfig

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one server. `names` are the hosts by which it is asked, in lower case."""

    names: frozenset[str]
    any_address: bool
    """Whether every IP address will do as a name: whoever binds to all addresses is asked by any of them."""
    is_loopback: bool
    token_file: Path | None

    @classmethod
    def of(cls, http: HttpConfig) -> Access:
        """Return the rules that a configuration makes."""
        names = LOOPBACK_NAMES | {http.bind, *(name.lower() for name in http.names)}
        everywhere = http.bind != "localhost" and ipaddress.ip_address(http.bind).is_unspecified
        return cls(names, everywhere, http.is_loopback, http.token_file)

    def is_named(self, host: str) -> bool:
        """Say whether a Host header (RFC 9110, section 7.2) names this server; its port does not matter.

        A page of another site that had its name lead here (DNS rebinding) is told by that name.
        """
        name = _without_port(host).lower().removesuffix(".")
        return name in self.names or (self.any_address and _is_address(name))

    def is_trusted(self, authorization: str) -> bool:
        """Say whether an Authorization header has the token (RFC 6750, section 2.1)."""
        scheme, _, given = authorization.partition(" ")
        token = self._token()
        right = hmac.compare_digest(given.strip().encode(), token)
        return scheme.lower() == "bearer" and bool(token) and right

    def _token(self) -> bytes:
        """Read the token; b"" where there is none that could be one, so that nobody has it."""
        try:
            token = self.token_file.read_bytes().strip() if self.token_file else b""
        except OSError:
            return b""
        return token if len(token) >= TOKEN_LENGTH else b""


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return the one header of a name; None where there is none, or more than one."""
    found = [value for key, value in headers if key.lower() == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
