"""Each command's help ends with examples, and these can be typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
import typer
import typer.core
import typer.main
from typed import parsed
from typer.testing import CliRunner

from burstd.cli import app
from burstd.cli.examples import EXAMPLES

ALL = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def names(group: typer.core.TyperGroup, above: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from names(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


def test_every_command_has_examples() -> None:
    """No command is without one, and no example is of a command that there is not."""
    assert sorted(EXAMPLES) == sorted(["", *names(typer.main.get_command(app))])


@pytest.mark.parametrize(("name", "line"), ALL, ids=lambda value: value)
def test_an_example_can_be_typed(name: str, line: str) -> None:
    """It is a line of this very command, with options that it has."""
    program, *words = shlex.split(line)
    assert (program, parsed(words)) == ("burstd", name)


@pytest.mark.parametrize("name", EXAMPLES, ids=lambda name: name or "burstd")
def test_the_help_ends_with_them(name: str) -> None:
    """`--help` shows the examples as they stand, each on a line of its own, at the end."""
    shown = CliRunner().invoke(app, [*name.split(), "--help"]).output.rstrip().splitlines()
    lines = EXAMPLES[name]
    assert [line.strip() for line in shown[-len(lines) :]] == list(lines)
