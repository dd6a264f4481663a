"""`burstd why` over a real socket, as text and as JSON, and where nobody answers."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd.cli import app
from burstd.cli.moments import clock
from burstd.cli.reasoned import all_as_text, one_as_text
from burstd.core.jobid import f58
from burstd.core.model import ByHand, Wish
from burstd.core.planner import plan
from burstd.engine.control import Control
from burstd.engine.desk import Desk
from burstd.engine.guests import Guests
from burstd.engine.questions import Question, Questions
from burstd.engine.window import Window
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_job, a_policy, a_snapshot

HELD = 1 << 40
JOBS = (a_job(1, hosts=9), a_job(2, hosts=9), a_job(HELD, wish=Wish(nonsense="a\x1b[2Jb")))


@pytest.fixture
def window() -> Window:
    made = Window(a_policy(), Desk().answers["status"], clock=lambda: NOW)
    snapshot = a_snapshot(jobs=JOBS)
    made.ticked(Tick(snapshot, plan(snapshot, a_policy(), NOW), a_policy(), NOW, 0.0))
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text(f"owner: me\nstate_dir: {tmp_path}/s\nguests: {{socket: ask}}\npools: [{{}}]\n")
    return path


@pytest.fixture
def answering(file: Path, window: Window):
    """Where burstd of the configuration `file` answers: the state directory, and the socket for everybody."""
    state = file.parent / "s" / "me"
    state.mkdir(parents=True)
    with ExitStack() as stack:
        control = stack.enter_context(closing(Control(state, lambda: None, Questions(lambda: None), window)))
        guests = stack.enter_context(closing(Guests(file.parent / "ask", window)))
        control.open()
        guests.open()
        yield control


def run(file: Path, *words: str):
    return CliRunner().invoke(app, ["why", *words, "--config", str(file)])


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize("form", [f58(HELD), f58(HELD).replace("ƒ", "f"), str(HELD)])
def test_a_job_is_named_in_every_form_of_flux(file: Path, form: str) -> None:
    """f58 in both spellings, and decimal."""
    done = run(file, form)
    assert done.exit_code == 0
    assert done.output.startswith(f"{f58(HELD)}: bad-burstable")
    assert r"a\x1b[2Jb" in done.output


@pytest.mark.usefixtures("answering")
def test_both_documents_are_json(file: Path) -> None:
    """What is asked with --json is one document, in ASCII."""
    one, every = (json.loads(run(file, *words, "--json").output) for words in (["2"], []))
    assert (one["job"], one["told"], one["code"]) == ("ƒ3", True, "too-large")
    assert [(one["code"], one["jobs"]) for one in every["waiting"]] == [
        ("too-large", 2),
        ("bad-burstable", 1),
    ]


@pytest.mark.usefixtures("answering")
def test_a_job_that_is_not_known_is_exit_code_1(file: Path) -> None:
    """What is told is told on stdout; a word that is no id is a mistake in the command."""
    done = run(file, "77")
    assert (done.exit_code, done.output.split(":")[0]) == (1, f58(77))
    assert json.loads(run(file, "77", "--json").output)["told"] is False
    assert run(file, "seventy").exit_code == 2


def test_where_the_state_directory_has_no_socket_the_other_one_is_asked(file: Path, answering) -> None:
    """So the same configuration serves everybody; a socket can be named, too, without any."""
    answering.close()
    assert run(file).exit_code == 0
    named = CliRunner().invoke(app, ["why", "2", "--socket", str(file.parent / "ask")])
    assert (named.exit_code, named.output) == (0, run(file, "2").output)
    status = CliRunner().invoke(app, ["status", "--socket", str(file.parent / "ask")])
    assert "2         │ too-large" in status.output


def test_without_a_daemon_it_is_said_what_to_do(file: Path) -> None:
    """Reasons are in no ledger; the jobs' memos have the last ones."""
    done = run(file)
    assert done.exit_code == 1
    assert "flux jobs -o '{id} {user.burst}'" in done.stderr
    socket = str(file.parent / "ask")
    gone = CliRunner().invoke(app, ["why", "--socket", socket])
    assert (gone.exit_code, gone.stderr) == (1, f"burstd: no burstd answers at {socket}\n")


@pytest.mark.process
def test_it_imports_little() -> None:
    """Who asks at a socket needs no configuration, no tables and no ledger."""
    heavy = ("burstd.config", "burstd.engine.ledger", "rich.table", "sqlite3", "yaml")
    code = (
        "import sys\n"
        "from burstd.cli import main\n"
        "sys.argv = ['burstd', 'why', '--socket', '/nowhere/ask']\n"
        "try: main()\n"
        f"finally: print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n"
    assert done.stderr == "burstd: no burstd answers at /nowhere/ask\n"


def test_what_is_old_is_said(window: Window) -> None:
    """While the lead does not answer, what was seen last is told, and that it is old."""
    window.met(lead_answers=False)
    one, every = (
        window.answer(Question(ask, about)) for ask, about in (("why", {"job": 1}), ("waiting", {}))
    )
    assert one_as_text(one).startswith("The lead does not answer; this is as it was seen last.\n")
    assert all_as_text(every).startswith("The lead does not answer; this is as it was seen last.\n")


def test_that_nobody_waits_is_said(window: Window) -> None:
    """An empty list is a sentence."""
    snapshot = a_snapshot(by_hand=ByHand())
    window.ticked(Tick(snapshot, plan(snapshot, a_policy(), NOW), a_policy(), NOW, 0.0))
    assert all_as_text(window.answer(Question("waiting"))) == "No burstable job waits."


def test_a_moment_of_another_day_has_its_day() -> None:
    """The time of day says enough for today."""
    assert clock(NOW, NOW + 60) == "13:46:40 UTC"
    assert clock(NOW, NOW + 86400) == "1970-01-12 13:46:40 UTC"
