"""What options may be chosen from, and how every command of burstd looks: nothing heavy is imported here."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from burstd.core.report import By as By

SETTINGS: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
"""Of every group of commands."""


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class FluxChoice(StrEnum):
    AUTO = "auto"
    REAL = "real"
    EMBEDDED = "embedded"


class CostFormat(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
