"""Secrets that can be known again: planted in files, and searched for in whatever comes out."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Planted:
    """Every secret by a name; each is searched for as it is, in base64 at any offset, and JSON-escaped."""

    known: dict[str, bytes] = field(default_factory=dict)

    def plant(self, name: str, secret: bytes | str | None = None) -> str:
        """Keep a secret, a new one by default; return it as text."""
        text = secret if secret is not None else f"planted-{secrets.token_hex(20)}"
        self.known[name] = text.encode() if isinstance(text, str) else text
        return self.known[name].decode(errors="replace")

    def found_in(self, content: bytes | str) -> list[str]:
        """Return the names of the secrets that stand in a content in some form."""
        data = content.encode(errors="replace") if isinstance(content, str) else content
        return sorted({name for name, form in self._forms() if form in data})

    def files_below(self, directory: Path) -> dict[Path, list[str]]:
        """Return the files below a directory that hold secrets, with the names of these."""
        found = {path: self.found_in(path.read_bytes()) for path in _regular(directory)}
        return {path: names for path, names in found.items() if names}

    def _forms(self) -> Iterator[tuple[str, bytes]]:
        for name, secret in self.known.items():
            yield name, secret
            yield name, json.dumps(secret.decode(errors="replace"))[1:-1].encode()
            for offset in range(3):
                yield name, _encoded(secret, offset)


def _encoded(secret: bytes, offset: int) -> bytes:
    """Return what a secret looks like inside the base64 of a text in which so many bytes stand before it."""
    whole = base64.b64encode(b"\0" * offset + secret)
    return whole[-(-offset * 8 // 6) : (offset + len(secret)) * 8 // 6]


def _regular(directory: Path) -> Iterable[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]


def processes_of(pid: int) -> Mapping[int, bytes]:
    """Return command line and environment of a process and of all that it started, as /proc shows them."""
    shown = {}
    for one in _with_children(pid):
        try:
            files = (Path(f"/proc/{one}/cmdline"), Path(f"/proc/{one}/environ"))
            shown[one] = b"\0".join(file.read_bytes() for file in files)
        except OSError:
            continue  # it ended meanwhile
    return shown


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _with_children(child)
