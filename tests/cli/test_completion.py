"""What shells complete, tried in real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd.cli import app

BIN = Path(sys.executable).parent
HEAVY = (
    "burstd.config",
    "burstd.engine",
    "zmq",
    "rich",
    "tomlkit",
    "tenacity",
    "flux",
    "sqlite3",
    "kubernetes",
    "google",
)
CHECKS = {"zsh": ("-n",), "fish": ("--no-execute",)}

LINE = """
source <(burstd completion bash)
complete -p burstd > /dev/null || exit 3
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_burstd_completion burstd
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", LINE, "bash", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text("pools: [{name: cpu}, {name: gpu, size: 0}, 3, {provider: local}]\n")
    return path


@pytest.mark.process
def test_commands_and_options_are_completed() -> None:
    """Commands, those below them, their options and what an option may be are offered."""
    assert completed("burstd", "re") == ["release", "resume", "reopen", "reap", "render"]
    assert completed("burstd", "render", "lead") == ["lead-toml", "lead"]
    assert completed("burstd", "up", "burst-0", "--ho") == ["--hosts"]
    assert completed("burstd", "cost", "--by", "") == ["burst", "job", "user", "pool"]
    assert completed("burstd", "completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.process
def test_names_of_pools_are_completed(file: Path) -> None:
    """Pools are those of the file on the line, wherever it stands there, whatever else is wrong in it."""
    assert completed("burstd", "up", "") == ["burst-0"]
    assert completed("burstd", "--config", str(file), "down", "") == ["cpu", "gpu", "burst-0"]
    assert completed("burstd", "--config", "/nowhere", "up", "--config", str(file), "g") == ["gpu"]
    file.write_text("pools: [")
    assert completed("burstd", "up", "--config", str(file), "") == []


def test_nothing_heavy_is_imported_to_complete(file: Path) -> None:
    """A Tab is answered at once because what costs time is not imported for it."""
    code = (
        "import sys\n"
        "from burstd.cli import main\n"
        "sys.argv = ['burstd']\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    asking = {
        "_BURSTD_COMPLETE": "complete_bash",
        "COMP_WORDS": f"burstd\nup\n--config\n{file}\n",
        "COMP_CWORD": "4",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asking, capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr.strip()) == (["cpu", "gpu", "burst-0"], "[]")


@pytest.mark.parametrize(("path", "code"), [("/usr/bin/fish", 0), ("/bin/dash", 2), ("", 2)])
def test_the_shell_is_that_of_the_person(path: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name the script is for $SHELL; where that is another kind, which one must be said."""
    monkeypatch.setenv("SHELL", path)
    done = CliRunner().invoke(app, ["completion"])
    assert done.exit_code == code
    assert ("complete_fish" in done.stdout) == (code == 0)
    assert ("say for which one" in done.stderr) == (code == 2)


@pytest.mark.process
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_one_of_its_shell(shell: str) -> None:
    """What is printed for zsh and fish is understood there; bash runs it in the tests above."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here, so what is printed for it was not tried")
    script = subprocess.run(
        [BIN / "burstd", "completion", shell], capture_output=True, text=True, check=True
    ).stdout
    done = subprocess.run([found, *CHECKS[shell]], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert script
