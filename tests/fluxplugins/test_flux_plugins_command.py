"""`burstd flux-plugins`: what the plugins are told of the pools, and where both are put."""

from __future__ import annotations

import ast
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from burstd.cli import app
from burstd.cli.plugged import PLUGIN, folder
from burstd.config import poolfile

SOURCE = folder() / PLUGIN
POOLS = [
    {"name": "burst-0", "size": 4, "cores": 2, "properties": ["burst"]},
    {
        "name": "large",
        "hosts": "big-[0-9]",
        "size": 3,
        "queue": "big",
        "placement": "mixed",
        "multi_user": True,
    },
]


@pytest.fixture
def run(tmp_path: Path):
    """Run `burstd flux-plugins` with a configuration of two pools, or of others."""

    def type_(*words: str, **settings: Any) -> Result:
        path = tmp_path / "burstd.yaml"
        path.write_text(yaml.safe_dump({"owner": "tester", "pools": POOLS, **settings}))
        return CliRunner().invoke(app, ["flux-plugins", *words, "--config", str(path)])

    return type_


def test_the_export_tells_what_pools_are_chosen_by(run) -> None:
    """Pools stand in the configuration's order, with queue, placement and what is known of their hosts."""
    done = run("export")
    assert (done.exit_code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["version"], told["owner"], told["mixed_queue"]) == (1, "tester", "mixed")
    first, second = told["pools"]
    assert first == {
        "name": "burst-0",
        "provider": "local",
        "queue": "burst-0",
        "placement": "pool",
        "multi_user": False,
        "hosts": 4,
        "cores": 2,
        "gpus": None,
        "properties": ["burst", "burst-0"],
    }
    assert (second["queue"], second["placement"], second["multi_user"]) == ("big", "mixed", True)
    assert (second["hosts"], second["cores"], second["properties"]) == (3, None, None)


def test_the_export_knows_machine_types(run) -> None:
    """Where a pool names no cores, its hosts have what their machine type has."""
    pool = {
        "name": "p",
        "provider": "gke",
        "size": 1,
        "options": {"project": "x", "machine_type": "c2-standard-8"},
    }
    done = run("export", pools=[pool], lead={"host": "192.0.2.1", "port": 1})
    assert json.loads(done.stdout)["pools"][0]["cores"]


def test_the_export_has_no_secret_and_no_path(run, tmp_path: Path) -> None:
    """Nothing of the certificate, the munge key or a provider's options gets into what everyone reads."""
    secrets = {"curve_cert": f"{tmp_path}/curve.cert", "munge_key": f"{tmp_path}/munge.key"}
    pool = {"name": "p", "provider": "gke", "size": 1, "options": {"project": "private-project"}}
    lead = {"host": "192.0.2.1", "port": 30093, **secrets}
    text = run("export", pools=[pool], lead=lead).stdout
    assert [word for word in (str(tmp_path), "private-project", "192.0.2.1", "30093") if word in text] == []


def test_install_writes_both_files_for_everyone(run, tmp_path: Path) -> None:
    """Plugin and pools can be read by everyone and written by their owner alone, whatever the umask."""
    before = os.umask(0o077)
    try:
        done = run("install", "--to", f"{tmp_path}/a/b")
    finally:
        os.umask(before)
    assert done.exit_code == 0, done.output
    target = tmp_path / "a" / "b"
    assert _names(target) == [poolfile.NAME, PLUGIN]
    assert [stat.S_IMODE(path.stat().st_mode) for path in sorted(target.iterdir())] == [0o644, 0o644]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target, target.parent)] == [0o755, 0o755]
    assert (target / PLUGIN).read_text() == SOURCE.read_text()
    assert (target / poolfile.NAME).read_text() == run("export").stdout


def test_install_says_what_is_left_to_do(run, tmp_path: Path) -> None:
    """It names the folder for FLUX_CLI_PLUGINPATH, and the plugin with those that must come after it."""
    lines = run("install", "--to", f"{tmp_path}/a").stdout.splitlines()
    assert lines[:2] == [f"wrote {tmp_path}/a/{poolfile.NAME}", f"wrote {tmp_path}/a/{PLUGIN}"]
    assert lines[2].endswith(f"FLUX_CLI_PLUGINPATH={tmp_path}/a")
    assert lines[3].endswith(f'plugins = ["{tmp_path}/a/{PLUGIN}", "defaults", "constraints"]')


def test_install_replaces_what_was_there(run, tmp_path: Path) -> None:
    """A second install tells of the pools as they are then, and leaves nothing else in the folder."""
    run("install", "--to", f"{tmp_path}/a")
    (tmp_path / "a" / PLUGIN).write_text("old")
    run("install", "--to", f"{tmp_path}/a", pools=[{"name": "other"}])
    told = json.loads((tmp_path / "a" / poolfile.NAME).read_text())
    assert [pool["name"] for pool in told["pools"]] == ["other"]
    assert (tmp_path / "a" / PLUGIN).read_text() == SOURCE.read_text()
    assert _names(tmp_path / "a") == [poolfile.NAME, PLUGIN]


def test_a_folder_that_cannot_be_written_is_named(run, tmp_path: Path) -> None:
    """One sentence says which folder, why, and that --to names another."""
    (tmp_path / "file").touch()
    done = run("install", "--to", f"{tmp_path}/file/plugins")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"burstd: the plugins cannot be written to {tmp_path}/file/plugins: ")
    assert done.stderr.endswith("; name a folder of your own with --to\n")


def test_without_flux_the_folder_must_be_named(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no flux is on PATH, nobody can say where it has its plugins."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("install")
    assert (done.exit_code, done.stderr) == (
        1,
        "burstd: no flux is on PATH, so where it has its plugins is not known; name it with --to\n",
    )


def test_the_path_is_where_the_plugin_is() -> None:
    """`burstd flux-plugins path` prints a folder with the plugin in it."""
    done = CliRunner().invoke(app, ["flux-plugins", "path"])
    assert (Path(done.stdout.strip()) / PLUGIN).is_file()


def test_it_imports_only_flux_and_the_standard_library() -> None:
    """Flux's Python has neither burstd nor what burstd needs."""
    tree = ast.parse(SOURCE.read_text())
    names = {name for node in ast.walk(tree) for name in _imported(node)}
    assert {name for name in names if name not in sys.stdlib_module_names} == {"flux"}


def test_it_is_written_for_older_pythons() -> None:
    """It parses as Python 3.8, since Flux may run in an older one than burstd."""
    ast.parse(SOURCE.read_text(), feature_version=(3, 8))


def test_it_has_no_words_but_its_help_and_its_errors() -> None:
    """It prints in its help alone, and logs and warns nowhere."""
    tree = ast.parse(SOURCE.read_text())
    talking = {"print", "logging", "warnings", "syslog", "log", "stderr", "stdout"}
    found = [node for node in ast.walk(tree) if _word(node) in talking]
    (help_,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "help"]
    assert [_word(node) for node in found] == ["stdout"]
    assert found[0] in list(ast.walk(help_))


def _names(folder_: Path) -> list[str]:
    return sorted(path.name for path in folder_.iterdir())


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name.partition(".")[0] for name in node.names]
    return [str(node.module).partition(".")[0]] if isinstance(node, ast.ImportFrom) else []


def _word(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
