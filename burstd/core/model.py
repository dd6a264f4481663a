"""The frozen values that flow through burstd: what is seen (Snapshot), what is decided (Plan).

Nothing here reads a clock, a file or a socket. Times are seconds since the epoch (`float`),
names ending in `_seconds` are spans. Every value is immutable and compares by content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from burstd.core.byhand import ByHand as ByHand
from burstd.core.byhand import Closed as Closed
from burstd.core.byhand import Up as Up
from burstd.core.jobs import Directory as Directory
from burstd.core.jobs import Hold as Hold
from burstd.core.jobs import Job as Job
from burstd.core.jobs import JobState as JobState
from burstd.core.jobs import Placement as Placement
from burstd.core.jobs import Request as Request
from burstd.core.jobs import Shape as Shape
from burstd.core.jobs import Wish as Wish
from burstd.core.reasons import Answers, Reason
from burstd.core.spending import Caps as Caps
from burstd.core.spending import Carried as Carried
from burstd.core.spending import Span as Span


@dataclass(frozen=True, slots=True)
class Host:
    """One rank the lead declares, up or not.

    `quiet_since` is the latest of: it came online, was undrained, its last allocation was freed.
    `free_cores` and `free_gpus` are what no allocation holds. `drain_reason` None: not drained.
    """

    rank: int
    name: str
    shape: Shape
    online: bool = False
    torpid: bool = False
    drain_reason: str | None = None
    free_cores: int = 0
    free_gpus: int = 0
    jobs: tuple[int, ...] = ()
    quiet_since: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether Flux may start a job on it now, free or not."""
        return self.online and not self.torpid and self.drain_reason is None


class Scheduling(StrEnum):
    """What the lead's scheduler does with a job that waits for hosts that are down."""

    FIFO = "fifo"
    """It waits, and every later job waits behind it (sched-simple, sched-fifo, sched-backfill)."""
    FCFS = "fcfs"
    """It is refused (Fluxion's default policy)."""
    BACKFILL = "backfill"
    """It waits, and later jobs pass it (Fluxion's easy, conservative and hybrid)."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Queue:
    """A named queue of the lead: whether it schedules (`started`), why not, and what it requires."""

    name: str
    started: bool
    stop_reason: str = ""
    requires: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A burstable job that the scheduler refused: its words, and the command that submits it again."""

    job: int
    wish: Wish
    note: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeadView:
    """All that burstd knows of the lead at one moment.

    `generation` is the broker's uuid: it changes when the lead restarts. `refused` holds the latest
    refusals that were seen to happen.
    """

    generation: str
    hosts: tuple[Host, ...]
    jobs: tuple[Job, ...]
    refused: tuple[Refusal, ...] = ()


Shrinks = Literal["top", "any", "no"]
"""How a site can be made smaller: from its top host down, anywhere (used like `top`), or not at all."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A declared range of remote hosts: one shape, one provider. `ranks[i]` is the rank of `hosts[i]`."""

    name: str
    provider: str
    hosts: tuple[str, ...]
    ranks: tuple[int, ...]
    shape: Shape
    paid: bool = False
    placement: Placement | None = None
    """How its jobs are placed where they do not say themselves; None: as the policy has it."""
    shrinks: Shrinks = "top"
    multi_user: bool = False
    shares_files: bool = True
    """Whether its hosts see the lead's files at the same paths."""
    cwd_prefixes: tuple[str, ...] = ()
    """Under which paths jobs' working directories are made on its hosts, where these see other files."""
    queue: str = ""
    idle_seconds: float = 300.0
    provision_seconds: float = 900.0
    launch_seconds: float = 600.0
    join_seconds: float = 300.0
    cooldown_seconds: float = 60.0
    drain_seconds: float = 600.0
    max_lifetime_seconds: float | None = None
    cost_per_hour: float = 0.0
    """Dollars that one of its hosts costs in an hour; 0: no price was given."""
    cluster_cost_per_hour: float = 0.0
    """Dollars that a site costs in an hour beside its hosts."""
    dollars_per_day: float | None = None
    """Cap over what the pool may cost in a day, UTC; None: only the caps over all pools."""
    spec: str = ""
    """A fingerprint of what the pool's bursts are made like; "": none was taken."""
    probe: bool = False
    """Whether the first burst of a `spec` that never served has one host."""
    renewal_seconds: float = 0.0
    """How often a burst's lease is renewed, in seconds; 0: its provider has no leases."""

    @property
    def size(self) -> int:
        return len(self.hosts)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows: the pools in order of preference, and the caps over paid ones."""

    owner: str
    pools: tuple[Pool, ...]
    placement: Placement = Placement.POOL
    max_bursts: int = 1
    start_queues: tuple[str, ...] = ()
    """Queues that burstd starts once in each generation of the lead, if they are stopped without a reason."""
    max_hosts: int = 0
    """Cap over the hosts of all paid bursts, intents included; 0: only the pools' own sizes."""
    caps: Caps = field(default_factory=Caps)
    close_after: int = 3
    """A pool is closed for a while after so many of its bursts in a row that never joined the lead."""
    instance_owner: int | None = None
    """The user id of the lead's owner; every other user is a guest. None: not known, all count alike."""

    def pool(self, name: str) -> Pool | None:
        return next((pool for pool in self.pools if pool.name == name), None)


class Phase(StrEnum):
    """The life of a burst, in order. A failure is no phase: it is recorded, and the burst is released."""

    PLANNED = "planned"
    PROVISIONING = "provisioning"
    LAUNCHING = "launching"
    JOINING = "joining"
    SERVING = "serving"
    DRAINING = "draining"
    RELEASING = "releasing"
    GONE = "gone"


class Verb(StrEnum):
    """The effects: every kind of mutating call on the world."""

    PROVISION = "provision"
    LAUNCH = "launch"
    RESIZE = "resize"
    REMOVE = "remove"
    PREPARE = "prepare"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    TELL = "tell"
    RAISE = "raise"
    HOLD = "hold"
    UNHOLD = "unhold"
    NUDGE = "nudge"
    MOVE = "move"
    OPEN = "open"
    CLOSE = "close"
    PULSE = "pulse"
    RENEW = "renew"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a burst failed: one sentence, and the seconds until its pool may be tried again; None: never.

    `offer` names what the provider had no room for (a machine type in a zone, spot or not), "" where the
    failure is no lack of room.
    """

    text: str
    retry_after: float | None = None
    offer: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the latest effect on a burst ended, and when."""

    verb: Verb
    at: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What a provider's listing shows of one burst: which of its hosts have something running.

    `name` is the site's external name; pool and generation are read from its labels. `pending` says, in the
    provider's words, why hosts that were asked for do not run yet; "" once all of them do. `failure` is set
    where they cannot run. `lead` is the address of the lead that its brokers were given, "" where it is not
    told. `kept_until` is set on what a burst left for the next one to use: nobody lives there, and it is to
    be removed after that time.
    """

    name: str
    pool: str
    generation: int
    hosts: tuple[str, ...]
    created: float = 0.0
    pending: str = ""
    failure: Failure | None = None
    lead: str = ""
    kept_until: float | None = None
    renewed: float | None = None
    """When its lease was last renewed; None: it has none, or it was not seen."""
    busy: bool = False
    """Whether its lease said then that jobs run there."""
    reclaimed: tuple[str, ...] = ()
    """Hosts whose machine the cloud takes back, or has taken: told before it happens, as far as it is."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One generation of a pool being up, as decided so far (the record) and as last seen (`site`).

    `size` hosts are wanted; `keep` is set while the hosts from `keep` on are being taken away.
    `since` is when the phase began, `resized` when `size` or `keep` last changed. `outcome` is of the
    latest effect. `absences` counts complete listings, begun after that outcome, that do not show the site.
    `why` says why it is being taken away. `served`: a broker of it has joined the lead. `spec` is its pool's
    when it began. `reclaimed` are the hosts whose machine the cloud took back.

    What it costs (see burstd.core.money): `spans`, the prices that held when it began, and `ended`, when it
    cost no more. `payers` are user ids, each with a number of hosts that came up for that user's jobs.
    """

    pool: str
    generation: int
    phase: Phase
    size: int
    created: float
    since: float
    resized: float = 0.0
    keep: int | None = None
    why: str = ""
    failure: Failure | None = None
    outcome: Outcome | None = None
    site: Site | None = None
    absences: int = 0
    served: bool = False
    came: float | None = None
    """When it first served; None: it did not yet; 0: not known, since it was found without a record."""
    spec: str = ""
    reclaimed: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    ended: float | None = None
    cost_per_hour: float = 0.0
    cluster_cost_per_hour: float = 0.0
    lifetime_seconds: float | None = None
    payers: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.pool}-g{self.generation}"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A pool whose last burst failed: not to be tried again before `until`; None: not before a restart.

    `failures` counts the bursts that failed in a row, `unjoined` those of them that never joined the lead;
    after too many of these the pool is `closed` for long. `offer` is what the provider had no room for, "" if
    the pause has another reason.
    """

    pool: str
    text: str
    until: float | None
    failures: int = 1
    unjoined: int = 0
    closed: bool = False
    offer: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One effect to start. `key` says what it works on: one effect at a time for each key."""

    verb: Verb
    key: str
    pool: str = ""
    generation: int = 0
    size: int = 0
    ranks: tuple[int, ...] = ()
    job: int = 0
    text: str = ""
    queue: str = ""
    jobs: tuple[int, ...] = ()
    directories: tuple[Directory, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a plan is made from. `in_flight` holds the keys of effects not yet ended.

    `generations` is the highest generation ever used of each pool, gone ones included. `opened` holds the
    queues that burstd started because it was told to, in this generation of the lead; `nudged` when each
    waiting job was last nudged; `overruled` the jobs whose hold somebody else ended.
    """

    hosts: tuple[Host, ...]
    jobs: tuple[Job, ...]
    bursts: tuple[Burst, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    generations: tuple[tuple[str, int], ...] = ()
    in_flight: frozenset[str] = frozenset()
    started: float = 0.0
    queues: tuple[Queue, ...] = ()
    scheduling: Scheduling = Scheduling.UNKNOWN
    lead_since: float = 0.0
    """When the lead was last met as another than before; brokers that joined the one before are gone."""
    opened: frozenset[str] = frozenset()
    nudged: tuple[tuple[int, float], ...] = ()
    overruled: frozenset[int] = frozenset()
    unseen: frozenset[str] = frozenset()
    """Pools whose sites were not seen whole since burstd started: there may be more than the ledger knows."""
    prepared: tuple[tuple[int, frozenset[Directory]], ...] = ()
    """What burstd has made over Flux, or tried to, on each rank since that was last online."""
    by_hand: ByHand = field(default_factory=ByHand)
    past: tuple[Burst, ...] = ()
    """The bursts that are gone and have cost something today."""
    carried: Carried = field(default_factory=Carried)
    """What was spent today and the ledger does not know."""
    proven: frozenset[str] = frozenset()
    """The `spec` of every pool that has served as it is made now."""
    renewed: tuple[tuple[str, float, bool], ...] = ()
    """When burstd last renewed the lease of each burst, and whether it was busy then."""
    starts: tuple[tuple[str, float], ...] = ()
    """How many seconds each pool's bursts usually take from being planned to serving, where any did."""
    checkpointed: tuple[float, str] = (0.0, "")
    """When the lead was last told what was spent, and what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a snapshot: records to write first, then effects to start.

    `bursts` holds only records that changed. `reasons` has one entry for each waiting burstable job.
    `wake_at` is when something would change with no event, None if nothing would.
    """

    bursts: tuple[Burst, ...] = ()
    actions: tuple[Action, ...] = ()
    reasons: tuple[tuple[int, Reason], ...] = ()
    wake_at: float | None = None
    sentences: tuple[str, ...] = field(default=())
    orders: tuple[tuple[str, Reason], ...] = ()
    """Why hosts that were ordered by hand are not up: the pool, and the reason."""
    answers: Mapping[int, Answers] = field(default_factory=dict)
    """What each pool said that was asked for a waiting job."""

    @property
    def empty(self) -> bool:
        return not self.bursts and not self.actions
