"""Text that others wrote (users, clouds, brokers), made fit to be quoted in a sentence of burstd's. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with what cannot be printed escaped: it begins no line and steers no terminal."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)


def shown(text: str, most: int = 100) -> str:
    """Return untrusted text for a person's eyes: what cannot be printed is escaped, what is long is cut."""
    text = text[: most + 1]
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
