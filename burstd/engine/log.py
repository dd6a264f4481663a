"""How burstd speaks: one line for each sentence, as text for people or as JSON for collectors.

A sentence may quote what a user, a cloud or a broker wrote. Whatever that is, it begins no line of its own
and steers no terminal: what cannot be printed is escaped.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from types import TracebackType
from typing import Any

from burstd.core.text import printable

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


_SUBJECT = re.compile(r"(?:(?P<burst>[\w.-]+-g\d+): |job (?P<job>ƒ\w+)\b)")


class TextLines(logging.Formatter):
    """Moment, level and sentence; a traceback stands below its sentence."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as the base class has it
        return printable(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - as the base class has it
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"  {printable(line)}" for line in lines)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (seconds since the epoch), level, logger, sentence, and whom it is about.

    `burst` or `job` is there where the sentence begins with one, as those about them do.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "sentence": printable(record.getMessage()),
        }
        line |= _subject(line["sentence"])
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _subject(sentence: str) -> dict[str, str]:
    """Return the burst or the job that a sentence begins with: what stands later may be anybody's words."""
    found = _SUBJECT.match(sentence)
    return {key: value for key, value in found.groupdict().items() if value} if found else {}


def set_up(*, as_json: bool, verbose: bool, quiet: bool = False) -> None:
    """Send every sentence to standard error; `quiet` only what somebody should look at.

    `verbose` adds what is only of use when looking for a fault, and wins over `quiet`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=level, handlers=[handler], force=True)
