"""Reads the project's pages: their blocks, their links, their headings, the commands in them."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
    if not path.name.startswith(".")
)

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"`([\w/.-]+\.py)::([\w:]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """One command of a console block, and what it prints; a line `...` stands for any lines."""

    command: str
    output: str

    def is_printed_by(self, text: str) -> bool:
        pieces = [re.escape(piece) for piece in self.output.split("...\n")]
        return re.fullmatch("(.*\n)?".join(pieces), text, re.DOTALL) is not None


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, kind: str) -> list[str]:
    """Return the fenced blocks of one kind; those within a list too."""
    found = _BLOCK.findall(path.read_text())
    return [
        re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, name, text in found if name == kind
    ]


def runs(path: Path) -> Iterator[Run]:
    """Yield the commands of the console blocks, each with its output."""
    for block in blocks(path, "console"):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, output = part.partition("\n")
            yield Run(command, output)


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return _BLOCK.sub("", path.read_text())


def commands(path: Path) -> Iterator[list[str]]:
    """Yield every command of burstd, make or flux on a page: in blocks, and in the midst of a sentence."""
    lines = [line for block in blocks(path, "sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += [run.command for run in runs(path)]
    lines += [line.strip() for line in prose(path).splitlines() if line.startswith("    ")]
    lines += _CODE.findall(prose(path))
    for line in lines:
        if re.match(r"(burstd|make|flux)( |$)", line):
            yield words(line.removeprefix("flux env "))


def words(line: str) -> list[str]:
    """Return the words of the first command on a line: up to a comment, a pipe, or another command."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    return list(itertools.takewhile(lambda word: word[0] not in "#|<>&;()", filter(None, reader)))


def links(path: Path) -> list[str]:
    """Return the targets of a page's links into the project."""
    return [link for link in _LINK.findall(prose(path)) if "://" not in link]


def named_tests(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tests that a page names, as pytest does: the file, and the names down to the function."""
    for file, names in _TEST.findall(prose(path)):
        yield file, tuple(names.split("::"))


def table(path: Path, heading: str) -> list[list[str]]:
    """Return the cells of each row of the first table under a heading, without the head."""
    _, _, after = path.read_text().partition(f"{heading}\n")
    rows = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    lines = rows[0].splitlines()[2:] if rows else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def anchors(path: Path) -> set[str]:
    """Return what a link to a part of a page may name."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(path)))
    return {heading.replace(" ", "-") for heading in headings}


def first_cells(path: Path, heading: str) -> list[str]:
    """Return the codes in the first cell of each row of the first table under a heading."""
    return [code for row in table(path, heading) for code in _CODE.findall(row[0])]
