"""How burstd speaks: one line for each sentence, as text for people or as JSON for collectors.

A sentence may quote what a user, a cloud or a broker wrote. Whatever that is, it begins no line of its own
and steers no terminal: what cannot be printed is escaped.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from types import TracebackType

from burstd.core.text import printable

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


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
    """One JSON object a line: time (seconds since the epoch), level, logger, sentence."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "sentence": printable(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(*, as_json: bool, verbose: bool) -> None:
    """Send every sentence to standard error; `verbose` adds what is only of use when looking for a fault."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
