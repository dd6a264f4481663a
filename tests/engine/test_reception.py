"""What the daemon answers over HTTP, with a main loop and without one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from players import asked

from burstd.config import Config
from burstd.config.http import HttpConfig
from burstd.engine.desk import Desk
from burstd.engine.ledger import Ledger
from burstd.engine.questions import Questions
from burstd.engine.reception import Reception
from burstd.testing.builders import NOW, a_burst, a_policy, a_snapshot

SETTINGS = HttpConfig(port=0)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    made = Config(state_dir=tmp_path, http=SETTINGS)
    with closing(Ledger(tmp_path / made.owner / "ledger.db")):
        yield made


@pytest.fixture
def reception(config: Config, caplog: pytest.LogCaptureFixture) -> Iterator[Reception]:
    caplog.set_level(logging.INFO)
    with closing(Reception()) as opened:
        opened.open(config)
        yield opened


@pytest.fixture
def port(reception: Reception, caplog: pytest.LogCaptureFixture) -> int:  # noqa: ARG001  it says where
    return int(caplog.messages[-1].rsplit(":", 1)[1].rstrip("/"))


def test_a_main_loop_answers_as_soon_as_it_is_asked(reception: Reception, port: int) -> None:
    """A question wakes the loop, which answers from what it knows."""
    desk, rung = Desk(), threading.Event()
    questions = Questions(rung.set)
    desk.questions = questions.take

    def turn() -> None:
        rung.wait(10)
        desk.answer(lambda _: a_snapshot(bursts=(a_burst(),)), a_policy(), NOW)

    loop = threading.Thread(target=turn)
    loop.start()
    with reception.attended(questions, desk):
        status, _, body = asked(port, "/api/v1/status")
    loop.join(10)
    assert (status, b"burst-0-g1" in body) == (200, True)


def test_who_waits_is_told_when_the_loop_ends(reception: Reception, port: int) -> None:
    """Whoever asked while burstd is stopped gets 503 at once, and who asks after that as well."""
    found, rung = [], threading.Event()
    with reception.attended(Questions(rung.set), Desk()):
        asking = threading.Thread(target=lambda: found.append(asked(port, "/livez")[0]))
        asking.start()
        assert rung.wait(10)
        begun = time.monotonic()
    asking.join(10)
    assert found == [503]
    assert time.monotonic() - begun < 2.0
    assert [asked(port, path)[0] for path in ("/livez", "/readyz", "/api/v1/status")] == [200, 503, 503]


def test_a_loop_that_is_stuck_is_not_alive(reception: Reception, port: int) -> None:
    """A loop that gives no answer within five seconds does not move."""
    with reception.attended(Questions(lambda: None), Desk()):
        status, _, body = asked(port, "/livez")
    assert (status, b"no answer in time" in body) == (503, True)


def test_metrics_are_those_of_the_daemon_that_serves(reception: Reception, port: int) -> None:
    """There are metrics while a daemon serves that has some, and none before or after."""
    assert asked(port, "/metrics")[0] == 404
    with reception.attended(Questions(lambda: None), Desk(), lambda: b"up 1\n"):
        assert asked(port, "/metrics")[2] == b"up 1\n"
    assert asked(port, "/metrics")[0] == 404


def test_other_settings_open_it_anew(
    reception: Reception, port: int, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """The same settings change nothing, others move it, and `off` ends it."""
    reception.open(config)
    assert asked(port, "/livez")[0] == 200
    reception.open(config.model_copy(update={"http": HttpConfig(port=0, bind="localhost")}))
    assert "localhost" in caplog.messages[-1]
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/livez")
    before = len(caplog.messages)
    reception.open(config.model_copy(update={"http": HttpConfig(off=True)}))
    assert len(caplog.messages) == before
