"""Amounts of cpu, memory and devices, as Kubernetes writes them: `500m`, `2`, `4Gi`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

_UNITS = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
_UNITS |= {unit: Fraction(1000**power) for power, unit in enumerate("kMGTPE", 1)}
_UNITS |= {f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", 1)}


def amount(text: str | int | float) -> Fraction:
    """Return a quantity as a number. Raises KeyError or ValueError where it is none."""
    text = str(text)
    number = text.rstrip("numkKMGTPEi")
    return Fraction(number) * _UNITS[text[len(number) :]]


def requests(pod: Mapping[str, Any]) -> Counter[str]:
    """Return what a pod asks of a Node: its containers together, or an init container that asks for more."""
    spec = pod["spec"]
    total = _sum(_requested(one) for one in spec["containers"])
    for container in spec.get("initContainers") or []:
        total |= _requested(container)
    return total + _amounts(spec.get("overhead") or {})


def allocatable(node: Mapping[str, Any]) -> Counter[str]:
    return _amounts((node.get("status") or {}).get("allocatable") or {})


def _requested(container: Mapping[str, Any]) -> Counter[str]:
    """Return a container's requests; where it gives only a limit, that."""
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(texts: Mapping[str, Any]) -> Counter[str]:
    return Counter({name: amount(text) for name, text in texts.items()})


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counters, Counter())
