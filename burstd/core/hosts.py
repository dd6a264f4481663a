"""RFC 29 hostlists, RFC 22 idsets, and the table from host to rank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

_PART = re.compile(r"(?P<prefix>[^\[\],]*)(?:\[(?P<ranges>[0-9,\-]+)\])?(?P<suffix>[^\[\],]*)")
_NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>\d+)$")


def expand(hostlist: str) -> tuple[str, ...]:
    """Return the hosts of an RFC 29 hostlist in order: `"a[0-1],b"` gives `("a0", "a1", "b")`.

    Raises ValueError, naming the part, where the text is not a hostlist.
    """
    return tuple(host for part in _split(hostlist) for host in _expand_part(part))


def compress(hosts: Iterable[str]) -> str:
    """Return the RFC 29 hostlist of hosts, in their order: runs of one prefix become a range."""
    split = [_prefix_number(host) for host in hosts]
    groups = groupby(split, key=lambda pair: (pair[0], pair[1] is None, _width(pair[1])))
    return ",".join(_compress_run(key[0], [number for _, number in run]) for key, run in groups)


def parse_idset(text: str) -> tuple[int, ...]:
    """Return the ids of an RFC 22 idset, ascending: `"0-2,5"` gives `(0, 1, 2, 5)`.

    Raises ValueError where the text is not an idset.
    """
    text = text.strip().removeprefix("[").removesuffix("]")
    ids: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        ids.update(range(int(first), int(last or first) + 1))
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
    parts = re.split(r",(?![^\[]*\])", hostlist.strip())
    return [part.strip() for part in parts if part.strip()]


def _expand_part(part: str) -> list[str]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is not a hostlist (RFC 29): a range reads like burst-0-[0-3]")
    prefix, ranges, suffix = match["prefix"], match["ranges"], match["suffix"]
    if ranges is None:
        return [prefix + suffix]
    return [f"{prefix}{number}{suffix}" for number in _numbers(part, ranges)]


def _numbers(part: str, ranges: str) -> list[str]:
    numbers: list[str] = []
    for item in ranges.split(","):
        first, _, last = item.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) < int(first):
            raise ValueError(f"{part!r}: {item!r} is not a range of numbers (RFC 29)")
        numbers += [str(n).zfill(len(first)) for n in range(int(first), int(last or first) + 1)]
    return numbers


def _prefix_number(host: str) -> tuple[str, str | None]:
    match = _NUMBERED.match(host)
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
