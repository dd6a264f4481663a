"""Compares what a command prints with what a page shows, but for what differs from run to run."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

from pages import Run

_VARIES = (
    (r"/tmp/burstd-demo-\w+", "DIRECTORY"),
    (r"ƒ\w+", "ƒ"),
    (r"\d+ min ", ""),
    (r"[━─]+", "─"),
    (r"\d[\d.:]*", "N"),
    (r" +", " "),
)
"""Directories, ids, widths, times and numbers."""


def alike(run: Run, printed: str) -> bool:
    """Say whether a command of a page printed what the page shows, by its shape."""
    return replace(run, output=shape(run.output)).is_printed_by(shape(printed))


def shape(text: str) -> str:
    """Return a text without what differs from run to run: numbers, times, ids, names, widths."""
    text = re.sub(rf"(?m)^(\d): (burst-0-\d|{re.escape(socket.gethostname())})$", r"\1: HOST", text)
    for pattern, instead in _VARIES:
        text = re.sub(pattern, instead, text)
    return text.rstrip("\n") + "\n" if text else ""
