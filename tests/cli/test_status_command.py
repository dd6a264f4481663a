"""`burstd status` as text, and where no daemon is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd.cli import app
from burstd.cli.standing import age, as_table
from burstd.core.discretion import for_others
from burstd.core.model import Cooldown, Failure
from burstd.core.status import status
from burstd.engine.ledger import Ledger
from burstd.testing.builders import NOW, a_burst, a_policy, a_snapshot


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text(f"owner: me\nstate_dir: {tmp_path}/s\npools: [{{}}]\n")
    return path


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (7500, "2 h 5 min"),
        (7201, "2 h"),
        (90061, "1 d 1 h"),
        (86460, "1 d"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    """Nobody needs the seconds of a burst that is two hours old."""
    assert age(seconds) == text


def test_what_others_wrote_steers_no_terminal() -> None:
    """Errors of clouds are escaped in the table, whatever is in them."""
    cooldown = Cooldown("burst-0", "no\x1b[2Jroom", None)
    burst = a_burst(failure=Failure("a\nb"), why="it never joined")
    seen = a_snapshot(cooldowns=(cooldown,), bursts=(burst,))
    table = as_table(status(seen, a_policy(), (), NOW, lead_answers=True))
    assert r"no\x1b[2Jroom" in table
    assert r"it never joined; failed: a\nb" in table


@pytest.mark.parametrize(
    ("hosts", "answers", "sentence"),
    [
        (True, True, "Spent today"),
        (True, False, "The lead does not answer; hosts and jobs are as they were last seen."),
        (False, False, "The lead does not answer, and was not seen yet: hosts and jobs are not known."),
        (False, True, "burstd looks at the lead for the first time: hosts and jobs are not known yet."),
    ],
)
def test_what_is_not_known_is_said(hosts: bool, answers: bool, sentence: str) -> None:
    """The first line says what of the table is old or missing."""
    seen = a_snapshot() if hosts else a_snapshot(hosts=())
    table = as_table(status(seen, a_policy(), (), NOW, lead_answers=answers))
    assert table.startswith(sentence)


def test_others_are_told_that_they_do_not_see_all() -> None:
    """What is left out for a user who is not burstd's is shown as not known, and the first line says why."""
    seen = status(a_snapshot(bursts=(a_burst(cost_per_hour=1.0),)), a_policy(), (), NOW, lead_answers=True)
    table = as_table(for_others(seen, (), ()))
    assert table.startswith("What others may see")
    assert "Spent today" not in table
    (row,) = (line for line in table.splitlines() if "burst-0-g1" in line)
    assert [cell.strip() for cell in row.split("│")][5:7] == ["?", "?"]


def test_without_a_daemon_and_a_ledger_the_pools_are_told(file: Path) -> None:
    """Where burstd never ran there is no error, and no file afterwards."""
    done = CliRunner().invoke(app, ["status", "--config", str(file)])
    assert done.exit_code == 0
    assert done.output.startswith("No burstd answers here: this is what its ledger says")
    assert "│ burst-0 │ local    │ open" in done.output
    assert "No burst is up." in done.output
    assert not (file.parent / "s").exists()


def test_without_a_daemon_the_ledger_is_read(file: Path) -> None:
    """What was recorded is told, with None where only the daemon would know."""
    with closing(Ledger(file.parent / "s" / "me" / "ledger.db")) as ledger:
        ledger.record([a_burst(cost_per_hour=0.9)], (), NOW)
    done = CliRunner().invoke(app, ["status", "--json", "--config", str(file)])
    found = json.loads(done.output)
    (burst,) = found["bursts"]
    assert (found["source"], burst["name"], burst["hosts_online"]) == ("ledger", "burst-0-g1", None)
    assert burst["dollars"] > 0


@pytest.mark.process
def test_watching_ends_in_order(file: Path) -> None:
    """Ctrl-C ends it, without a traceback; what is piped has no escape sequences."""
    heard = ["env", "--default-signal=INT"]  # whoever runs the tests in the background has it ignored
    command = [*heard, sys.executable, "-m", "burstd", "status", "--watch", "--config", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("No burstd answers here")
        watching.send_signal(signal.SIGINT)
        rest, errors = watching.communicate(timeout=20)
    assert (watching.returncode, errors) == (0, "")
    assert "\x1b" not in rest
