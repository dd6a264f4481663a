"""What commands write to a terminal, and what they leave out where there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("make_town", ["embedded"], indirect=True),
]

COMMANDS = (
    ("--help",),
    ("up", "--help"),
    ("--nonsense",),
    ("check-config",),
    ("plan",),
    ("plan", "--json"),
    ("status",),
    ("cost",),
    ("notify",),
    ("probe",),
    ("release",),
    ("pause",),
    ("orphans",),
    ("gc", "--dry-run"),
    ("up", "nowhere"),
    ("render", "lead-toml"),
    ("completion", "bash"),
    ("flux-plugins", "export"),
)
HEARING = ("env", "--default-signal=INT")
"""Whoever runs the tests in the background has it ignored."""


class Screen:
    """A command on a terminal of its own."""

    def __init__(self, town, *words: str, **environment: str) -> None:
        daemon = town.daemons[-1]
        self._master, slave = os.openpty()
        plain = {key: value for key, value in daemon.environment.items() if key != "NO_COLOR"}
        self.process = subprocess.Popen(
            [*HEARING, *daemon.command[:3], *words, *daemon.command[3:]],
            env=plain | {"TERM": "xterm-256color"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.shown = ""

    def read(self, until: str = "") -> str:
        """Read until a text is shown, or to the end; return all that was shown."""
        with suppress(OSError):  # EIO: nobody has the other end any more
            while not (until and until in self.shown) and (part := os.read(self._master, 65536)):
                self.shown += part.decode()
        return self.shown

    def end(self) -> int:
        self.read()
        os.close(self._master)
        return self.process.wait(20)


@contextmanager
def screen(town, *words: str, **environment: str) -> Iterator[Screen]:
    one = Screen(town, *words, **environment)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.end()


def test_no_command_writes_escape_sequences_where_they_are_not_wanted(town):
    """With NO_COLOR a terminal gets plain text from every command, and so does a pipe without it."""
    town.serving(idle=600)
    town.watch.submit(["sleep", "60"], 5)
    seen = [Screen(town, *words, NO_COLOR="1") for words in COMMANDS]
    for words, one in zip(COMMANDS, seen, strict=True):
        code = one.end()
        assert "\x1b" not in one.shown, words
        assert "Traceback" not in one.shown, words
        assert one.shown or (code == 0 and words[0] == "gc"), words
    for words in ("plan", "cost", "status"):
        assert "\x1b" not in town.command(words).stdout
    coloured = Screen(town, "plan")
    assert coloured.end() == 0
    assert "\x1b[" in coloured.shown


def test_what_takes_long_says_what_it_waits_for(town):
    """A terminal is told why nothing happens, and what is new; Ctrl-C then ends it without a traceback."""
    town.serving(idle=600)
    job = town.watch.submit(["sleep", "600"], 1, requires={"properties": ["burst"]})
    town.watch.until(lambda view: any(job in host.jobs for host in view.hosts), "job runs")
    with screen(town, "down", "burst-0", "--wait") as down:
        assert "is draining) ..." in down.read("burstd: waiting for burstd to do that (")
        down.process.send_signal(signal.SIGINT)
        assert down.end() == 130
    assert "Traceback" not in down.shown


def test_a_lead_that_does_not_answer_is_waited_for_in_words(town):
    """On a terminal `plan` says that it waits for the lead; where nobody watches it says only the outcome."""
    town.burstd(lead={"uri": f"embedded://{town.directory}/none"})
    latest = town.daemons[-1]
    command = [*latest.command[:3], "plan", *latest.command[3:]]
    unwatched = subprocess.Popen(command, env=latest.environment, stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    with unwatched, screen(town, "plan") as plan:
        plan.read("burstd: waiting for the lead, and the lists of the pools' sites ...")
        assert time.monotonic() - began > 2
        assert plan.end() == 1
        _, errors = unwatched.communicate(timeout=60)
    assert unwatched.returncode == 1
    assert "waiting for" not in errors
