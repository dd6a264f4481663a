"""What a person at a terminal sees beside the answer: colours where they are wanted, what is waited for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE_SECONDS = 2.0
"""So long nobody wonders."""

AGAIN_SECONDS = 1.0
"""Between two looks at how far what is waited for has come."""


def console() -> Console:
    """Return what prints tables: without any escape sequence where the output is no terminal, or by NO_COLOR.

    NO_COLOR counts when it is not empty: https://no-color.org.
    """
    from rich.console import Console

    return Console(soft_wrap=True, color_system=None if os.environ.get("NO_COLOR") else "auto")


@contextmanager
def waiting(what: str, news: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Say on standard error what is waited for, once that takes longer than two seconds.

    Only a terminal is told: logs and the mails of cron stay as they are. `news` is asked again and again, in
    a thread of its own, and said where it changed; "": nothing is known.
    """
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(what, news, over), name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _tell(what: str, news: Callable[[], str], over: threading.Event) -> None:
    if over.wait(PATIENCE_SECONDS):
        return
    said = news()
    typer.echo(f"burstd: waiting for {what}{f' ({said})' if said else ''} ...", err=True)
    while not over.wait(AGAIN_SECONDS):
        latest = news()
        if latest and latest != said:
            typer.echo(f"burstd: {latest}", err=True)
        said = latest or said
