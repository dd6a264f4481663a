"""RFC 29 hostlists, RFC 22 idsets, and the table from host to rank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from burstd.core.text import shown

MOST = 1_000_000
"""Hosts or ids that one text may name: more than any instance has, and no text of a user's fills memory."""

_QUOTED = 60

_PART = re.compile(r"(?P<prefix>[^\[\],]*)(?:\[(?P<ranges>[0-9,\-]+)\])?(?P<suffix>[^\[\],]*)")
_BETWEEN_COMMAS = re.compile(r"(?:\[[^\]]*\]?|[^,\[])+")
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>[0-9]{1,18})", re.DOTALL)
_RANGE = re.compile(r"(?P<first>[0-9]{1,18})(?:-(?P<last>[0-9]{1,18}))?")


def expand(hostlist: str) -> tuple[str, ...]:
    """Return the hosts of an RFC 29 hostlist in order: `"a[0-1],b"` gives `("a0", "a1", "b")`.

    Raises ValueError, naming the part, where the text is not a hostlist, or names more than MOST hosts.
    """
    hosts: list[str] = []
    for part in _split(hostlist):
        hosts += _expand_part(part, MOST - len(hosts))
    return tuple(hosts)


def compress(hosts: Iterable[str]) -> str:
    """Return the RFC 29 hostlist of hosts, in their order: runs of one prefix become a range."""
    split = [_prefix_number(host) for host in hosts]
    groups = groupby(split, key=lambda pair: (pair[0], pair[1] is None, _width(pair[1])))
    return ",".join(_compress_run(key[0], [number for _, number in run]) for key, run in groups)


def parse_idset(text: str) -> tuple[int, ...]:
    """Return the ids of an RFC 22 idset, ascending: `"0-2,5"` gives `(0, 1, 2, 5)`.

    Raises ValueError where the text is not an idset, or has more than MOST ids.
    """
    inside = text.strip().removeprefix("[").removesuffix("]")
    ids: set[int] = set()
    for part in inside.split(",") if inside else ():
        ids.update(_range(part, f"{_quoted(text)} is not an idset (RFC 22)", MOST - len(ids)))
    return tuple(sorted(ids))


def format_idset(ids: Iterable[int]) -> str:
    """Return the RFC 22 idset of ids: `(0, 1, 2, 5)` gives `"0-2,5"`."""
    runs: list[list[int]] = []
    for id_ in sorted(set(ids)):
        if runs and id_ == runs[-1][-1] + 1:
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return ",".join(_format_run(str(run[0]), str(run[-1])) for run in runs)


def rank_table(hostlist: str) -> Mapping[str, int]:
    """Return the rank of each host of an instance's `hostlist` attribute (rank = position)."""
    return {host: rank for rank, host in enumerate(expand(hostlist))}


def _split(hostlist: str) -> list[str]:
    parts = (part.strip() for part in _BETWEEN_COMMAS.findall(hostlist))
    return [part for part in parts if part]


def _quoted(text: str) -> str:
    return repr(shown(text, _QUOTED))


def _expand_part(part: str, most: int) -> list[str]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{_quoted(part)} is not a hostlist (RFC 29): a range reads like burst-0-[0-3]")
    prefix, ranges, suffix = match["prefix"], match["ranges"], match["suffix"]
    if ranges is None:
        return [prefix + suffix]
    return [f"{prefix}{number}{suffix}" for number in _numbers(part, ranges, most)]


def _numbers(part: str, ranges: str, most: int) -> list[str]:
    numbers: list[str] = []
    for item in ranges.split(","):
        wrong = f"{_quoted(part)}: {_quoted(item)} is not a range of numbers (RFC 29)"
        width = len(item.partition("-")[0])
        numbers += [str(number).zfill(width) for number in _range(item, wrong, most - len(numbers))]
    return numbers


def _range(text: str, wrong: str, most: int) -> range:
    """Return the numbers of `3` or `3-5`. Raises ValueError, saying what is `wrong`, also over `most`."""
    match = _RANGE.fullmatch(text)
    found = range(int(match["first"]), int(match["last"] or match["first"]) + 1) if match else range(0)
    if not found:
        raise ValueError(wrong)
    if len(found) > most:
        raise ValueError(f"{wrong}: it names more than {MOST}")
    return found


def _prefix_number(host: str) -> tuple[str, str | None]:
    match = _NUMBERED.fullmatch(host)
    return (match["prefix"], match["number"]) if match else (host, None)


def _width(number: str | None) -> int:
    """Numbers with leading zeros make runs only with numbers of their own width."""
    return len(number) if number and number.startswith("0") and len(number) > 1 else 0


def _compress_run(prefix: str, numbers: list[str | None]) -> str:
    texts = [number for number in numbers if number is not None]
    if not texts:
        return ",".join([prefix] * len(numbers))
    runs: list[list[str]] = []
    for text in texts:
        if runs and int(text) == int(runs[-1][-1]) + 1:
            runs[-1].append(text)
        else:
            runs.append([text])
    ranges = ",".join(_format_run(run[0], run[-1]) for run in runs)
    return f"{prefix}[{ranges}]" if len(texts) > 1 else f"{prefix}{texts[0]}"


def _format_run(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"
