"""Working directories of jobs, to be made on a burst's hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory to make, and whose it will be."""

    path: str
    userid: int


def encode(directories: Iterable[Directory]) -> bytes:
    return "".join(f"{one.userid} {one.path}\n" for one in directories).encode()


def script(file: str) -> str:
    return f": {file}"
