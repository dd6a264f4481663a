"""CURVE certificates as Flux keeps them, and a handshake probe (RFC 25, CurveZMQ; ZPL is ZeroMQ RFC 4).

One certificate is shared by every broker of an instance: its key pair serves as the server's and as
the client's. So a probe that holds the right certificate is let in, and no other is.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum, auto
from pathlib import Path
from urllib.parse import urlsplit

from burstd.core.errors import CertificateError

__all__ = ["Certificate", "Handshake", "explain", "probe", "public_key", "read", "write"]

_KEY_SIZE = 40
_LARGEST_FILE = 65536
_SIGNATURE_SIZE = 10
_ENTRY = re.compile(r"""^\s+(?P<key>[\w./-]+)\s*=\s*(?P<quote>["'])(?P<value>.*)(?P=quote)\s*$""")
_NAME = re.compile(r"[\w.:@-]+")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A CURVE key pair, each key 40 characters of Z85 (ZeroMQ RFC 32), and the name Flux shows for it."""

    public_key: bytes
    secret_key: bytes = field(repr=False)
    name: str


class Handshake(StrEnum):
    """What came of knocking at a broker's port. NOT_ZEROMQ is also a port that accepts and says nothing."""

    FINE = auto()
    CLOSED = auto()
    NOT_ZEROMQ = auto()
    WRONG_CERTIFICATE = auto()
    UNRESOLVED = auto()


_SENTENCES = {
    Handshake.FINE: "{uri} lets this certificate in",
    Handshake.CLOSED: (
        "nothing answers at {uri}: check that the lead runs and listens there, with no firewall between"
    ),
    Handshake.NOT_ZEROMQ: (
        "what listens at {uri} does not speak as a Flux broker: check the port, and that no broker hangs"
    ),
    Handshake.WRONG_CERTIFICATE: (
        "{uri} refuses this certificate: give burstd the file that curve_cert names in the lead's broker.toml"
    ),
    Handshake.UNRESOLVED: "the host name in {uri} cannot be resolved: check it, or give an address",
}


def explain(handshake: Handshake, uri: str) -> str:
    """Return the outcome of a probe of `uri` as one plain sentence, with what the person can do."""
    return _SENTENCES[handshake].format(uri=uri)


def read(path: Path) -> Certificate:
    """Read a certificate as `flux keygen` writes it.

    Raises CertificateError where the file is missing, cannot be read, can be read by others, is not
    a certificate, has no name, or holds two keys that do not belong together: Flux refuses all of these.
    """
    certificate = _parse(_read_private(path), path)
    _check_pair(certificate, path)
    return certificate


def public_key(text: str) -> str:
    """Return the public key in a certificate's text, "" where it has none: it tells two of them apart."""
    return _entries(text).get("curve/public-key", "")


def write(path: Path, name: str) -> Certificate:
    """Make a new key pair and write it to `path`, which must not exist, with mode 0600 from the first byte.

    `name` is what Flux shows for it: letters, digits and `._:@-`. Raises CertificateError.
    """
    import zmq

    if not _NAME.fullmatch(name):
        raise CertificateError(
            f"{path}: {name!r} cannot name a certificate: use letters, digits and . _ : @ - only"
        )
    public_key, secret_key = zmq.curve_keypair()
    certificate = Certificate(public_key, secret_key, name)
    _write_private(path, _render(certificate))
    return certificate


def probe(uri: str, certificate: Certificate, timeout: float = 3.0) -> Handshake:
    """Knock at `tcp://host:port` with a certificate, send nothing, and say what came of it.

    Takes at most `timeout` seconds, plus what the resolver needs for a name. Raises ValueError where `uri`
    is not of that form.
    """
    deadline = time.monotonic() + timeout
    host, port = _split(uri)
    try:
        with socket.create_connection((host, port), timeout) as connection:
            address = connection.getpeername()
            speaks = _speaks_zeromq(connection, deadline)
    except socket.gaierror:
        return Handshake.UNRESOLVED
    except OSError:
        return Handshake.CLOSED
    return _knock(_endpoint(address), certificate, deadline) if speaks else Handshake.NOT_ZEROMQ


def _read_private(path: Path) -> str:
    try:
        # a named pipe would make open() wait for a writer
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CertificateError(f"{path}: not a file: name the certificate file itself")
            if status.st_mode & 0o077:
                raise CertificateError(
                    f"{path}: readable by group/other: make it private with chmod 600 {path}"
                )
            return file.read(_LARGEST_FILE).decode()
    except FileNotFoundError as exc:
        raise CertificateError(f"{path}: no such file: make one with flux keygen {path}") from exc
    except OSError as exc:
        raise CertificateError(f"{path}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise _not_a_certificate(path, "it is not text") from exc


def _parse(text: str, path: Path) -> Certificate:
    entries = _entries(text)
    keys = [entries.get(f"curve/{which}-key", "").encode() for which in ("public", "secret")]
    for which, key in zip(("public", "secret"), keys, strict=True):
        if len(key) != _KEY_SIZE:
            raise _not_a_certificate(path, f"it has no {which}-key of {_KEY_SIZE} characters under curve")
    name = entries.get("metadata/name", "")
    if not name:
        raise CertificateError(
            f"{path}: no name under metadata, without which Flux refuses it: "
            'add the line `    name = "lead"` there'
        )
    return Certificate(keys[0], keys[1], name)


def _entries(text: str) -> dict[str, str]:
    section, entries = "", {}
    for line in text.splitlines():
        if entry := _ENTRY.match(line):
            entries[f"{section}/{entry['key']}"] = entry["value"]
        elif line and not line[0].isspace():
            section = line.strip()
    return entries


def _check_pair(certificate: Certificate, path: Path) -> None:
    import zmq

    try:
        derived = zmq.curve_public(certificate.secret_key)
    except (zmq.ZMQError, ValueError) as exc:
        raise _not_a_certificate(path, "its secret-key is not a key") from exc
    if derived != certificate.public_key:
        raise CertificateError(
            f"{path}: its public-key does not belong to its secret-key: copy the file again, whole"
        )


def _not_a_certificate(path: Path, why: str) -> CertificateError:
    return CertificateError(f"{path}: not a CURVE certificate with both keys: {why}")


def _render(certificate: Certificate) -> str:
    return (
        "# CURVE key pair of a Flux instance: whoever reads it can join.\n"
        "metadata\n"
        f'    name = "{certificate.name}"\n'
        "curve\n"
        f'    public-key = "{certificate.public_key.decode()}"\n'
        f'    secret-key = "{certificate.secret_key.decode()}"\n'
    )


def _write_private(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as exc:
        raise CertificateError(f"{path}: exists already, and a certificate is never written over") from exc
    except OSError as exc:
        raise CertificateError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError as exc:
        with suppress(FileNotFoundError):
            path.unlink()
        raise CertificateError(f"{path}: cannot be written: {exc.strerror}") from exc


def _split(uri: str) -> tuple[str, int]:
    parts = urlsplit(uri)
    if parts.scheme != "tcp" or not parts.hostname or parts.port is None:
        raise ValueError(f"{uri!r} is not of the form tcp://host:port")
    return parts.hostname, parts.port


def _endpoint(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _speaks_zeromq(connection: socket.socket, deadline: float) -> bool:
    """Return whether the peer greets with the signature of ZMTP (ZeroMQ RFC 23); libzmq sends it at once."""
    signature = b""
    try:
        while len(signature) < _SIGNATURE_SIZE:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            part = connection.recv(_SIGNATURE_SIZE - len(signature))
            if not part:
                return False
            signature += part
    except OSError:
        return False
    return signature[0] == 0xFF and signature[-1] == 0x7F


def _knock(endpoint: str, certificate: Certificate, deadline: float) -> Handshake:
    import zmq
    from zmq.utils.monitor import recv_monitor_message

    outcomes = {
        zmq.EVENT_HANDSHAKE_SUCCEEDED: Handshake.FINE,
        zmq.EVENT_HANDSHAKE_FAILED_AUTH: Handshake.WRONG_CERTIFICATE,
        zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: Handshake.WRONG_CERTIFICATE,
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: Handshake.WRONG_CERTIFICATE,
    }
    # libzmq: the monitor must be closed before the context, or its end would wait for ever
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.ipv6 = "[" in endpoint
        dealer.curve_publickey = dealer.curve_serverkey = certificate.public_key
        dealer.curve_secretkey = certificate.secret_key
        with dealer.get_monitor_socket(sum(outcomes)) as monitor:
            dealer.connect(endpoint)
            if monitor.poll(max(0, int((deadline - time.monotonic()) * 1000))):
                return outcomes[zmq.Event(recv_monitor_message(monitor)["event"])]
    return Handshake.NOT_ZEROMQ
