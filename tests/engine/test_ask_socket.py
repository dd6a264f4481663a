"""The socket for other users: who reaches it, what it answers, and what it does not let happen."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from burstd.core.errors import BurstdError, ConfigError
from burstd.core.planner import plan
from burstd.engine.client import question_at
from burstd.engine.desk import Desk
from burstd.engine.door import PEERS_OF_ONE, Door
from burstd.engine.guests import PENALTY_SECONDS, QUESTIONS_AT_ONCE, Guests, Pace
from burstd.engine.window import Window
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_job, a_policy, a_snapshot

STRANGER = 65534
AS_ANOTHER = """
import os, socket, sys
os.setuid(65534)
for line in sys.argv[2:]:
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(sys.argv[1])
    try:
        peer.sendall(line.encode() + b"\\n")
    except BrokenPipeError:
        pass
    print(peer.makefile().readline(), end="")
"""
HOLD_OPEN = """
import os, socket, sys
os.setuid(65534)
peers = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
for peer in peers:
    peer.connect(sys.argv[1])
last = socket.socket(socket.AF_UNIX)
last.connect(sys.argv[1])
print(last.makefile().readline(), end="", flush=True)
sys.stdin.read()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")


@pytest.fixture
def place():
    """A directory that everybody may enter and only this user change."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "ask"


@pytest.fixture
def window() -> Window:
    made = Window(a_policy(), Desk().answers["status"])
    jobs = (a_job(1, hosts=9, userid=STRANGER), a_job(2, hosts=9, userid=1000))
    snapshot = a_snapshot(jobs=jobs)
    made.ticked(Tick(snapshot, plan(snapshot, a_policy(), NOW), a_policy(), NOW, 0.0))
    return made


@pytest.fixture
def guests(place, window):
    with closing(Guests(place, window)) as made:
        made.open()
        yield made


def as_another(place: Path, *lines: str) -> list[dict]:
    """Say these lines as another user, each over a connection of its own; return the answers."""
    command = [sys.executable, "-c", AS_ANOTHER, str(place), *lines]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return [json.loads(line) for line in told.stdout.splitlines()]


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.process
@as_root
@pytest.mark.usefixtures("guests")
def test_another_user_asks_and_never_orders(place) -> None:
    """The kernel's word decides what is told; an order is refused, and so is what is no question."""
    own, others, status, order, nonsense = as_another(
        place,
        '{"ask": "why", "about": {"job": 1}}',
        '{"ask": "why", "about": {"job": 2}}',
        '{"ask": "status"}',
        '{"do": "pause"}',
        "[" * 900,
    )
    assert (own["answer"]["told"], own["answer"]["code"]) == (True, "too-large")
    assert not others["answer"]["told"]
    assert others["answer"]["sentence"].startswith("It belongs to another user")
    assert (status["answer"]["whole"], status["answer"]["dollars_today"]) == (False, None)
    assert [status["answer"]["waiting"][0][name] for name in ("jobs", "examples")] == [2, ["ƒ2"]]
    assert not order["fine"]
    assert order["sentences"][0].startswith("only questions are answered here")
    assert not nonsense["fine"]


@pytest.mark.usefixtures("guests")
def test_nobody_orders_there_not_even_its_owner(place) -> None:
    """Orders have one door alone."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(place))
        peer.sendall(b'{"do": "down"}\n')
        answer = json.loads(peer.makefile("rb").readline())
    assert not answer["fine"]
    assert question_at(place, "why", {"job": 2})["told"]


@pytest.mark.parametrize(
    ("kind", "about", "words"),
    [
        ("gold", None, "there is no question 'gold'"),
        ("why", None, "about one job"),
        ("why", {"job": "1"}, "64 bits"),
        ("why", {"job": 1 << 64}, "64 bits"),
        ("why", {"job": True}, "64 bits"),
        ("why", {"job": 1, "userid": 0}, "about one job"),
        ("status", {"job": 1}, "about nothing more"),
        ("status", {"x": "y" * 2000}, "."),
    ],
)
@pytest.mark.usefixtures("guests")
def test_what_is_no_question_is_refused(place, kind, about, words: str) -> None:
    """Whoever asks amiss is told how, and the next one is answered."""
    with pytest.raises(BurstdError, match=words):
        question_at(place, kind, about)
    assert question_at(place, "waiting")["jobs"] == 2


@pytest.mark.process
@as_root
@pytest.mark.usefixtures("guests")
def test_one_user_cannot_take_all_the_room(place) -> None:
    """Who holds connections open is let in no further; everybody else is."""
    command = [sys.executable, "-c", HOLD_OPEN, str(place), str(PEERS_OF_ONE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holding:
        assert holding.stdout is not None
        turned_away = json.loads(holding.stdout.readline())
        assert question_at(place, "waiting")["jobs"] == 2
        holding.communicate()
    assert turned_away["sentences"] == ["burstd is asked too much at once: ask again in a moment"]
    until(lambda: as_another(place, '{"ask": "waiting"}')[0]["fine"])


@pytest.mark.process
@as_root
def test_one_user_cannot_ask_without_end(place, window) -> None:
    """After some questions in a row another user has to wait; burstd's own has not."""
    waited: list[float] = []
    with closing(Guests(place, window, Pace(clock=lambda: NOW), waited.append)) as guests:
        guests.open()
        answers = as_another(place, *['{"ask": "waiting"}'] * (QUESTIONS_AT_ONCE + 1))
        assert [one["fine"] for one in answers] == [True] * QUESTIONS_AT_ONCE + [False]
        assert waited == [PENALTY_SECONDS]
        assert answers[-1]["sentences"] == ["You ask too often: ask again in a moment."]
        assert question_at(place, "waiting")["jobs"] == 2


def test_questions_come_back_with_time() -> None:
    """Each user has an account of questions, and one that is full again is forgotten."""
    now = [NOW]
    pace = Pace(clock=lambda: now[0])
    assert [pace.admits(1) for _ in range(QUESTIONS_AT_ONCE + 1)] == [True] * QUESTIONS_AT_ONCE + [False]
    assert pace.admits(2)
    now[0] += 1
    assert [pace.admits(1) for _ in range(3)] == [True, True, False]
    now[0] += 3600
    assert [pace.admits(1) for _ in range(QUESTIONS_AT_ONCE + 1)] == [True] * QUESTIONS_AT_ONCE + [False]


def test_a_place_that_others_can_change_is_refused(tmp_path, window) -> None:
    """Nobody else may come to answer in burstd's name."""
    tmp_path.chmod(0o777)
    with (
        pytest.raises(ConfigError, match=r"guests\.socket"),
        closing(Guests(tmp_path / "ask", window)) as one,
    ):
        one.open()


def test_a_file_that_is_no_socket_stays(place, window) -> None:
    """What a person has there is not taken away."""
    place.write_text("mine")
    with pytest.raises(ConfigError, match="no socket"), closing(Guests(place, window)) as one:
        one.open()
    assert place.read_text() == "mine"


@pytest.mark.usefixtures("guests")
def test_a_socket_that_is_answered_is_not_taken_away(place, window) -> None:
    """Two burstds need two sockets; one that a crash left is used again."""
    with pytest.raises(ConfigError, match="answers"), closing(Guests(place, window)) as other:
        other.open()
    assert question_at(place, "waiting")["jobs"] == 2


def test_a_socket_that_a_crash_left_is_used_again(place, window) -> None:
    """Nobody answers there, so it is nobody's."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    with closing(Guests(place, window)) as guests:
        guests.open()
        assert question_at(place, "waiting")["jobs"] == 2
        assert place.stat().st_mode & 0o777 == 0o666
    assert not place.exists()


def test_the_last_directory_is_made(place, window) -> None:
    """Only the one above has to be there."""
    deeper = place / "ask"
    with closing(Guests(deeper, window)) as guests:
        guests.open()
        assert deeper.parent.stat().st_mode & 0o777 == 0o755


def test_a_door_that_is_full_says_so(tmp_path) -> None:
    """Whoever comes when many are inside is told, and let in once one has left."""
    leave, came = threading.Event(), threading.Semaphore(0)

    def stay(peer: socket.socket, _userid: int) -> None:
        came.release()
        leave.wait(20)
        peer.sendall(b"bye\n")

    with closing(Door(tmp_path / "door", 0o600, stay)) as door, ExitStack() as stack:
        door.open()

        def come() -> socket.socket:
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(tmp_path / "door"))
            return peer

        inside = [come() for _ in range(64)]
        for _ in inside:
            assert came.acquire(timeout=20)
        assert b"too much at once" in come().makefile("rb").readline()
        leave.set()
        assert [peer.makefile("rb").readline() for peer in inside] == [b"bye\n"] * len(inside)
        until(lambda: come().makefile("rb").readline() == b"bye\n")
