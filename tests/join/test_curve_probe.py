"""The handshake probe, at real sockets and at a real broker."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.auth.thread import ThreadAuthenticator

from burstd.join.curve import Certificate, Handshake, explain, probe, write


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return write(tmp_path / "curve.cert", "lead")


@pytest.fixture
def other(tmp_path: Path) -> Certificate:
    return write(tmp_path / "other.cert", "other")


@contextlib.contextmanager
def broker(certificate: Certificate | None, address: str = "127.0.0.1") -> Iterator[str]:
    """A ROUTER that lets in only clients of `certificate`, as a Flux broker does; None: without CURVE."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router, contextlib.ExitStack() as stack:
        router.linger = 0
        router.ipv6 = ":" in address
        doorman = ThreadAuthenticator(context)
        doorman.start()
        stack.callback(doorman.stop)
        if certificate:
            doorman.configure_curve_callback("flux", credentials_provider=Doorman(certificate.public_key))
            router.zap_domain = b"flux"
            router.curve_server = True
            router.curve_secretkey = certificate.secret_key
        port = router.bind_to_random_port(f"tcp://[{address}]" if ":" in address else f"tcp://{address}")
        yield f"tcp://[{address}]:{port}" if ":" in address else f"tcp://{address}:{port}"


class Doorman:
    """Knows one key."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def callback(self, domain: str, key: bytes) -> bool:
        return (domain, key) == ("flux", self.public_key)


@contextlib.contextmanager
def listener(says: bytes) -> Iterator[str]:
    """A TCP server that says something to whoever comes, and then waits for them to go."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionResetError):
                connection.settimeout(10)
                connection.sendall(says)
                connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_the_right_certificate_is_let_in(certificate: Certificate) -> None:
    """A broker that shares the certificate completes the handshake."""
    with broker(certificate) as uri:
        assert probe(uri, certificate) is Handshake.FINE


def test_a_name_is_resolved(certificate: Certificate) -> None:
    """A host name serves as well as an address."""
    with broker(certificate) as uri:
        assert probe(uri.replace("127.0.0.1", "localhost"), certificate) is Handshake.FINE


def test_another_certificate_is_wrong(certificate: Certificate, other: Certificate) -> None:
    """A broker with another server key cannot be spoken to."""
    with broker(certificate) as uri:
        assert probe(uri, other) is Handshake.WRONG_CERTIFICATE


def test_a_key_that_the_broker_does_not_know_is_wrong(certificate: Certificate, other: Certificate) -> None:
    """A broker that knows the server key but not the client's turns it away."""
    with broker(Certificate(other.public_key, certificate.secret_key, "mixed")) as uri:
        assert probe(uri, certificate) is Handshake.WRONG_CERTIFICATE


def test_a_broker_without_curve_has_no_certificate(certificate: Certificate) -> None:
    """ZeroMQ without CURVE does not pass for a broker that lets us in."""
    with broker(None) as uri:
        assert probe(uri, certificate) is Handshake.WRONG_CERTIFICATE


@pytest.mark.parametrize("says", [b"SSH-2.0-OpenSSH_9.2\r\n", b"hi", b"\xff" * 64])
def test_another_protocol_is_not_zeromq(certificate: Certificate, says: bytes) -> None:
    """A server that says something else first is told apart."""
    with listener(says) as uri:
        assert probe(uri, certificate, 0.2) is Handshake.NOT_ZEROMQ


def test_a_silent_port_is_not_zeromq(certificate: Certificate) -> None:
    """A port that accepts and says nothing is given up after the timeout."""
    begun = time.monotonic()
    with listener(b"") as uri:
        assert probe(uri, certificate, 0.1) is Handshake.NOT_ZEROMQ

    assert time.monotonic() - begun < 2


def test_a_greeting_without_a_handshake_is_not_zeromq(certificate: Certificate) -> None:
    """A server that greets as ZeroMQ and then hangs is given up after the timeout."""
    with listener(b"\xff" + bytes(8) + b"\x7f") as uri:
        assert probe(uri, certificate, 0.2) is Handshake.NOT_ZEROMQ


def test_a_closed_port_is_closed(certificate: Certificate) -> None:
    """Where nothing listens, that is what is said."""
    assert probe(f"tcp://127.0.0.1:{closed_port()}", certificate) is Handshake.CLOSED


def test_a_name_that_does_not_resolve(certificate: Certificate) -> None:
    """A host name that nobody knows is told apart from a closed port (RFC 2606: .invalid never resolves)."""
    assert probe("tcp://burst.invalid:8050", certificate) is Handshake.UNRESOLVED


@pytest.mark.parametrize("uri", ["", "host:1", "ipc:///tmp/x", "tcp://host", "tcp://:1", "tcp://host:99999"])
def test_what_is_no_address_is_refused(certificate: Certificate, uri: str) -> None:
    """Only tcp://host:port can be knocked at."""
    with pytest.raises(ValueError):  # noqa: PT011  (urllib words some of these itself)
        probe(uri, certificate)


@pytest.mark.parametrize("handshake", Handshake)
def test_every_outcome_is_explained(handshake: Handshake) -> None:
    """Each outcome is one sentence about the address it was met at."""
    sentence = explain(handshake, "tcp://lead:8050")

    assert "tcp://lead:8050" in sentence
    assert "\n" not in sentence


@pytest.mark.process
@pytest.mark.real_flux
def test_a_real_broker_takes_what_burstd_writes(
    tmp_path: Path, certificate: Certificate, other: Certificate
) -> None:
    """A real Flux broker runs on a written certificate, lets it in and turns another away."""
    port = closed_port()
    uri = f"tcp://127.0.0.1:{port}"
    (tmp_path / "broker.toml").write_text(
        f'[bootstrap]\ncurve_cert = "{tmp_path}/curve.cert"\n'
        f'hosts = [{{host = "h0", bind = "{uri}", connect = "{uri}"}}, {{host = "h1"}}]\n'
    )
    flux = shutil.which("flux")
    assert flux is not None
    arguments = [f"--config-path={tmp_path}/broker.toml", "-Shostname=h0", "-Sbroker.quorum=1"]
    process = subprocess.Popen([flux, "broker", *arguments, "sleep", "60"])
    try:
        outcome = first_answer(uri, certificate, time.monotonic() + 30)
        assert (outcome, probe(uri, other)) == (Handshake.FINE, Handshake.WRONG_CERTIFICATE)
    finally:
        process.terminate()
        process.wait(30)


def first_answer(uri: str, certificate: Certificate, deadline: float) -> Handshake:
    outcome = Handshake.CLOSED
    while outcome is Handshake.CLOSED and time.monotonic() < deadline:
        outcome = probe(uri, certificate)
    return outcome
