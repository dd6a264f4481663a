"""What a job asks for and wishes, read from its jobspec (RFC 25, V1). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.constraint import ANYWHERE, Constraint
from burstd.core.constraint import parse as parse_constraint
from burstd.core.cwd import LONGEST_PATH
from burstd.core.model import Placement, Request, Wish
from burstd.core.text import shown

NOTHING = Request(hosts=0, slots=0, cores=0)
"""Stands for a request that is not understood; the job's wish says why."""

_SHOWN = 60
_LONGEST_NAME = 255
"""Of a queue, a pool or a provider. A longer one names none, and is a user's text that nobody shall copy."""

_LARGEST_COUNT = 2**31 - 1
"""Flux's own counts are of 32 bits or fewer; a larger one is no job's wish."""

_PLACEMENTS = {"mixed": Placement.MIXED, "pool": Placement.POOL, "together": Placement.POOL}
_LEAST = re.compile(r"\[?([0-9]{1,18})(?:[-+:,]|\]|$)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What burstd keeps of one jobspec."""

    request: Request
    constraint: Constraint
    wish: Wish | None
    queue: str
    name: str
    cwd: str


def read(jobspec: Mapping[str, Any]) -> Reading:
    """Read a jobspec. Where a burstable job's parts are not understood, its wish says which.

    A job that never asked to burst keeps `wish` None whatever its jobspec holds.
    """
    system = _table(_table(jobspec.get("attributes")).get("system"))
    wish = read_wish(system.get("burstable"))
    request, constraint = NOTHING, ANYWHERE
    try:
        request = read_request(jobspec)
        constraint = read_constraint(system.get("constraints"))
    except ValueError as exc:
        wish = None if wish is None else Wish(nonsense=str(exc))
    return Reading(request, constraint, wish, _queue(system), _name(jobspec, system), _cwd(system))


def read_request(jobspec: Mapping[str, Any]) -> Request:
    """Reduce the `resources` of a V1 jobspec.

    Understood are slots, hosts with slots in them, and slots of whole hosts. A count is a number or
    a range (RFC 14, RFC 45), which counts by its minimum. Raises ValueError, in words for the job's
    owner, for everything else.
    """
    top = _only(jobspec.get("resources"), "the jobspec")
    if top.get("type") == "node":
        slot = _only(top.get("with"), "a node")
        _expect(slot, "slot")
        cores, gpus = _inside(slot)
        return Request(count(top), count(slot), cores, gpus, exclusive=top.get("exclusive") is True)
    _expect(top, "slot")
    parts = _parts(top)
    if [part.get("type") for part in parts] == ["node"]:
        cores, gpus = _inside(parts[0])
        return Request(count(top) * count(parts[0]), 1, cores, gpus, exclusive=True)
    cores, gpus = _inside(top)
    return Request(0, count(top), cores, gpus)


def read_wish(value: Any) -> Wish | None:
    """Return what `attributes.system.burstable` wishes; None where it is absent, false, 0 or null.

    A string names a pool or a provider, as do the objects `{"plugin": ..}` and `{"pool": ..}`. An object
    may say `"placement"` too, or only that: "mixed", or "pool", for which "together" is another word.
    """
    if isinstance(value, str):
        return _named(value)
    if value is None or isinstance(value, bool | int | float):
        return None if not value else Wish() if value == 1 else Wish(nonsense=_show(value))
    if isinstance(value, Mapping):
        target, placed = value.get("plugin", value.get("pool")), value.get("placement")
        placement = _PLACEMENTS.get(placed) if isinstance(placed, str) else None
        named = isinstance(target, str) and 0 < len(target) <= _LONGEST_NAME
        if (named or (target is None and placement)) and (placed is None or placement):
            return Wish(target or "", placement=placement)
    return Wish(nonsense=_show(value))


def read_constraint(value: Any) -> Constraint:
    """Return the constraint of `attributes.system.constraints` (RFC 31). Raises ValueError."""
    try:
        return parse_constraint(value)
    except (AttributeError, TypeError, RecursionError) as exc:
        raise ValueError(f"constraints that are not those of RFC 31: {_show(value)}") from exc


def count(resource: Mapping[str, Any]) -> int:
    """Return how many a resource vertex asks for, at least. Raises ValueError."""
    value = resource.get("count")
    least = value.get("min") if isinstance(value, Mapping) else value
    match = _LEAST.match(least) if isinstance(least, str) else None
    number = int(match[1]) if match else least
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _LARGEST_COUNT:
        return number
    raise ValueError(f"a count of {resource.get('type')} that is not understood: {_show(value)}")


def _named(text: str) -> Wish | None:
    match text.strip().lower():
        case "" | "true" | "1":
            return Wish()
        case "false" | "0":
            return None
        case name if len(name) > _LONGEST_NAME:
            return Wish(nonsense=_show(text))
        case _:
            return Wish(text.strip())


def _inside(slot: Mapping[str, Any]) -> tuple[int, int]:
    """Return the cores and gpus of one slot."""
    parts = _parts(slot)
    if [part.get("type") for part in parts] == ["slot"]:
        return _inside(parts[0])
    counts = {str(part.get("type")): count(part) for part in parts}
    strange = sorted(counts.keys() - {"core", "gpu"})
    if strange or len(counts) != len(parts):
        raise ValueError(f"resources of a slot that are not understood: {_show(slot.get('with'))}")
    return counts.get("core", 0), counts.get("gpu", 0)


def _only(value: Any, where: str) -> Mapping[str, Any]:
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping)):
        raise ValueError(f"resources of {where} that are not understood: {_show(value)}")
    return value[0]


def _parts(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts = resource.get("with")
    if not (isinstance(parts, list) and parts and all(isinstance(part, Mapping) for part in parts)):
        raise ValueError(f"an empty {resource.get('type')}")
    return parts


def _expect(resource: Mapping[str, Any], kind: str) -> None:
    if resource.get("type") != kind:
        raise ValueError(f"a resource that is not understood: {_show(resource.get('type'))}")


def _queue(system: Mapping[str, Any]) -> str:
    return str(system.get("queue") or "")[:_LONGEST_NAME]


def _cwd(system: Mapping[str, Any]) -> str:
    """Return the working directory; one that is longer than any path is cut to what is still too long."""
    cwd = system.get("cwd")
    return cwd[: LONGEST_PATH + 1] if isinstance(cwd, str) else ""


def _name(jobspec: Mapping[str, Any], system: Mapping[str, Any]) -> str:
    """Return the job's name as `flux jobs` shows it: the given one, or the command's last part."""
    given = _table(system.get("job")).get("name")
    if isinstance(given, str) and given:
        return given[:_LONGEST_NAME]
    tasks = jobspec.get("tasks")
    command = _table(tasks[0]).get("command") if isinstance(tasks, list) and tasks else None
    first = command[0] if isinstance(command, list) and command else ""
    return first.rpartition("/")[2][:_LONGEST_NAME] if isinstance(first, str) else ""


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _show(value: Any) -> str:
    """Return a user's value as a sentence may quote it: JSON, without what cannot be printed, and short."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "a value that cannot be shown"
    return shown(text, _SHOWN)
