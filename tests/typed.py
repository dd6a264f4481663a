"""Command lines of burstd, as the tests of help and pages need them."""

from __future__ import annotations

from contextlib import suppress

import typer
import typer.main

from burstd.cli import app


def parsed(words: list[str]) -> str:
    """Parse a command line without running it; return the name of its command."""
    command, path = typer.main.get_command(app), []
    with suppress(typer.Exit):
        context = command.make_context("burstd", list(words))
        rest = [*context._protected_args, *context.args]
        while rest:
            name, command, rest = command.resolve_command(context, rest)
            path.append(name)
            context = command.make_context(name, rest, parent=context)
            rest = [*getattr(context, "_protected_args", []), *context.args]
    return " ".join(path)
