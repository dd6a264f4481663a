"""Whether burstd can serve from where it was started: by rank, and by user."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from burstd.core.errors import LeadLost, OtherRank, OtherUser
from burstd.lead.beside import check_readable, look
from burstd.lead.embedded.wire import Lines, encode
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage

MINE = os.geteuid()


@contextmanager
def broker(folder: Path, access: Mapping[str, Any] | None = None, **attributes: str) -> Iterator[str]:
    """A broker that tells its attributes and its configuration and does nothing else; yield its URI."""
    known = {"rank": "0", "security.owner": str(MINE)}
    known |= {name.replace("_", "."): value for name, value in attributes.items()}

    def serve(connection: socket.socket) -> None:
        lines = Lines()
        with connection:
            while data := connection.recv(65536):
                for asked in lines.feed(data):
                    name = (asked["payload"] or {}).get("name", "")
                    payload = {"value": known[name]} if name else {"access": access or {}}
                    connection.sendall(encode({"id": asked["id"], "payload": payload}))

    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "local"))
        door.listen()

        def welcome() -> None:
            try:
                while True:
                    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
            except OSError:
                return  # the door was closed: the test is over

        threading.Thread(target=welcome, daemon=True).start()
        yield f"embedded://{folder}/local"
        door.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="b-") as name:
        yield Path(name)


def test_rank_0_of_ones_own_is_the_place(folder: Path) -> None:
    """Nothing is said beside rank 0 of an instance of the same user."""
    with broker(folder) as uri:
        look(uri)


def test_another_rank_is_named(folder: Path) -> None:
    """The error says which rank it is, and where to start burstd."""
    with broker(folder, rank="3") as uri, pytest.raises(OtherRank, match="rank 3 of the instance") as caught:
        look(uri)
    assert caught.value.rank == 3


def test_a_lead_of_another_user_is_named_with_both(folder: Path) -> None:
    """A guest may be let in, but steers nothing: the error names both users and what to do."""
    words = f"the lead belongs to uid 4242, but burstd runs as uid {MINE}: run burstd as uid 4242"
    with broker(folder, security_owner="4242") as uri, pytest.raises(OtherUser, match=words):
        look(uri)


@pytest.mark.parametrize(("access", "fits"), [({"allow-root-owner": True}, True), ({}, False)])
def test_root_may_be_as_good_as_the_owner(folder: Path, access: Mapping[str, Any], fits: bool) -> None:
    """Where the instance serves root as its owner, burstd may run as root."""
    with broker(folder, access, security_owner="4242") as uri:
        if fits:
            look(uri, uid=0)
        else:
            with pytest.raises(OtherUser, match="as uid 0"):
                look(uri, uid=0)


def test_a_socket_of_another_user_that_lets_nobody_in_is_named_with_both(folder: Path) -> None:
    """Where the broker refuses the connection, whose socket it is tells why."""
    with broker(folder) as uri:
        pass
    words = f"local belongs to uid {MINE}, but burstd runs as uid {MINE + 1}: run burstd as uid {MINE}"
    with pytest.raises(OtherUser, match=words):
        look(uri, uid=MINE + 1)


def test_no_socket_is_nobodys(folder: Path) -> None:
    """Where there is no broker, it is not for want of the right user."""
    with pytest.raises(LeadLost):
        look(f"embedded://{folder}/none", uid=MINE + 1)


def test_what_can_be_read_may_be_another_users(folder: Path) -> None:
    """Whose a certificate is matters only to who cannot read it."""
    path = folder / "curve.cert"
    path.touch()
    check_readable(path)
    check_readable(folder / "none")


@pytest.mark.process
@pytest.mark.real_flux
def test_a_real_broker_tells_its_own_rank(folder: Path) -> None:
    """Beside rank 1 of a real instance one is told so; beside rank 0 one is not."""
    with Stage(folder, "real") as stage:
        look(stage.uri)
        with pytest.raises(OtherUser):
            look(stage.uri, uid=MINE + 1)
        with pytest.raises(OtherRank, match="rank 1"):
            look(stage.uri.replace("flux-sample-0", "flux-sample-1"))


@pytest.mark.process
def test_the_daemon_refuses_another_rank(folder: Path) -> None:
    """Beside rank 3 burstd ends at once with 1 and one sentence."""
    environment = {"FLUX_URI": f"embedded://{folder}/local", "XDG_STATE_HOME": str(folder)}
    with broker(folder, rank="3"), DaemonProcess({}, folder / "burstd.yaml", environment) as daemon:
        daemon.start()
        assert daemon.wait(30) == 1
    assert [line for line in daemon.lines if "rank" in line] == [
        "burstd: this is rank 3 of the instance, and burstd serves from rank 0 alone: start it beside that "
        "broker, with its $FLUX_URI"
    ]


@pytest.mark.process
def test_standing_by_on_another_rank(folder: Path) -> None:
    """With --stand-by it waits quietly there, and leaves with 0 when told to."""
    environment = {"FLUX_URI": f"embedded://{folder}/local", "XDG_STATE_HOME": str(folder)}
    with (
        broker(folder, rank="3"),
        DaemonProcess({}, folder / "burstd.yaml", environment, flags=["--stand-by"]) as daemon,
    ):
        daemon.start()
        line = daemon.said("burstd serves from rank 0 and stands by here", 30)
        assert "INFO this is rank 3 of the instance" in line
        daemon.stop()
    assert daemon.lines == [line]
