"""What a burstd that stands by waits for is told while it does, and no longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from burstd.engine.standnote import NAME, StandNote, waited_for

DIES = """
import os, pathlib, signal, sys
from burstd.engine.standnote import StandNote
StandNote().write(pathlib.Path(sys.argv[1]), "a lead")
note = StandNote()
note.write(pathlib.Path(sys.argv[1]), "a lead")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_latest_note_is_told_until_it_ends(tmp_path) -> None:
    """Each note replaces the one before; where nobody stands by there is none, and no file is made."""
    state = tmp_path / "s" / "me"
    assert waited_for(state) == ""
    note = StandNote()
    note.write(state, "burstd stands by: the lead does not answer, and much more")
    note.write(state, "burstd stands by: ƒ")
    assert waited_for(state) == "burstd stands by: ƒ"
    assert (state / NAME).stat().st_mode & 0o777 == 0o600
    note.end()
    assert waited_for(state) == ""


def test_what_cannot_be_noted_harms_nothing(tmp_path) -> None:
    """A state directory that cannot be is the trouble of whoever needs it."""
    (tmp_path / "s").write_text("")
    note = StandNote()
    note.write(tmp_path / "s", "x")
    note.end()
    assert waited_for(tmp_path / "s") == ""


@pytest.mark.process
def test_a_note_dies_with_its_process(tmp_path) -> None:
    """What was killed waits for nothing, whatever lies there."""
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    assert done.returncode < 0
    assert (tmp_path / NAME).exists()
    assert waited_for(tmp_path) == ""
