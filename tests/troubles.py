"""The parts of docs/operations.md: what goes wrong, and in which words each tool shows it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
PARTS = {
    int(number): text
    for number, text in re.findall(r"^## (\d+)\. (.+?)(?=^## )", PAGE.read_text(), re.M | re.S)
}
"""By their numbers; each begins with its title."""

_ANY = "…"


def codes(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`\n]+)`", text)


def rows(part: int) -> dict[str, str]:
    """Return the second cells of the part's table by the first ones."""
    lines = re.findall(r"^\| (.+?) \| (.+) \|$", PARTS[part], re.MULTILINE)
    return dict(lines[2:] if lines[1:] and set(lines[1][0]) <= {"-"} else lines[1:])


def untold(part: int, where: str, text: str) -> list[str]:
    """Return the words that the page says are told there, and which this text has not."""
    quotes = codes(rows(part)[where])
    assert quotes, f"part {part} quotes nothing of {where}"
    return [quote for quote in quotes if re.search(_pattern(quote), text) is None]


def _pattern(quote: str) -> str:
    return ".*".join(map(re.escape, quote.split(_ANY)))
