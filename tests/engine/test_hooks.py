"""A command is told a notice on its standard input, and never keeps anybody waiting for long."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from burstd.core.errors import Undelivered
from burstd.core.notices import trial
from burstd.engine.hooks import Hook

pytestmark = pytest.mark.process

NOTICE = trial("tester", 1_000_000.0)
Program = Callable[[str], tuple[str, ...]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def make(text: str) -> tuple[str, ...]:
        path = tmp_path / "tell"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return (str(path),)

    return make


def refused(hook: Hook, stop: threading.Event | None = None) -> str:
    with pytest.raises(Undelivered) as caught:
        hook.deliver(NOTICE, stop or threading.Event())
    return str(caught.value)


def gone(pid: int) -> bool:
    """Say whether a process has ended; nobody here waits for one that a command started."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith(("Z", "X"))
    except FileNotFoundError:
        return True


def test_it_gets_the_notice_and_little_else(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is on standard input; the environment has three of burstd's own names and the notice's."""
    monkeypatch.setenv("A_SECRET_OF_BURSTD", "1")
    command = program(f'cat > {tmp_path}/said; env > {tmp_path}/env; echo "$PWD $*" > {tmp_path}/where')
    Hook((*command, "$(touch x)", "; b"), 10).deliver(NOTICE, threading.Event())
    assert json.loads((tmp_path / "said").read_text()) == NOTICE.document(jobs=False)
    assert (tmp_path / "where").read_text() == "/ $(touch x) ; b\n"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    own = {name for name in names if name.startswith("BURSTD_")}
    assert own == {
        f"BURSTD_{name}" for name in ("EVENT", "AT", "OWNER", "POOL", "BURST", "DOLLARS", "SENTENCE")
    }
    assert names - own - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "HOME", "LANG"}


def test_a_command_that_fails_is_quoted(program: Program) -> None:
    """Its exit code and the beginning of what it said stand in one sentence, printable."""
    said = refused(Hook(program("printf 'no\\033[0m\\nmail'; exit 3"), 10))
    assert said == "it ended with exit code 3, saying: 'no\\x1b[0m mail'"


def test_a_command_that_says_too_much_is_cut(program: Program) -> None:
    """What it writes is read to the end, and the beginning is kept."""
    said = refused(Hook(program("head -c 5000000 /dev/zero | tr '\\0' x; exit 1"), 10))
    assert len(said) < 400
    assert said.endswith("xxx…")


def test_a_command_that_does_not_end_is_killed_with_its_children(program: Program, tmp_path: Path) -> None:
    """After its time nothing of its process group runs, and the sentence says that."""
    hook = Hook(program(f"sleep 600 & echo $! > {tmp_path}/child; wait"), 0.5)
    began = time.monotonic()
    assert refused(hook) == "it did not end within 0.5 s, and was killed"
    assert time.monotonic() - began < 5
    child, deadline = int((tmp_path / "child").read_text()), time.monotonic() + 5
    while not gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_silent_command_that_closed_its_output_is_waited_for(program: Program) -> None:
    """The end of its output is not its end."""
    assert "exit code 4" in refused(Hook(program("exec >&- 2>&-; sleep 0.1; exit 4"), 10))


def test_what_it_leaves_running_keeps_nobody(program: Program) -> None:
    """A child that holds its output open does not delay the next notice."""
    began = time.monotonic()
    Hook(program("sleep 5 & exit 0"), 10).deliver(NOTICE, threading.Event())
    assert time.monotonic() - began < 4


def test_it_is_killed_when_burstd_stops(program: Program) -> None:
    """Once burstd has waited long enough, it waits no longer."""
    stop = threading.Event()
    stop.set()
    assert refused(Hook(program("sleep 600"), 600), stop) == "it was killed, since burstd stops"


def test_a_word_that_cannot_be_encoded(program: Program) -> None:
    """What the configuration may hold, and no command line, ends nothing but this notice."""
    assert "what no command can be given" in refused(Hook((*program("true"), "\ud800"), 10))


def test_a_program_that_is_gone() -> None:
    """One that was removed since the start is told in one sentence."""
    assert refused(Hook(("/no/such/program",), 10)) == "it cannot be started: No such file or directory"
