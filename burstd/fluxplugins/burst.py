"""`flux submit --burst`, and a frobnicator that sends burstable jobs without a queue to the right one.

Both are in this one file, since Flux loads each file by itself: as a CLI plugin it is found in a folder
of them, as a frobnicator it is named in [ingest.frobnicator]. It runs in Flux's own Python, on whichever
version that is, and must never be the reason why a job cannot be submitted: where the file with the pools
is missing or not understood, jobs are marked and go to no queue.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NamedTuple

import flux
from flux.cli.plugin import CLIPlugin
from flux.job.frobnicator import FrobnicatorPlugin

POOL_FILE = "burst-pools.json"
"""What `burstd flux-plugins install` writes beside this file."""

VERSION = 1
"""The version of that file which is understood here."""

VARIABLE = "BURSTD_POOLS"
"""Names another such file, for `flux submit` and the like; a frobnicator is told by its own option."""

_PLACEMENTS = {"mixed": "mixed", "pool": "pool", "together": "pool"}


class Pool(NamedTuple):
    """One pool, as the file tells of it. None: not known there; `gpus` are then taken for none."""

    name: str
    provider: str
    queue: str
    placement: str
    multi_user: bool
    hosts: int | None
    cores: int | None
    gpus: int | None
    properties: list[str] | None


class Pools(NamedTuple):
    """All pools, in the order in which burstd tries them, and the queue for jobs that may spread."""

    mixed_queue: str
    pools: list[Pool]


class Wish(NamedTuple):
    """What `attributes.system.burstable` says: a pool or a provider, "" for any; how the job is placed."""

    target: str = ""
    placement: str = ""


class Needs(NamedTuple):
    """What a jobspec asks for: hosts (0: wherever), slots on each of them or in all, a slot's parts."""

    hosts: int
    slots: int
    cores: int
    gpus: int


class Instance(NamedTuple):
    """What counts of the instance that a job is submitted to: its queues, and whether the user is a guest."""

    queues: frozenset[str]
    guest: bool


class Burst(CLIPlugin):  # type: ignore[misc]  # Flux has no types
    """Let a job run on hosts that burstd brings up for it.

    --burst marks the job as burstable: if it has to wait for hosts, burstd makes them appear, in the
    first pool that can serve it. --burst-pool=POOL does the same in that pool alone.

    Either way the job goes to the queue of its pool, where the instance has one; --queue says another.
    Why a job still waits is told by

        flux jobs -o '{id} {status_abbrev} {user.burst}'
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, prefix=None)
        self.add_option(
            "--burst", action="store_true", help="Let burstd bring up hosts for this job if it has to wait"
        )
        self.add_option("--burst-pool", metavar="POOL", help="The same, on hosts of this pool alone")
        self._told: Instance | None = None

    def help(self, option: Any) -> None:
        """Print what the options do, and which pools there are to name."""
        super().help(option)
        sys.stdout.write(_described(_cli_file()))

    def preinit(self, args: Any) -> None:
        """Refuse a pool that there is not, and hand on what `modify_jobspec` needs. Raises ValueError.

        What is not set here is lost for the jobs of bulksubmit and of submit --cc: Flux 0.88 makes for each
        job a copy of the arguments that has only Flux's own, and another plugin object to modify it.
        """
        args.burst, args.burst_pool = getattr(args, "burst", None), getattr(args, "burst_pool", None)
        if not args.burst and args.burst_pool is None:
            return
        known = read_pools(_cli_file())
        if known is not None:
            _check(args.burst_pool, [pool.name for pool in known.pools])
            self._told = self._told or _asked()
            args.burst_instance = self._told

    def modify_jobspec(self, args: Any, jobspec: Any) -> None:
        """Mark the job, and give it its pool's queue where it has none. Raises ValueError."""
        pool = getattr(args, "burst_pool", None)
        if pool is None and not getattr(args, "burst", None):
            return
        _mark(jobspec, pool)
        known, told = read_pools(_cli_file()), getattr(args, "burst_instance", None)
        if known is not None and told is not None and not jobspec.queue:
            _send(jobspec, known, told)


class Frobnicator(FrobnicatorPlugin):  # type: ignore[misc]  # Flux has no types
    """Gives burstable jobs without a queue the queue of the pool that can serve them.

    It must stand before `defaults`, which gives every job without a queue the default one.
    """

    def __init__(self, parser: Any) -> None:
        beside = os.path.join(os.path.dirname(os.path.realpath(__file__)), POOL_FILE)
        parser.add_argument("--burst-pools", metavar="FILE", default=beside)
        super().__init__(parser)
        self._file = beside
        self._queues: frozenset[str] = frozenset()

    def configure(self, args: Any, config: Any) -> None:
        """Learn where the file is, and the queues from the broker's configuration."""
        self._file = args.burst_pools
        self._queues = frozenset(config.get("queues", {}))

    def frob(self, jobspec: Any, userid: int, urgency: int, flags: int) -> None:  # noqa: ARG002
        """Set the queue. The file is read anew, since it may change while this runs."""
        if jobspec.queue or read_wish(_system(jobspec).get("burstable")) is None:
            return
        known = read_pools(self._file)
        if known is not None:
            _send(jobspec, known, Instance(self._queues, guest=userid != os.getuid()))


def read_pools(path: str) -> Pools | None:
    """Return the pools that the file tells of; None where it is missing, of another version, or spoilt."""
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        if told["version"] != VERSION:
            return None
        return Pools(str(told["mixed_queue"]), [_pool(one) for one in told["pools"]])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def read_wish(value: Any) -> Wish | None:
    """Return what a value of `burstable` wishes; None: nothing, or what burstd does not understand."""
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ("false", "0"):
            return None
        return Wish() if text.lower() in ("", "true", "1") else Wish(text)
    if not isinstance(value, dict):
        return Wish() if isinstance(value, (bool, int, float)) and value == 1 else None
    target, placed = value.get("plugin", value.get("pool")), value.get("placement")
    placement = _PLACEMENTS.get(placed, "") if isinstance(placed, str) else ""
    named = isinstance(target, str) and target != ""
    if (named or (target is None and placement)) and (placed is None or placement):
        return Wish(target or "", placement)
    return None


def read_needs(resources: Any) -> Needs:
    """Read the resources of a V1 jobspec (RFC 25). Raises KeyError, TypeError, ValueError for others."""
    (top,) = resources
    if top["type"] == "node":
        (slot,) = top["with"]
        return Needs(_count(top), _count(slot), _count_of("core", slot), _count_of("gpu", slot))
    if [part["type"] for part in top["with"]] == ["node"]:
        host = top["with"][0]
        return Needs(_count(top) * _count(host), 1, _count_of("core", host), _count_of("gpu", host))
    return Needs(0, _count(top), _count_of("core", top), _count_of("gpu", top))


def fits(pool: Pool, needs: Needs, spread: bool) -> bool:
    """Say whether a pool could serve this as far as is known; `spread`: other hosts may help."""
    slots = _slots_of_a_host(pool, needs)
    if slots is not None and slots < max(1, needs.slots if needs.hosts else 1):
        return False
    if spread or pool.hosts is None:
        return True
    if needs.hosts:
        return needs.hosts <= pool.hosts
    return slots is None or needs.slots <= slots * pool.hosts


def allows(constraint: Any, properties: list[str]) -> bool:
    """Say whether a constraint (RFC 31) allows such hosts. Raises ValueError where it asks for more."""
    ((operator, values),) = constraint.items()
    if operator == "properties":
        return all((one[1:] not in properties) if one[:1] == "^" else (one in properties) for one in values)
    if operator not in ("and", "or", "not"):
        raise ValueError(operator)
    found = [allows(value, properties) for value in values]
    return any(found) if operator == "or" else all(found) == (operator == "and")


def queue_for(jobspec: Any, known: Pools, instance: Instance) -> str:
    """Return the queue of the pool that a burstable job names, or of the first that can serve it, or ""."""
    wish = read_wish(_system(jobspec).get("burstable"))
    if wish is None:
        return ""
    for pool in known.pools:
        placement = wish.placement or pool.placement
        queue, spread = _queue(pool, placement, known), placement == "mixed"
        chosen = pool.name == wish.target or _would_do(pool, jobspec, wish, instance.guest, spread)
        if chosen and queue in instance.queues:
            return queue
    return ""


def _would_do(pool: Pool, jobspec: Any, wish: Wish, guest: bool, spread: bool) -> bool:
    """What is not understood goes to no pool: burstd looks at it, too, and has words for it."""
    if wish.target not in ("", pool.provider) or (guest and not pool.multi_user):
        return False
    constraint = _system(jobspec).get("constraints")
    if constraint and pool.properties is None:
        return False
    try:
        allowed = not constraint or allows(constraint, pool.properties or [])
        return allowed and fits(pool, read_needs(jobspec.resources), spread)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return False


def _send(jobspec: Any, known: Pools, instance: Instance) -> None:
    queue = queue_for(jobspec, known, instance)
    if queue:
        jobspec.queue = queue


def _mark(jobspec: Any, pool: str | None) -> None:
    """Set the attribute; what --setattr says of it stays. Raises ValueError where the two contradict."""
    before = _system(jobspec).get("burstable")
    if pool is not None and before is not None:
        raise ValueError("--burst-pool and --setattr=burstable both say where the job may run: leave one out")
    if pool == "":
        raise ValueError("--burst-pool needs the name of a pool; --burst means any")
    if before is None:
        jobspec.setattr("system.burstable", 1 if pool is None else pool)


def _check(pool: str | None, names: list[str]) -> None:
    if pool is not None and pool not in names:
        raise ValueError(f"--burst-pool: no pool is called {pool!r}; the pools are {', '.join(names)}")


def _asked() -> Instance:
    """Ask the instance. Where there is none, as for --dry-run, there are no queues."""
    try:
        handle = flux.Flux()
        queues = handle.rpc("job-manager.queue-list", nodeid=0).get()["queues"]
        return Instance(frozenset(queues), int(handle.attr_get("security.owner")) != os.getuid())
    except (OSError, KeyError, TypeError, ValueError):  # a broker that dies answers with None
        return Instance(frozenset(), guest=False)


def _cli_file() -> str:
    here = os.path.dirname(os.path.realpath(__file__))
    return os.environ.get(VARIABLE) or os.path.join(here, POOL_FILE)


def _described(path: str) -> str:
    known = read_pools(path)
    if known is None:
        return f"\nWhich pools there are is not known here: {path} is missing or cannot be used.\n"
    return "\nPools:\n" + "".join(f"    {_line(pool, known)}\n" for pool in known.pools)


def _line(pool: Pool, known: Pools) -> str:
    hosts = "" if pool.hosts is None else f", {pool.hosts} hosts"
    cores = "" if pool.cores is None else f" of {pool.cores} cores"
    gpus = f" and {pool.gpus} gpus" if pool.gpus else ""
    return f"{pool.name}{hosts}{cores}{gpus}, queue {_queue(pool, pool.placement, known)}"


def _queue(pool: Pool, placement: str, known: Pools) -> str:
    return known.mixed_queue if placement == "mixed" else pool.queue


def _pool(told: Any) -> Pool:
    """Return one pool of the file. Raises KeyError, TypeError, ValueError."""
    properties = told["properties"]
    return Pool(
        name=str(told["name"]),
        provider=str(told["provider"]),
        queue=str(told["queue"]),
        placement=str(told["placement"]),
        multi_user=told["multi_user"] is True,
        hosts=_number(told["hosts"]),
        cores=_number(told["cores"]),
        gpus=_number(told["gpus"]),
        properties=None if properties is None else [str(one) for one in properties],
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _slots_of_a_host(pool: Pool, needs: Needs) -> int | None:
    """Return how many of the slots one host of the pool takes; None where that is not known."""
    counts = []
    if needs.cores and pool.cores is not None:
        counts.append(pool.cores // needs.cores)
    if needs.gpus:
        counts.append((pool.gpus or 0) // needs.gpus)
    return min(counts) if counts else None


def _count_of(kind: str, inside: Any) -> int:
    return sum(_count(part) for part in inside["with"] if part["type"] == kind)


def _count(part: Any) -> int:
    """Return a count, of a range (RFC 14) the least. Raises KeyError, TypeError, ValueError."""
    count = part["count"]
    return int(count["min"] if isinstance(count, dict) else count)


def _system(jobspec: Any) -> Any:
    attributes = jobspec.attributes
    system = attributes.get("system") if isinstance(attributes, dict) else None
    return system if isinstance(system, dict) else {}
