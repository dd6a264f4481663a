"""Resource sets (RFC 20, R version 1), reduced to what burstd needs of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.hosts import expand, parse_idset
from burstd.core.model import Shape


@dataclass(frozen=True, slots=True)
class Share:
    """The cores and gpus of one rank that a resource set holds."""

    cores: int
    gpus: int = 0


def shares(rset: Mapping[str, Any]) -> dict[int, Share]:
    """Return what a resource set holds of each of its ranks, in rank order."""
    held: dict[int, Share] = {}
    for entry in rset["execution"]["R_lite"]:
        children = entry["children"]
        share = Share(*(len(parse_idset(children.get(kind) or "")) for kind in ("core", "gpu")))
        held |= dict.fromkeys(parse_idset(str(entry["rank"])), share)
    return dict(sorted(held.items()))


def declared(rset: Mapping[str, Any]) -> dict[int, tuple[str, Shape]]:
    """Return the name and the shape of each rank of the instance's own resource set, in rank order.

    Raises ValueError where it does not name as many hosts as it has ranks.
    """
    held = shares(rset)
    names = [host for part in rset["execution"]["nodelist"] for host in expand(part)]
    properties = _properties(rset)
    return {
        rank: (name, Shape(share.cores, share.gpus, properties.get(rank, frozenset())))
        for (rank, share), name in zip(held.items(), names, strict=True)
    }


def _properties(rset: Mapping[str, Any]) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = {}
    for name, ranks in (rset["execution"].get("properties") or {}).items():
        for rank in parse_idset(ranks):
            found[rank] = found.get(rank, frozenset()) | {name}
    return found
