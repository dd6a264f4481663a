"""Each exit code means what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burstd.cli import app

PAGE = Path(__file__).parents[2] / "docs/exit-codes.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a configuration whose state directory holds no ledger but a broken file."""
    state = tmp_path / "s" / "burstd"
    state.mkdir(parents=True)
    (state / "ledger.db").write_text("this is no ledger")
    path = tmp_path / "burstd.yaml"
    path.write_text(f"state_dir: {tmp_path}/s\nnotify: [{{command: [/bin/false]}}]\n")
    return path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--version"], 0),
        (["up", "--help"], 0),
        (["notify"], 0),
        (["notify", "--test"], 1),
        (["status"], 1),
        (["cost"], 1),
        (["probe", "localhost:1", "--curve-cert", __file__], 2),
        (["--nonsense"], 2),
        (["up"], 2),
        (["up", "burst-0", "--for", "ever"], 2),
        (["cost", "--since", "yesterday"], 2),
        (["check-config", "--lead-port", "0"], 2),
        (["kubeconfig", "burst-0"], 2),
        (["render", "burst", "burst-9"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_the_code_of(file: Path, words: list[str], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is done, 1 could not be done or is a no, 2 is a line or a file that cannot be used; no traceback."""
    monkeypatch.delenv("FLUX_URI", raising=False)
    configured = [] if words[0].startswith("--") else ["--config", str(file)]
    done = CliRunner().invoke(app, [*configured, *words])
    assert (done.exit_code, isinstance(done.exception, SystemExit | None)) == (code, True), done.output
    assert bool(done.stderr) == (code != 0 and "notify" not in words)


def test_the_page_has_every_code() -> None:
    """No code is left out: those above, those of signals, and none that there is not."""
    codes = re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert codes == ["0", "1", "2", "130", "143"]
