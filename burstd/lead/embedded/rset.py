"""Resource sets as Flux writes them: R (RFC 20) and the summary in a job's annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.hosts import compress, format_idset


@dataclass(frozen=True, slots=True)
class Part:
    """What one rank has or gives."""

    rank: int
    cores: frozenset[int]
    gpus: frozenset[int] = frozenset()

    def children(self) -> dict[str, str]:
        named = {"core": self.cores, "gpu": self.gpus}
        return {name: format_idset(ids) for name, ids in named.items() if ids}


def resource_set(
    parts: Iterable[Part],
    names: Mapping[int, str] | None = None,
    properties: Mapping[int, frozenset[str]] | None = None,
) -> dict[str, Any]:
    """Return an R object without an end; `nodelist` and `properties` are there where they are given."""
    parts = sorted(parts, key=lambda part: part.rank)
    execution: dict[str, Any] = {
        "R_lite": [{"rank": ranks, "children": children} for ranks, children in _grouped(parts)],
        "starttime": 0.0,
        "expiration": 0.0,
    }
    if names is not None:
        execution["nodelist"] = [compress(names[part.rank] for part in parts)]
    by_property = _by_property(parts, properties or {})
    if by_property:
        execution["properties"] = by_property
    return {"version": 1, "execution": execution}


def summary(parts: Iterable[Part]) -> str:
    """Return the resource summary of an allocation: `rank[2-3]/core[0-1]`."""
    texts = []
    for ranks, children in _grouped(sorted(parts, key=lambda part: part.rank)):
        inside = ",".join(name + bracket(ids) for name, ids in children.items())
        texts.append(f"rank{bracket(ranks)}/{inside}")
    return " ".join(texts)


def bracket(idset: str) -> str:
    """Return an idset as it follows a name: `3`, `[0-1]`."""
    return idset if idset.isdigit() else f"[{idset}]"


def _grouped(parts: Iterable[Part]) -> list[tuple[str, dict[str, str]]]:
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for part in parts:
        groups.setdefault(tuple(part.children().items()), []).append(part.rank)
    return [(format_idset(ranks), dict(children)) for children, ranks in groups.items()]


def _by_property(parts: Iterable[Part], properties: Mapping[int, frozenset[str]]) -> dict[str, str]:
    ranks: dict[str, list[int]] = {}
    for part in parts:
        for name in sorted(properties.get(part.rank, frozenset())):
            ranks.setdefault(name, []).append(part.rank)
    return {name: format_idset(members) for name, members in ranks.items()}
