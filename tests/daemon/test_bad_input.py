"""What a person may get wrong: each ends in one sentence, without a traceback, with nothing half made."""

from __future__ import annotations

import socket
import threading

import pytest

pytestmark = [
    pytest.mark.process,
    # One kind of lead is enough here: these mistakes are burstd's own to find.
    pytest.mark.parametrize("make_town", ["embedded"], indirect=True),
]


def refused(daemon, code: int, *words: str) -> str:
    """Run burstd to its end; return what it said, which holds the words and no traceback."""
    daemon.start()
    assert daemon.wait(60) == code
    text = "\n".join(daemon.lines)
    assert "Traceback" not in text
    for word in words:
        assert word in text
    return text


def test_a_missing_certificate_is_named(town):
    """The certificate's path, what is wrong with it and nothing started."""
    daemon = town.burstd("--curve-cert", str(town.directory / "none.cert"))

    refused(daemon, 2, "none.cert")
    assert not town.ledger.exists()
    assert town.sites() == ()


def test_a_certificate_that_others_can_read_is_refused(town):
    """A certificate with mode 0644 is as good as published; burstd does not start with it."""
    loose = town.directory / "loose.cert"
    loose.write_bytes(town.stage.curve_cert.read_bytes())
    loose.chmod(0o644)

    refused(town.burstd("--curve-cert", str(loose)), 2, "loose.cert", "can be read by others", "chmod 600")


def test_a_pool_that_is_not_declared_says_what_to_add(town):
    """The error says what the lead's hostlist is and what to add to its broker.toml."""
    text = refused(town.burstd("--name", "burst-7"), 2, "pools[0].name", "[[resource.config]]")

    assert "flux-sample-[0-3],burst-0-[0-3]" in text
    assert "burstd render lead-toml" in text


def test_every_mistake_is_reported_at_once(town):
    """A file with several mistakes names each with its path."""
    daemon = town.burstd(size=99, cores=77)

    refused(daemon, 2, "pools[0].size")
    other = town.burstd(cores=77, gpus=3)
    refused(other, 2, "pools[0].cores", "pools[0].gpus")


def test_a_provider_that_is_not_installed_is_named(town):
    """A provider that no package offers is named with those that are there."""
    refused(town.burstd(provider="aks"), 2, "pools[0].provider", "'aks'", "local")


def test_an_option_that_a_provider_does_not_have_is_named(town):
    """An option of another provider is refused with those that this one has."""
    refused(town.burstd(options={"zone": "z"}), 2, "pools[0].options.zone", "stop_seconds")


def test_an_address_of_something_else_is_told_before_anything_is_spent(town):
    """A lead port in use by a server that is no ZeroMQ is told at start."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeter = threading.Thread(target=greet, args=(server,), daemon=True)
        greeter.start()
        port = server.getsockname()[1]
        daemon = town.burstd("--lead-host", "127.0.0.1", "--lead-port", str(port))
        daemon.start()
        line = daemon.said(f"127.0.0.1:{port}", 30)

    assert "does not speak as a Flux broker" in line
    assert "may not be let in" in line


def greet(server: socket.socket) -> None:
    try:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 mail.example.org ESMTP\r\n")
    except OSError:
        return  # the server was closed: the test is over


def test_a_state_directory_that_cannot_be_written_is_named(town):
    """A state directory below a file is refused before the lead is even asked."""
    blocker = town.directory / "s"
    blocker.write_text("")

    refused(town.burstd(), 2, "state_dir", str(blocker))
