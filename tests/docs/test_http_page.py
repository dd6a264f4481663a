"""The commands on the page about HTTP print what stands there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pages import ROOT, first_cells, runs
from players import TOKEN, a_busy_daemon, asked, served

PAGE = ROOT / "docs/http.md"
CURLS = [run for run in runs(PAGE) if "curl" in run.command]

pytestmark = pytest.mark.process


@dataclass(frozen=True)
class Place:
    """Where it is served here, instead of where the page says."""

    port: int
    token_file: Path

    def typed(self, command: str) -> str:
        """Type a command of the page; return what it prints."""
        here = command.replace("127.0.0.1:8093", f"127.0.0.1:{self.port}")
        here = here.replace("/etc/burstd/token", str(self.token_file))
        done = subprocess.run(
            here, shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    path = tmp_path_factory.mktemp("http") / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    with served(a_busy_daemon(), token_file=path) as port:
        yield Place(port, path)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="no `curl`, or no `jq`, on PATH"
)
@pytest.mark.parametrize("run", CURLS, ids=lambda run: run.command)
def test_consoles_of_curl_show_what_is_printed(run, place: Place) -> None:
    """Each command prints what the page shows, at a server with bursts and jobs."""
    printed = place.typed(run.command)
    assert printed.removesuffix("\n") == run.output.removesuffix("\n")


def test_the_page_lists_every_path(place: Place) -> None:
    """The table has the paths of the description, its own, and the page; each is there."""
    listed = first_cells(PAGE, "goes on without HTTP.\n")
    assert len(listed) == 9
    with served(a_busy_daemon(), lambda: b"", token_file=place.token_file) as port:
        assert {asked(port, path, token=TOKEN)[0] for path in listed} == {200}
