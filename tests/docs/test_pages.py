"""What the pages say is so: links, commands, modules, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import takewhile
from pathlib import Path

import pytest
import typer.core
import typer.main
from pages import PAGES, ROOT, anchors, blocks, commands, first_cells, links, named, runs, words
from typed import parsed
from typer.testing import CliRunner

from burstd import __version__
from burstd.cli import app
from burstd.core.model import Phase
from burstd.core.reasons import Code
from burstd.core.status import BurstStatus, PoolState, PoolStatus, Status, WaitStatus

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs/architecture.md"
DECISIONS = ROOT / "docs/decisions"

TUTORIAL = ROOT / "docs/tutorial.md"

CONSOLES = [
    run for page in PAGES if page != TUTORIAL for run in runs(page) if run.command.startswith("burstd ")
]
"""Those with commands of Flux are tried in test_flux_commands.py; the tutorial has its own test."""

every_page = pytest.mark.parametrize("page", PAGES, ids=named)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every link into the project names a file that is there, and a heading that is in it."""
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


@every_page
def test_paths_exist(page: Path) -> None:
    """Every module, test and example that a page names is there."""
    found = re.findall(r"`((?:burstd|tests|docs|examples|deploy|bench)/[\w./-]*)`", page.read_text())
    assert [path for path in found if not (ROOT / path).exists()] == []


@every_page
def test_make_targets_exist(page: Path) -> None:
    """Every `make` on a page names a target of the Makefile."""
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = [word for line in commands(page) if line[0] == "make" for word in line[1:] if "=" not in word]
    assert [word for word in named if word not in targets] == []


@every_page
def test_commands_are_understood(page: Path) -> None:
    """Every command line of burstd on a page has a command and options that there are."""
    for line in commands(page):
        if line[0] == "burstd":
            parsed(line[1:])


@pytest.mark.parametrize("run", CONSOLES, ids=lambda run: run.command)
def test_consoles_show_what_is_printed(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A console block with a command of burstd shows what that prints."""
    monkeypatch.chdir(ROOT)
    output = CliRunner().invoke(app, run.command.split()[1:]).output
    assert run.is_printed_by(output), output


@every_page
def test_configurations_are_examples(page: Path) -> None:
    """A configuration on a page stands, line by line, in an example file; those have tests of their own."""
    examples = [path.read_text() for path in (ROOT / "examples").glob("**/*.yaml")]
    found = [
        block for block in blocks(page, "yaml") if not any(f"\n{block}" in f"\n{text}" for text in examples)
    ]
    assert found == []


def test_the_readme_lists_the_flags() -> None:
    """The table of flags has every flag of the daemon and no other."""
    options = [name for param in typer.main.get_command(app).params for name in param.opts]
    listed = [code.split()[0] for code in first_cells(README, "A flag counts more than the file:\n")]
    assert sorted(listed) == sorted(options)


def test_the_readme_lists_the_commands() -> None:
    """The table of commands has every command, those of `render` each by its own name."""
    listed = [words(code)[1:] for code in first_cells(README, "Other commands:\n")]
    plain = [takewhile(lambda word: not word.startswith("-"), command) for command in listed]
    names = [" ".join(word for word in command if not word.isupper()) for command in plain]
    assert sorted(names) == sorted(_names(typer.main.get_command(app)))


def test_the_architecture_names_every_package() -> None:
    """No package of burstd is left out of the page about them."""
    packages = [path.parent.relative_to(ROOT) for path in (ROOT / "burstd").glob("*/**/__init__.py")]
    assert sorted(first_cells(ARCHITECTURE, "## The tree\n")) == sorted(map(str, packages))


def test_the_architecture_lists_the_reasons() -> None:
    """The table of reasons has every code, in the code's own order, and no other."""
    assert first_cells(ARCHITECTURE, "## Why a job waits\n") == list(Code)


def test_the_page_about_status_lists_states_and_names() -> None:
    """The tables of what stands have every state of a pool, and every name of the document, in order."""
    page = ROOT / "docs/status.md"
    assert re.findall(r"^\| `([a-z-]+)` \|", page.read_text(), re.MULTILINE) == list(PoolState)
    rows = page.read_text().partition("| where | names |\n")[2].splitlines()[1:]
    listed = [re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", row.split("|")[2])) for row in rows]
    shown = (Status, PoolStatus, BurstStatus, WaitStatus)
    assert listed == [[one.name for one in fields(kind)] for kind in shown]


def test_the_architecture_lists_the_phases() -> None:
    """The table of phases has every phase, in order."""
    rows = re.findall(r"^\| (\w+) \|", ARCHITECTURE.read_text().partition("## The life of a burst")[2], re.M)
    assert [row for row in rows if row != "phase"][: len(Phase)] == list(Phase)


def test_decisions_are_numbered_and_listed() -> None:
    """Decisions are numbered without a gap, have the same three parts, and stand in the index."""
    pages = sorted(DECISIONS.glob("0*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        title, *parts = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
        number, _, words = title.partition(": ")
        assert parts == ["Context", "Decision", "Consequence"], page.name
        assert f"| [{number}]({page.name}) | {words} |" in (DECISIONS / "README.md").read_text()


def test_the_changelog_knows_this_version() -> None:
    """The version that `burstd --version` says is told of in the changelog."""
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()


def _names(group: typer.core.TyperGroup) -> Iterator[str]:
    for name, command in group.commands.items():
        below = list(_names(command)) if isinstance(command, typer.core.TyperGroup) else [""]
        yield from (f"{name} {inner}".strip() for inner in below)
