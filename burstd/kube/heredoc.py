"""What the Flux Operator's shell does to a broker.toml: an unquoted heredoc that ends at EOT."""

from __future__ import annotations

_MARKS = ("$", "`", "\\")
_END = "EOT"


def changed(text: str) -> str:
    """Return what of a text the heredoc would not leave as it is, "" where all of it passes."""
    if _END in text.splitlines():
        return _END
    return next((mark for mark in _MARKS if mark in text), "")
