"""Working directories of jobs on hosts that do not share the lead's files, as far as burstd knows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.core.model import JobState

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}


@pytest.fixture
def root() -> Iterator[Path]:
    """Where directories may be made; nothing is there yet."""
    with tempfile.TemporaryDirectory(prefix="cwd-") as folder:
        yield Path(folder).resolve() / "home"


def told(town, job) -> str:
    """Wait until the job's memo tells something, and return it."""
    view = town.watch.until(
        lambda view: any(one.told for one in view.jobs if one.id == job), "the job is told why it waits"
    )
    return next(one.told for one in view.jobs if one.id == job)


def test_a_held_job_finds_its_directory(town, root):
    """It is made over Flux before the hold ends, whatever its name looks like to a shell."""
    daemon = town.serving(idle=60, shares_files=False, cwd_prefixes=[str(root)])
    cwd = root / "alice's $(touch hit)" / '`touch hit`; "run"'
    job = town.watch.submit(["pwd", "-P"], 2, requires=BURST_ONLY, cwd=str(cwd))

    assert town.watch.until_ended(job) == (4, 5)
    assert {line for _, line in town.watch.output(job)} == {str(cwd)}
    daemon.said("making 2 directories of jobs on ranks", 5)
    assert cwd.stat().st_uid == os.getuid()
    assert [path.name for path in root.iterdir()] == ["alice's $(touch hit)"]


def test_a_job_that_comes_later_finds_its_directory_too(town, root):
    """While the burst serves others, a new job's directory is made on its hosts, old and new."""
    town.serving(idle=60, shares_files=False, cwd_prefixes=[str(root)])
    first = town.watch.submit(["sleep", "60"], 1, requires=BURST_ONLY)
    town.watch.until(
        lambda view: any(one.state is JobState.RUN for one in view.jobs if one.id == first), "it runs"
    )
    later = town.watch.submit(["pwd", "-P"], 2, requires=BURST_ONLY, cwd=str(root / "later"))

    assert town.watch.until_ended(later) == (5, 6)
    assert {line for _, line in town.watch.output(later)} == {str(root / "later")}


def test_a_job_whose_directory_is_not_made_is_warned_and_runs(town, root):
    """The memo says where it will run instead; nothing is made outside the prefixes."""
    town.serving(idle=60, shares_files=False, cwd_prefixes=[str(root / "inside")])
    job = town.watch.submit(["pwd", "-P"], 1, requires=BURST_ONLY, cwd=str(root / "inside/../outside"))

    assert told(town, job).endswith(
        f"Its working directory {root}/inside/../outside is not normalised, and may be missing there: "
        "Flux then runs it in /tmp."
    )
    town.watch.until_ended(job)
    assert [line for _, line in town.watch.output(job) if line == "/tmp"] == ["/tmp"]
    assert not root.exists()


def test_what_stands_in_the_way_is_said_and_the_job_runs(town, root):
    """A symbolic link is not followed; the log tells which, and the job is not kept waiting."""
    root.mkdir()
    (root / "link").symlink_to(root)
    daemon = town.serving(idle=60, shares_files=False, cwd_prefixes=[str(root)])
    job = town.watch.submit(["true"], 1, requires=BURST_ONLY, cwd=f"{root}/link/x")

    town.watch.until_ended(job)
    assert f"{root}/link is a symbolic link" in daemon.said("rank 4: burstd: directory", 5)
    assert [path.name for path in root.iterdir()] == ["link"]
