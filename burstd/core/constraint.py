"""Job constraints (RFC 31) as a small algebra over hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from burstd.core.hosts import expand, parse_idset


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


def parse(payload: Mapping[str, Any] | None) -> Constraint:
    """Return the constraint of a jobspec's `attributes.system.constraints`.

    Raises ValueError, naming the operator, where RFC 31 does not know it.
    """
    if not payload:
        return ANYWHERE
    terms = tuple(_parse_one(operator, values) for operator, values in sorted(payload.items()))
    return terms[0] if len(terms) == 1 else Constraint(Operator.AND, terms=terms)


def _parse_one(name: str, values: Any) -> Constraint:
    if name not in set(Operator):
        raise ValueError(f"unknown constraint operator: {name}")
    operator = Operator(name)
    if operator in (Operator.AND, Operator.OR, Operator.NOT):
        return Constraint(operator, terms=tuple(parse(value) for value in values))
    if operator is Operator.HOSTLIST:
        return Constraint(operator, names=tuple(h for value in values for h in expand(value)))
    if operator is Operator.RANKS:
        ranks = (rank for value in values for rank in parse_idset(str(value)))
        return Constraint(operator, names=tuple(map(str, ranks)))
    return Constraint(operator, names=tuple(sorted(map(str, values))))


def _has(name: str, properties: frozenset[str]) -> bool:
    return name[1:] not in properties if name.startswith("^") else name in properties
