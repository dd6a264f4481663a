"""Job constraints (RFC 31) as a small algebra over hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from burstd.core.hosts import expand, parse_idset
from burstd.core.text import shown

MOST_NAMES = 100_000
"""Names in one leaf of a constraint. A constraint is a user's text: it may not fill burstd's memory."""

MOST_DEPTH = 50
"""How deep and, or and not may stand in each other."""


class Operator(StrEnum):
    """The operators of RFC 31 that Flux's resource sets know."""

    PROPERTIES = "properties"
    HOSTLIST = "hostlist"
    RANKS = "ranks"
    AND = "and"
    OR = "or"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One operator and its arguments: names for the leaves, constraints for and, or, not."""

    operator: Operator
    names: tuple[str, ...] = ()
    terms: tuple[Constraint, ...] = ()

    def allows(self, rank: int, host: str, properties: frozenset[str]) -> bool:
        """Say whether a host satisfies the constraint."""
        match self.operator:
            case Operator.PROPERTIES:
                return all(_has(name, properties) for name in self.names)
            case Operator.HOSTLIST:
                return host in self.names
            case Operator.RANKS:
                return str(rank) in self.names
            case Operator.AND:
                return all(term.allows(rank, host, properties) for term in self.terms)
            case Operator.OR:
                return any(term.allows(rank, host, properties) for term in self.terms)
            case Operator.NOT:
                return not all(term.allows(rank, host, properties) for term in self.terms)


ANYWHERE = Constraint(Operator.AND)


def parse(payload: Mapping[str, Any] | None, depth: int = MOST_DEPTH) -> Constraint:
    """Return the constraint of a jobspec's `attributes.system.constraints`.

    Raises ValueError, naming the operator, where RFC 31 does not know it, and where one stands deeper or has
    more names than burstd reads; TypeError, AttributeError where the values are of another kind.
    """
    if not payload:
        return ANYWHERE
    if depth == 0:
        raise ValueError(f"constraints that stand more than {MOST_DEPTH} deep in each other")
    terms = tuple(_parse_one(operator, values, depth) for operator, values in sorted(payload.items()))
    return terms[0] if len(terms) == 1 else Constraint(Operator.AND, terms=terms)


def _parse_one(name: str, values: Any, depth: int) -> Constraint:
    if name not in set(Operator):
        raise ValueError(f"unknown constraint operator: {shown(name)}")
    operator = Operator(name)
    if operator in (Operator.AND, Operator.OR, Operator.NOT):
        return Constraint(operator, terms=tuple(parse(value, depth - 1) for value in values))
    if operator is Operator.HOSTLIST:
        return Constraint(operator, names=_bounded(expand(value) for value in values))
    if operator is Operator.RANKS:
        return Constraint(operator, names=_bounded(map(str, parse_idset(str(value))) for value in values))
    return Constraint(operator, names=tuple(sorted(_bounded([str(value)] for value in values))))


def _bounded(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Put all names together. Raises ValueError as soon as they are too many."""
    names: list[str] = []
    for part in parts:
        names += part
        if len(names) > MOST_NAMES:
            raise ValueError(f"a constraint that names more than {MOST_NAMES} hosts, ranks or properties")
    return tuple(names)


def _has(name: str, properties: frozenset[str]) -> bool:
    return name[1:] not in properties if name.startswith("^") else name in properties
