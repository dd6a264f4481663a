"""`--burst` typed at a real Flux, and the frobnicator in its broker.toml."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from burstd.cli.plugged import PLUGIN, folder, install
from burstd.config import Config, poolfile
from burstd.config.model import PoolConfig
from burstd.stage.lead import Stage

pytestmark = [pytest.mark.process, pytest.mark.real_flux]

COMMANDS = {
    "submit": ("hostname",),
    "run": ("hostname",),
    "batch": ("--wrap", "hostname"),
    "alloc": ("hostname",),
}
POOLS = (PoolConfig(name="burst-0", size=4, cores=2), PoolConfig(name="burst-1", size=64, cores=64))
"""The stage has hosts and a queue of the first alone."""

FROBNICATED = (PoolConfig(name="burst-0", size=4, queue="mixed"),)
"""What the frobnicator is told, so that one sees which of the two chose a queue."""

MARKER = "Xq7-only-in-the-jobspec"


class FrobnicatedStage(Stage):
    """A stage whose broker.toml names the frobnicator, with a file of pools of its own."""

    plugins: Path

    def lead_toml(self) -> str:
        listed = json.dumps([str(self.plugins / PLUGIN), "defaults", "constraints"])
        args = json.dumps([f"--burst-pools={self.plugins}/others.json"])
        return f"{super().lead_toml()}\n[ingest.frobnicator]\nplugins = {listed}\nargs = {args}\n"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a user types, with the plugin in the folder that FLUX_CLI_PLUGINPATH names."""

    environment: dict[str, str]

    def type(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["flux", *words],
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def dry(self, command: str, *words: str, **variables: str) -> dict[str, Any]:
        """Return attributes.system of what a command would submit."""
        done = self.type(command, "--dry-run", *words, *COMMANDS[command], **variables)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout)["attributes"]["system"])

    def submitted(self, *words: str) -> list[tuple[Any, Any]]:
        """Submit, and return mark and queue of each job as the instance has them."""
        done = self.type(*words)
        assert done.returncode == 0, done.stderr
        jobs = [self.type("job", "info", id_, "jobspec").stdout for id_ in done.stdout.split()]
        systems = [json.loads(text)["attributes"]["system"] for text in jobs]
        return [(system.get("burstable"), system.get("queue")) for system in systems]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="plug-") as name:
        plugins = Path(name) / "plugins"
        list(install(poolfile.told(Config(pools=POOLS)), plugins))
        (plugins / "others.json").write_text(poolfile.told(Config(pools=FROBNICATED)))
        stage = FrobnicatedStage(Path(name) / "s", "real", queues=True, start_queues=True)
        stage.plugins = plugins
        with stage:
            yield Desk(os.environ | stage.environment() | {"FLUX_CLI_PLUGINPATH": str(plugins)})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_job_is_marked_and_goes_to_the_first_pool_that_can_serve_it(desk: Desk, command: str) -> None:
    """--burst takes no value: the word after it is the command."""
    system = desk.dry(command, "-n1", "--burst")
    assert (system["burstable"], system["queue"]) == (1, "burst-0")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_job_goes_to_the_pool_that_it_names(desk: Desk, command: str) -> None:
    """--burst-pool names the pool in the mark, and its queue is set."""
    system = desk.dry(command, "-N2", "--burst-pool=burst-0")
    assert (system["burstable"], system["queue"]) == ("burst-0", "burst-0")


def test_a_batch_script_may_say_it(desk: Desk, tmp_path: Path) -> None:
    """A directive in a script is as good as the option."""
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\n#flux: -N1 --burst-pool=burst-0\nhostname\n")
    system = json.loads(desk.type("batch", "--dry-run", str(script)).stdout)["attributes"]["system"]
    assert (system["burstable"], system["queue"]) == ("burst-0", "burst-0")


def test_without_the_options_nothing_changes(desk: Desk) -> None:
    """A job that does not ask for it is neither marked nor sent anywhere."""
    assert not desk.dry("submit").keys() & {"burstable", "queue"}


@pytest.mark.parametrize("command", [*COMMANDS, "bulksubmit"])
def test_an_unknown_pool_is_refused_with_the_known_ones(desk: Desk, command: str) -> None:
    """One sentence at submission, and no job."""
    words = COMMANDS.get(command, ("echo", ":::", MARKER))
    done = desk.type(command, "-n1", "--burst-pool=elsewhere", *words)
    sentence = "--burst-pool: no pool is called 'elsewhere'; the pools are burst-0, burst-1"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"flux-{command}: ERROR: {sentence}\n")


def test_two_pools_in_one_breath_are_refused(desk: Desk) -> None:
    """--burst-pool beside --setattr=burstable contradict each other; --burst lets the latter be."""
    done = desk.type("submit", "--burst-pool=burst-0", "--setattr=burstable=local", "hostname")
    assert done.returncode == 1
    assert "leave one out" in done.stderr
    assert desk.dry("submit", "--burst", "--setattr=burstable=burst-1")["burstable"] == "burst-1"


def test_another_queue_may_be_named(desk: Desk) -> None:
    """--queue counts more than the pool's."""
    assert desk.dry("submit", "--burst", "--queue=mixed")["queue"] == "mixed"


def test_a_job_that_may_spread_goes_to_the_queue_for_that(desk: Desk) -> None:
    """The mark's own placement counts."""
    mark = '--setattr=burstable={"placement":"mixed"}'
    assert desk.dry("submit", "-N6", "--burst", mark)["queue"] == "mixed"


def test_a_queue_that_is_not_there_is_not_named(desk: Desk) -> None:
    """A pool of which the lead has no queue, and an instance that cannot be asked, leave the job without."""
    assert "queue" not in desk.dry("submit", "--burst-pool=burst-1")
    nowhere = desk.dry("submit", "--burst", FLUX_URI="local:///nonexistent")
    assert nowhere["burstable"] == 1
    assert "queue" not in nowhere


def test_without_a_file_of_pools_jobs_are_only_marked(desk: Desk) -> None:
    """The folder in burstd's own package serves too: nothing is checked there, and no queue is set."""
    bare = {"FLUX_CLI_PLUGINPATH": str(folder())}
    assert "queue" not in desk.dry("submit", "--burst", **bare)
    assert desk.dry("submit", "--burst-pool=any", **bare)["burstable"] == "any"
    assert f"{folder()}/{poolfile.NAME} is missing" in desk.type("submit", "--help=burst", **bare).stdout


def test_another_file_of_pools_can_be_named(desk: Desk) -> None:
    """BURSTD_POOLS counts more than the file beside the plugin."""
    others = f"{desk.environment['FLUX_CLI_PLUGINPATH']}/others.json"
    system = desk.dry("submit", "--burst", FLUX_CLI_PLUGINPATH=str(folder()), BURSTD_POOLS=others)
    assert system["queue"] == "mixed"


@pytest.mark.parametrize("command", [*COMMANDS, "bulksubmit"])
def test_the_help_has_both_options(desk: Desk, command: str) -> None:
    """`--help` lists them."""
    text = desk.type(command, "--help").stdout
    assert "  --burst " in text
    assert "--burst-pool=POOL" in text


def test_the_long_help_tells_the_pools(desk: Desk) -> None:
    """`--help=burst-pool` says what there is to name."""
    text = desk.type("submit", "--help=burst-pool").stdout
    assert "--burst marks the job as burstable" in text
    assert "    burst-0, 4 hosts of 2 cores, queue burst-0\n" in text


def test_jobs_in_bulk_are_marked_and_sent(desk: Desk) -> None:
    """Both bulksubmit and --cc make copies of their arguments, each of which has the options."""
    bulk = desk.submitted("bulksubmit", "--burst-pool=burst-0", "echo", "{}", ":::", "a", "b")
    assert bulk == [("burst-0", "burst-0")] * 2
    assert desk.submitted("submit", "--cc=0-1", "--burst", "hostname") == [(1, "burst-0")] * 2


def test_the_frobnicator_sends_marked_jobs_without_a_queue(desk: Desk) -> None:
    """Whatever marked it, a job without a queue gets that of its pool; others get the default one."""
    assert desk.submitted("submit", "--setattr=burstable", "hostname") == [(1, "mixed")]
    assert desk.submitted("submit", "--setattr=burstable=elsewhere", "hostname") == [("elsewhere", "batch")]
    assert desk.submitted("submit", "--setattr=burstable", "--queue=batch", "hostname") == [(1, "batch")]
    assert desk.submitted("submit", "hostname") == [(None, "batch")]


def test_no_jobspec_gets_into_a_log(desk: Desk) -> None:
    """Neither the commands nor the broker say a word of what a job is, refused or not."""
    secret = {"MARKER": MARKER}
    said = [
        desk.type("submit", "--burst", "true", MARKER, **secret),
        desk.type("submit", "--setattr=burstable", "true", MARKER, **secret),
        desk.type("submit", '--setattr=burstable={"pool":["x"]}', "true", MARKER, **secret),
        desk.type("submit", "--burst-pool=elsewhere", "true", MARKER, **secret),
    ]
    assert [done.returncode for done in said] == [0, 0, 0, 1]
    log = desk.type("dmesg").stdout
    assert log
    assert MARKER not in "".join(done.stdout + done.stderr for done in said) + log
