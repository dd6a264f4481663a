"""What a shell completes: commands, options, names of pools. Nothing heavy is imported for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer

PROGRAM = "burstd"
ASKING = "_BURSTD_COMPLETE"
"""The variable by which a shell's script asks burstd what could stand there: typer's own way."""

_NO_FILE = ("burst-0",)
"""The pool of a burstd without a configuration file."""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell | None, typer.Argument(metavar="[bash|zsh|fish]", show_default=False)] = None,
) -> None:
    """Print what lets a shell complete commands, options and names of pools, your own shell by default.

    For its start file, such as ~/.bashrc: source <(burstd completion bash)
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    name = (shell or _own()).value
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=ASKING, shell=name))


def _own() -> Shell:
    """Return the shell that $SHELL names. Raises typer.BadParameter."""
    name = PurePath(os.environ.get("SHELL", "")).name
    if name not in set(Shell):
        raise typer.BadParameter("$SHELL is none of these: say for which one", param_hint="bash|zsh|fish")
    return Shell(name)


def begin() -> None:
    """Let typer answer a shell's script: it does so by itself only with options of its own making."""
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()


def add_to(app: typer.Typer) -> None:
    """Give this command to an app."""
    app.command()(completion)


def pools(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the pools that could be meant: those of the file that the line names so far."""
    return [name for name in _names(_file(ctx)) if name.startswith(incomplete)]


def _file(ctx: typer.Context) -> Path | None:
    """Return the configuration file that stands on the line; after the command's name it counts more."""
    found = (context.params.get("config") for context in _upwards(ctx))
    return next((Path(file) for file in found if file), None)


def _upwards(ctx: typer.Context) -> Iterator[Any]:
    context: Any = ctx
    while context is not None:
        yield context
        context = context.parent


def _names(file: Path | None) -> Iterable[str]:
    """Return the names in a file as far as it can be read: a mistake in it is not told here."""
    if file is None:
        return _NO_FILE
    import yaml

    try:
        content = yaml.safe_load(file.expanduser().read_bytes())
    except (OSError, RuntimeError, yaml.YAMLError):
        return ()
    listed = content.get("pools", [{}]) if isinstance(content, dict) else []
    pools = [pool for pool in listed if isinstance(pool, dict)] if isinstance(listed, list) else []
    return [name for pool in pools if isinstance(name := pool.get("name", _NO_FILE[0]), str)]
