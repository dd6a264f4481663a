"""A job of the lead, and what one host offers to it: the frozen values of `burstd.core.model` about jobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from burstd.core.constraint import ANYWHERE, Constraint


@dataclass(frozen=True, slots=True)
class Shape:
    """What one host offers to jobs: whole cores and gpus, and its Flux properties."""

    cores: int
    gpus: int = 0
    properties: frozenset[str] = frozenset()

    @property
    def offer(self) -> str:
        """Its cores and gpus in words."""
        return f"{self.cores} cores" + (f" and {self.gpus} gpus" if self.gpus else "")


@dataclass(frozen=True, slots=True)
class Request:
    """What a job asks for, reduced from a V1 jobspec (RFC 25) to what placing it needs.

    `hosts` > 0: that many hosts, each with `slots` slots. `hosts` == 0: `slots` slots in all,
    on whichever hosts. A slot is `cores` cores and `gpus` gpus on one host. `exclusive`: whole hosts.
    """

    hosts: int
    slots: int
    cores: int
    gpus: int = 0
    exclusive: bool = False


class JobState(StrEnum):
    """The job states of RFC 21."""

    NEW = "new"
    DEPEND = "depend"
    PRIORITY = "priority"
    SCHED = "sched"
    RUN = "run"
    CLEANUP = "cleanup"
    INACTIVE = "inactive"


class Placement(StrEnum):
    """Where a burstable job may be put: whole in one pool, or over pools and the lead's own hosts."""

    POOL = "pool"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Wish:
    """The job's `attributes.system.burstable`: `target` names a pool or a provider, "" is any.

    `nonsense` is set, in the user's own words, when the value is none that burstd understands.
    `placement` is what the job itself asks for; None: as its pool has it.
    """

    target: str = ""
    nonsense: str = ""
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds a job at urgency 0 on burstd's behalf: who set it, and the urgency from before."""

    owner: str
    urgency: int


@dataclass(frozen=True, slots=True)
class Job:
    """One active job of the lead, as its journal tells it. `wish` is None: not burstable."""

    id: int
    state: JobState
    request: Request
    submitted: float
    name: str = ""
    userid: int = 0
    urgency: int = 16
    priority: int = 16
    queue: str = ""
    constraint: Constraint = ANYWHERE
    wish: Wish | None = None
    hold: Hold | None = None
    """Set while burstd holds the job: its memo says so and the latest urgency event set it to 0."""
    stale_hold: bool = False
    """The memo of a hold is there, but somebody else has changed the urgency since: the hold is over."""
    told: str = ""
    """The sentence that burstd last wrote into the job's memo, "" if none."""
    raised: str = ""
    """The code of the latest exception of type `burst` in its eventlog, "" if none: burstd.core.reasons."""
    ranks: tuple[int, ...] = ()
    """Where its allocation is, while it has one."""
    started: float | None = None
    """When it got that."""
    cwd: str = ""
    """Its working directory as its user wrote it, "" if none: untrusted text (see burstd.core.cwd)."""


@dataclass(frozen=True, slots=True, order=True)
class Directory:
    """A directory to be made, and the user whose it will be. One that exists is left as it is."""

    path: str
    userid: int
