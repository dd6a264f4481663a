"""The tutorial, typed from its first line to its last."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import IO

import pytest
from pages import ROOT, Run, blocks, runs
from shapes import alike

PAGE = ROOT / "docs/tutorial.md"
_, KEEP, *TYPED = runs(PAGE)
"""What `make demo` prints is held against the page in test_demo.py."""
LAST_LINE = "The page: "
PATIENCE_SECONDS = 20.0
END = "\x1e"
"""Ends what one command prints."""

ASKS = r"burstd (why|status|plan|cost|doctor|gc)|curl|python -m burstd.stage.user jobs"
"""Commands that change nothing: asked again until they print what is shown."""

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not shutil.which("curl"), reason="no `curl` on PATH"),
]


class Shell:
    """One bash, as the reader's second one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def prints(self, command: str) -> str:
        """Type a command; return what it prints."""
        given, printed = self._process.stdin, self._process.stdout
        given.write(f"{command}\nprintf '\\n{END}\\n'\n")
        given.flush()
        return "".join(takewhile(lambda line: line != f"{END}\n", printed))[:-1]

    def shows(self, run: Run) -> None:
        """Type a command of the page; it must print what the page shows, but for numbers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        printed = self.prints(run.command)
        while not alike(run, printed) and re.match(ASKS, run.command) and time.monotonic() < deadline:
            printed = self.prints(run.command)
        assert alike(run, printed), f"$ {run.command}\n{printed}"


@contextmanager
def a_shell() -> Iterator[Shell]:
    with subprocess.Popen(
        ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield Shell(process)


@contextmanager
def kept() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "burstd", "demo", "--keep", "--flux", "embedded"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def up_to(lines: IO[str], beginning: str) -> str:
    """Read lines up to the first that begins like this, with it."""
    read = []
    for line in lines:
        read.append(line)
        if line.startswith(beginning):
            break
    return "".join(read)


def test_every_command_prints_what_the_page_shows() -> None:
    """Typed one after the other, in two shells, the page's commands print what stands there."""
    with kept() as demo, a_shell() as shell:
        told = up_to(demo.stdout, LAST_LINE)
        directory = re.search(r"cd (\S+)", told)[1]
        assert alike(KEEP, told), told
        for run in TYPED:
            shell.shows(replace(run, command=re.sub(r"/tmp/burstd-demo-\w+", directory, run.command)))
        ended, gone = blocks(PAGE, "text")
        told = up_to(demo.stdout, ended.splitlines()[-1])
        demo.send_signal(signal.SIGINT)
        assert told.endswith(ended)
        assert demo.stdout.read().endswith(gone)
        assert demo.wait() == 0
        assert not Path(directory).exists()


def test_ctrl_c_ends_all_of_a_kept_demo() -> None:
    """Ctrl-C while burstd runs and a burst serves stops burstd in order, and nothing of the demo is left."""
    with kept() as demo, a_shell() as shell:
        told = up_to(demo.stdout, LAST_LINE)
        directory = re.search(r"cd (\S+)", told)[1]
        shell.prints(f"cd {directory}; . ./env.sh")
        assert "done" in shell.prints("burstd up burst-0 --hosts 1 --wait --config burstd.yaml")
        demo.send_signal(signal.SIGINT)
        *_, stopped, gone = demo.stdout.read().splitlines()
        assert (demo.wait(), gone) == (0, blocks(PAGE, "text")[1].strip())
        assert "INFO stopped; " in stopped
        assert naming(directory) == []


def naming(directory: str) -> list[str]:
    """Return the command lines of all processes that name the directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        found += [line] if directory in line else []
    return found
