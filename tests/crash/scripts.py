"""What happens to the lead in a run: jobs come, wait, end; and what the lead is like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from burstd.core.hosts import expand
from burstd.core.model import Caps, Policy, Pool, Queue, Scheduling, Shape
from crash.cloud import CLUSTER_PER_HOUR, HOST_PER_HOUR, RENEWAL_SECONDS
from crash.lead import Machine, ModelLead, Sched, machines

if TYPE_CHECKING:
    from crash.run import Run

OWNER = "tester"
PREFIX = "matrix"

Happening = Callable[["Run"], None]


@dataclass(frozen=True)
class Script:
    """A lead, a policy, and what happens when, in seconds from the beginning."""

    name: str
    policy: Policy
    sched: Callable[[], Sched]
    happenings: tuple[tuple[float, Happening], ...]
    lead_hosts: int = 1
    cancels: bool = False
    """Whether jobs are cancelled in it."""
    pools: dict[str, int] = field(default_factory=lambda: {"burst-0": 4})

    def machines(self) -> list[Machine]:
        return machines(self.lead_hosts, self.pools)


def pool(name: str, size: int, first_rank: int, **changes: object) -> Pool:
    """Return a paid pool of two-core hosts, with the patience of a provider that takes half a minute."""
    hosts = expand(f"{name}-[0-{size - 1}]")
    ranks = tuple(range(first_rank, first_rank + size))
    made = Pool(name, "memory", hosts, ranks, Shape(2, properties=frozenset({name})), paid=True)
    priced = replace(made, cost_per_hour=HOST_PER_HOUR, cluster_cost_per_hour=CLUSTER_PER_HOUR)
    quick = replace(priced, idle_seconds=40.0, cooldown_seconds=30.0, max_lifetime_seconds=7200.0)
    return replace(quick, **changes)  # type: ignore[arg-type]


def job(
    name: str, hosts: int, seconds: float, pool: str = "burst-0", queue: str = "", cwd: str = ""
) -> Happening:
    """Return the submission of a burstable job."""

    def submit(run: Run) -> None:
        run.jobs[name] = run.lead.submit(name, hosts, seconds, pool=pool, queue=queue, cwd=cwd)

    return submit


def cancel(name: str) -> Happening:
    return lambda run: run.lead.cancel(run.jobs[name])


def _policy(*pools: Pool, **changes: object) -> Policy:
    return replace(Policy(OWNER, pools, max_bursts=1, max_hosts=4), **changes)  # type: ignore[arg-type]


def _with_queues(kind: Scheduling) -> Callable[[], Sched]:
    def made() -> Sched:
        own = Queue("burst-0", started=False, requires=frozenset({"burst-0"}))
        return Sched(kind, {"batch": Queue("batch", started=True), "burst-0": own})

    return made


LIFE = Script(
    "life",
    _policy(pool("burst-0", 4, 1, probe=True, spec="one way")),
    lambda: Sched(Scheduling.FIFO),
    (
        (0.0, job("first", 2, 60.0)),
        (70.0, job("long", 1, 300.0)),
        (140.0, job("wide", 3, 50.0)),
        (330.0, job("again", 3, 60.0)),
        (900.0, job("later", 2, 30.0)),
    ),
)
"""No queues, jobs that would block others: a burst comes, grows, shrinks, grows, goes; another comes."""

QUEUES = Script(
    "queues",
    _policy(pool("burst-0", 4, 1, shares_files=False, cwd_prefixes=("/scratch",))),
    _with_queues(Scheduling.BACKFILL),
    (
        (0.0, job("moved", 2, 60.0, queue="batch", cwd="/scratch/a")),
        (75.0, job("own", 1, 40.0, queue="burst-0", cwd="/scratch/b")),
        (300.0, job("dropped", 2, 60.0, queue="burst-0")),
        (320.0, cancel("dropped")),
        (330.0, job("hopeless", 9, 60.0, queue="burst-0")),
        (350.0, cancel("hopeless")),
    ),
    cancels=True,
)
"""Queues and a scheduler that must be nudged; a job is moved, another cancelled while its hosts come.

A third asks for more than there ever is, and is told so as an exception.
"""

MOMENTS = Script(
    "moments",
    _policy(pool("burst-0", 4, 1, renewal_seconds=RENEWAL_SECONDS)),
    _with_queues(Scheduling.FCFS),
    ((0.0, job("first", 2, 60.0, queue="burst-0")), (80.0, job("second", 1, 30.0, queue="burst-0"))),
)
"""A scheduler that refuses what cannot start: the pool's queue is open for moments only."""

_TWO_POOLS = (pool("burst-0", 4, 1), pool("burst-1", 3, 5))
_MORE_THAN_ONE = (
    (0.0, job("first", 4, 60.0)),
    (1.0, job("other", 2, 30.0, "burst-1")),
    (2.0, job("third", 3, 30.0)),
)

CAPS = Script(
    "caps",
    _policy(*_TWO_POOLS, max_hosts=20),
    lambda: Sched(Scheduling.FIFO),
    _MORE_THAN_ONE,
    pools={"burst-0": 4, "burst-1": 3},
)
"""More is wanted than the caps allow: two pools, one burst at a time."""

MONEY = Script(
    "money",
    _policy(*_TWO_POOLS, max_bursts=2, max_hosts=20, caps=Caps(dollars_per_hour=9.0, dollars_per_day=60.0)),
    lambda: Sched(Scheduling.BACKFILL),
    _MORE_THAN_ONE,
    pools={"burst-0": 4, "burst-1": 3},
)
"""Two pools, and money for one of them at a time."""

DAY = Script(
    "day",
    _policy(*_TWO_POOLS, max_bursts=2, max_hosts=20, caps=Caps(dollars_per_day=24.0)),
    lambda: Sched(Scheduling.BACKFILL),
    _MORE_THAN_ONE,
    pools={"burst-0": 4, "burst-1": 3},
)
"""What one burst may still cost leaves nothing of the day's money for the other until it is gone."""

SHORT = Script(
    "short",
    _policy(pool("burst-0", 3, 1)),
    lambda: Sched(Scheduling.FIFO),
    ((0.0, job("first", 1, 20.0)), (45.0, job("wide", 2, 20.0))),
    pools={"burst-0": 3},
)
"""As little as has every effect on a site: for providers whose calls take real time."""

NUDGED = Script(
    "nudged",
    _policy(pool("burst-0", 4, 1)),
    lambda: Sched(Scheduling.BACKFILL),
    ((0.0, job("first", 2, 30.0)),),
)
"""A scheduler that does not look when hosts join."""

HOSTS = Script(
    "hosts",
    _policy(pool("burst-0", 4, 1), max_hosts=3),
    lambda: Sched(Scheduling.BACKFILL),
    ((0.0, job("first", 2, 60.0)), (1.0, job("second", 2, 30.0)), (70.0, job("third", 1, 60.0))),
)
"""A pool with more hosts than max_hosts allows."""

AGAIN = Script(
    "again",
    _policy(pool("burst-0", 3, 1)),
    lambda: Sched(Scheduling.FIFO),
    ((0.0, job("first", 1, 20.0)), (220.0, job("second", 2, 20.0))),
    pools={"burst-0": 3},
)
"""Another burst soon after the first: for providers that keep something of it."""

LOOP = Script("loop", LIFE.policy, LIFE.sched, ())
"""Nothing by itself: what happens is drawn."""

SCRIPTS = {script.name: script for script in (LIFE, QUEUES, MOMENTS, CAPS, MONEY, DAY, SHORT, NUDGED, HOSTS)}

OF_PLACES = {AGAIN.name: AGAIN}
"""Scripts for certain real providers alone."""


def lead_of(script: Script, clock: Callable[[], float]) -> ModelLead:
    return ModelLead(clock, script.machines(), script.sched())
