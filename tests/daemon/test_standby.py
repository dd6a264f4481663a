"""burstd with --stand-by: it says what is wrong, waits, and serves as soon as it can; it never fails."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from burstd.stage.daemon import DaemonProcess

pytestmark = pytest.mark.process

one_kind = pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
"""Most of standing by is burstd's own doing, whatever the lead is."""

POOL = {"name": "burst-0", "provider": "local", "idle_seconds": 0.5}
SECONDS = 30


def written(daemon: DaemonProcess) -> Path:
    return Path(daemon.command[daemon.command.index("--config") + 1])


def change(daemon: DaemonProcess, **changes: object) -> None:
    """Write another configuration, as an editor does that replaces the file."""
    path = written(daemon)
    content = yaml.safe_load(path.read_text()) | changes
    path.with_suffix(".new").write_text(yaml.safe_dump(content))
    path.with_suffix(".new").replace(path)


def times_said(daemon: DaemonProcess, text: str) -> int:
    return sum(text in line for line in daemon.lines)


@pytest.fixture
def standing(town) -> Callable[..., DaemonProcess]:
    """Start a burstd that stands by, with the pool changed."""

    def start(*flags: str, uri: str = "", **pool: object) -> DaemonProcess:
        daemon = town.burstd("--stand-by", *flags, **pool)
        if uri:
            daemon.environment["FLUX_URI"] = uri
        daemon.start()
        return daemon

    return start


@one_kind
def test_a_bad_configuration_is_waited_with_until_it_is_mended(standing):
    """The mistake is said once; burstd serves when the file is mended, and SIGTERM ends it with 0."""
    daemon = standing(size=99)
    line = daemon.said("burstd stands by", SECONDS)
    assert "pools[0].size" in line

    change(daemon, pools=[{**POOL, "idle": 1}])
    daemon.said("pools[0].idle: is not a setting here", SECONDS)
    change(daemon, pools=[POOL])
    daemon.said("serving the lead", SECONDS)
    assert times_said(daemon, "pools[0].size") == 1
    daemon.stop()


@one_kind
def test_a_file_that_is_not_there_is_waited_for(standing, town):
    """A configuration that is mounted later, through a link, is noticed."""
    home = town.directory / "mounted"
    home.mkdir()
    daemon = standing("--config", str(home / "burstd.yaml"))
    daemon.said("there is no such file", SECONDS)
    (home / "one").mkdir()
    (home / "one" / "burstd.yaml").write_text(yaml.safe_dump({"owner": "town", "state_dir": str(town.state)}))
    (home / "..data").symlink_to("one")
    (home / "burstd.yaml").symlink_to("..data/burstd.yaml")
    daemon.said("serving the lead", SECONDS)

    (home / "two").mkdir()
    (home / "two" / "burstd.yaml").write_text(
        yaml.safe_dump({"owner": "town", "state_dir": str(town.state), "pools": [{"size": 2}]})
    )
    (home / "..new").symlink_to("two")
    (home / "..new").replace(home / "..data")
    daemon.said("the configuration changed", SECONDS)
    daemon.stop()


def test_a_lead_that_is_not_there_yet_is_waited_for(standing, town):
    """Without a broker at the socket burstd says so once, and serves when there is one."""
    later = town.directory / "later"
    scheme, _, path = town.stage.uri.partition("://")
    daemon = standing(uri=f"{scheme}://{later}/local")
    daemon.said(f"{later}/local", SECONDS)
    later.symlink_to(Path(path).parent)
    daemon.said("serving the lead", SECONDS)
    assert times_said(daemon, "burstd stands by") == 1
    daemon.stop()


@one_kind
def test_a_lock_that_another_has_is_waited_for(standing, town):
    """Beside another burstd of the same owner it waits, and takes over when that one is gone."""
    first = town.serving()
    second = standing()
    second.said("another burstd runs with this owner", SECONDS)
    first.stop()
    second.said("serving the lead", SECONDS)
    second.stop()


@one_kind
def test_what_it_waits_for_is_told_by_status(standing, town):
    """While it does not serve, nobody answers, but what it waits for is there to be read."""
    daemon = standing(uri=f"embedded://{town.directory}/nowhere")
    daemon.said("burstd stands by", SECONDS)

    def status() -> str:
        command = [*daemon.command[:3], "status", "--config", str(written(daemon))]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    first, second, *_ = status().splitlines()
    assert first.startswith("burstd stands by: ")
    assert f"{town.directory}/nowhere" in first
    assert second.startswith("No burstd answers here")
    daemon.stop()
    assert status().startswith("No burstd answers here")


@one_kind
def test_a_ledger_that_cannot_be_made_is_waited_with(standing, town):
    """What is no ledger and cannot be set aside is said, and tried again."""
    town.ledger.mkdir(parents=True)
    daemon = standing()
    daemon.said("burstd stands by", SECONDS)
    town.ledger.rmdir()
    daemon.said("serving the lead", SECONDS)
    daemon.stop()


def test_a_changed_file_is_taken_up_while_a_burst_lives(standing, town):
    """A valid change makes burstd start again with it, and the burst that serves goes on."""
    daemon = standing(idle=300.0)
    daemon.said("serving the lead", SECONDS)
    town.watch.until_ended(town.watch.submit(["true"], 3))
    before = town.broker_pids()
    assert before

    change(daemon, pools=[{**POOL, "idle_seconds": 300.0, "max_lifetime_seconds": 86400.0}])
    daemon.said("starts again with it", SECONDS)
    daemon.said("burst-0-g1: was serving when burstd last ran; taking it up again", SECONDS)
    assert town.broker_pids() == before
    daemon.stop()


@one_kind
def test_a_change_that_cannot_be_used_is_said_and_the_old_goes_on(standing, town):
    """A file that no longer fits the lead is said once, and jobs are still served as before."""
    daemon = standing()
    daemon.said("serving the lead", SECONDS)
    change(daemon, pools=[{**POOL, "size": 99}])
    line = daemon.said("the file changed, and burstd goes on with what it said before", SECONDS)
    assert "pools[0].size: 99" in line

    town.watch.until_ended(town.watch.submit(["true"], 3))
    assert times_said(daemon, "serving the lead") == 1
    daemon.stop()


@one_kind
def test_a_file_that_says_the_same_in_other_words_changes_nothing(standing):
    """A comment is no change: the next real one is the first that is taken up."""
    daemon = standing()
    daemon.said("serving the lead", SECONDS)
    path = written(daemon)
    path.write_text(f"# the same\n{path.read_text()}")
    path.write_text(f"# the same\n{path.read_text()}nonsense: 1\n")
    daemon.said("nonsense: is not a setting here", SECONDS)
    assert times_said(daemon, "starts again") == 0
    daemon.stop()


@one_kind
def test_what_nobody_foresaw_is_waited_with(standing, town):
    """A fault that is no error of burstd's own does not end it either."""
    town.ledger.parent.mkdir(parents=True)
    town.ledger.write_text("no ledger")
    shm = town.ledger.with_name("ledger.db-shm")
    shm.mkdir()  # it cannot be set aside with the ledger
    daemon = standing()
    assert "please report it" in daemon.said("burstd stands by: unforeseen: ", SECONDS)
    shm.rmdir()
    daemon.said("serving the lead", SECONDS)
    daemon.stop()


@one_kind
def test_a_signal_ends_it_at_any_time(standing, town):
    """Whether it serves, waits with a mistake or for the lead: SIGTERM ends it with 0."""
    silent = town.directory / "silent"
    for daemon, said in (
        (standing(size=99), "burstd stands by"),
        (standing(uri=f"embedded://{silent}"), "burstd stands by"),
        (standing(), "serving the lead"),
    ):
        daemon.said(said, SECONDS)
        daemon.stop()


@one_kind
def test_a_command_line_that_is_not_understood_is_waited_with(town):
    """Nothing but a restart mends it, but a container that ends would be started again and again."""
    daemon = town.burstd("--stand-by", "--nonsense")
    daemon.start()
    daemon.said("No such option: --nonsense", SECONDS)
    daemon.said("restart it with another", SECONDS)
    daemon.stop()
