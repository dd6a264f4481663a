"""Reads the recorded transcripts of this folder (see record.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from burstd.core.model import Job
from burstd.lead.eventlog import JobLog
from burstd.lead.inventory import Inventory


def responses(name: str) -> list[dict[str, Any]]:
    """Return the responses of one transcript."""
    text = (Path(__file__).parent / "transcripts" / f"{name}.json").read_text()
    recorded: list[dict[str, Any]] = json.loads(text)["responses"]
    return recorded


def until_complete(fold: JobLog | Inventory, recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Feed a fold its history and return what came live after it."""
    for done, response in enumerate(recorded, start=1):
        fold.apply(response)
        if fold.complete:
            return recorded[done:]
    raise AssertionError("the transcript has no end of history")


def job(log: JobLog, name: str) -> Job | None:
    """Return the active job whose command is `name`."""
    return next((one for one in log.jobs.values() if one.name == name), None)
