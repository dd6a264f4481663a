"""What a person types, and what comes back: text, exit code, nothing heavy before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd import __version__
from burstd.cli import app

HEAVY = (
    "pydantic",
    "yaml",
    "zmq",
    "rich.console",
    "tomlkit",
    "tenacity",
    "flux",
    "sqlite3",
    "fastapi",
    "uvicorn",
)
DECLARE = """
lead: {hosts: "flux-sample-[0-3]", cores: 2, curve_cert: /nowhere/curve.cert}
pools: [{size: 4, cores: 8, properties: [burst]}]
"""


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text(DECLARE)
    return path


def test_help_imports_nothing_heavy() -> None:
    """`burstd --help` answers at once because what costs time is imported only when needed."""
    code = (
        "import sys\n"
        "from burstd.cli import main\n"
        "sys.argv = ['burstd', '--help']\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "--lead-host" in done.stdout


def test_version(runner: CliRunner) -> None:
    """--version says the version and leaves."""
    done = runner.invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"burstd {__version__}\n")


@pytest.mark.parametrize("command", [[], ["check-config"], ["plan"], ["doctor"], ["render", "lead-toml"]])
def test_mistakes_are_told_at_once_before_anything_starts(runner: CliRunner, command: list[str]) -> None:
    """Every command refuses a bad configuration with all of its mistakes, exit code 2, no traceback."""
    done = runner.invoke(app, [*command, "--lead-port", "0", "--name", "Burst"])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "burstd: the configuration cannot be used; nothing was started.",
        "  lead.port: must be at least 1, not 0 (set by --lead-port)",
        "  pools[0].name: 'Burst' must be lower-case letters, digits and dashes, beginning with a letter "
        "(set by --name; 'burst' would do)",
    ]


def test_flags_may_stand_before_the_command(runner: CliRunner) -> None:
    """A flag counts before and after the command's name; after it, it counts more."""
    done = runner.invoke(app, ["--lead-port", "0", "--name", "A", "check-config", "--name", "B"])
    assert "lead.port: must be at least 1" in done.stderr
    assert "pools[0].name: 'B'" in done.stderr


def test_a_missing_file(runner: CliRunner, tmp_path: Path) -> None:
    """A configuration that is not there is exit code 2 and one sentence."""
    done = runner.invoke(app, ["--config", str(tmp_path / "none.yaml")])
    assert done.exit_code == 2
    assert f"{tmp_path}/none.yaml: there is no such file" in done.stderr


def test_rendering_a_lead(runner: CliRunner, file: Path) -> None:
    """`render lead-toml` prints a broker.toml that declares the pools; paths in it are the lead's."""
    done = runner.invoke(app, ["render", "lead-toml", "--config", str(file)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert 'curve_cert = "/nowhere/curve.cert"' in done.stdout
    assert '{host = "burst-0-[0-3]"}' in done.stdout


def test_merging_into_a_lead(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    """With --base the merged file goes to stdout and the difference to stderr, or alone with --diff."""
    base = tmp_path / "broker.toml"
    base.write_text(runner.invoke(app, ["render", "lead-toml", "--config", str(file)]).stdout)
    file.write_text(DECLARE.replace("size: 4", "size: 6"))
    merge = ["render", "lead-toml", "--config", str(file), "--base", str(base)]
    done = runner.invoke(app, merge)
    assert '{host = "burst-0-[0-5]"}' in done.stdout
    assert '-    {host = "burst-0-[0-3]"},\n+    {host = "burst-0-[0-5]"},' in done.stderr
    assert runner.invoke(app, [*merge, "--diff"]).stdout == done.stderr


def test_a_policy_that_refuses_burstable_jobs(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    """A queue policy fcfs stays in the file, and easy is recommended on stderr."""
    base = tmp_path / "broker.toml"
    base.write_text('[sched-fluxion-qmanager]\nqueue-policy = "fcfs"\n')
    done = runner.invoke(app, ["render", "lead-toml", "--config", str(file), "--base", str(base)])
    assert (done.exit_code, done.stdout.count('queue-policy = "fcfs"')) == (0, 1)
    assert 'burstd: queue-policy stays "fcfs"' in done.stderr
    assert 'set it to "easy"' in done.stderr


@pytest.mark.parametrize("word", ["x", "-1", "ƒ", "ƒ0l", str(1 << 64)])
def test_releasing_what_is_no_job(runner: CliRunner, word: str) -> None:
    """A word that is no job id is a usage error, and the lead is not asked."""
    done = runner.invoke(app, ["release", "--", word])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{word!r} is not a job id" in done.stderr


def test_a_base_that_is_not_there(runner: CliRunner, file: Path, tmp_path: Path) -> None:
    """A base that cannot be read is named."""
    done = runner.invoke(app, ["render", "lead-toml", "--config", str(file), "--base", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert f"--base: {tmp_path}/no cannot be read: No such file or directory" in done.stderr


def test_checking_without_a_lead(runner: CliRunner) -> None:
    """Without a lead at hand the file alone is checked, and what a change costs is said."""
    done = runner.invoke(app, ["check-config"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "The configuration has no mistakes." in done.stdout
    assert "Pool burst-0: provider local (free of charge)" in done.stdout
    assert "No lead is at hand" in done.stdout
    assert "A restart cancels running jobs" in done.stdout


@pytest.mark.process
def test_a_lead_that_cannot_be_reached(tmp_path: Path) -> None:
    """A lead that is not there is exit code 1 and one last sentence on stderr."""
    uri = f"embedded://{tmp_path}/none"
    done = subprocess.run(
        [sys.executable, "-m", "burstd", "plan"],
        env=os.environ | {"FLUX_URI": uri, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    *_, sentence = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert sentence.startswith(f"burstd: the lead at {uri} does not answer")


def test_an_unknown_option_is_a_usage_error() -> None:
    """`python -m burstd` is burstd, and what it does not know it refuses with code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "burstd", "--nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "No such option: --nonsense" in done.stderr
