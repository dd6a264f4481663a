"""What stands, for people and programs: pools, bursts, jobs that wait. Pure.

The names of the fields are those of `burstd status --json`; times are epoch seconds, money is in dollars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal, Self

from burstd.core.budget import spent
from burstd.core.jobid import f58
from burstd.core.model import Burst, ByHand, Cooldown, Host, Policy, Pool, Snapshot
from burstd.core.money import cost, rate
from burstd.core.reasons import Reason

EXAMPLES = 3
"""So many jobs of those that wait for one reason are named."""

Source = Literal["daemon", "ledger"]


class PoolState(StrEnum):
    """Whether a pool may have a burst, and what keeps it from one."""

    OPEN = "open"
    CLOSED_BY_HAND = "closed-by-hand"
    COOLING_DOWN = "cooling-down"
    CLOSED = "closed"
    """For a while, since too many of its bursts in a row never joined."""
    NO_ROOM = "no-room"
    FAILED = "failed"
    """Until it is opened by hand, or burstd restarts."""
    UNSEEN = "unseen"
    """Its sites were not seen whole yet since burstd started."""


class _Read:
    """Values that come back from the document they were written to, without fields of a later version."""

    __slots__ = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        known = {one.name for one in fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: value for key, value in document.items() if key in known})


@dataclass(frozen=True, slots=True)
class PoolStatus(_Read):
    """One pool. `until` is when its state ends by itself, None: not so; hosts and jobs None: not known."""

    name: str
    provider: str
    state: str
    until: float | None = None
    hosts_online: int | None = None
    hosts_total: int | None = None
    jobs: int | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class BurstStatus(_Read):
    """One burst. `dollars` None: no price is known. `why` it goes; `pending`: what hosts wait for."""

    name: str
    pool: str
    phase: str
    age_seconds: float
    phase_seconds: float
    hosts_online: int | None
    hosts_total: int
    jobs: int | None
    dollars: float | None
    dollars_per_hour: float | None
    why: str = ""
    pending: str = ""
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class WaitStatus(_Read):
    """Jobs that wait for one reason: how many, the sentence of one of them, and some of their ids."""

    code: str
    jobs: int
    sentence: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """All that stands at one moment. `lead_answers` None: nobody asked it."""

    at: float
    source: Source
    lead_answers: bool | None
    paused: bool
    spend_unknown: bool
    dollars_today: float | None
    pools: tuple[PoolStatus, ...]
    bursts: tuple[BurstStatus, ...]
    waiting: tuple[WaitStatus, ...] = ()
    whole: bool = True
    """False: what another user than burstd's own may see; what is left out is "" or None."""
    stands_by: str = ""
    """What a burstd waits for that does not serve yet."""

    def document(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Status:
        """Return what a document says. Raises KeyError, TypeError where it is none."""
        later: dict[str, Any] = {"whole": True, "stands_by": "", **document}
        plain = {one.name: later[one.name] for one in fields(cls)}
        lists = {
            "pools": tuple(map(PoolStatus.read, plain["pools"])),
            "bursts": tuple(map(BurstStatus.read, plain["bursts"])),
            "waiting": tuple(map(WaitStatus.read, plain["waiting"])),
        }
        return cls(**{**plain, **lists})


def status(
    snapshot: Snapshot,
    policy: Policy,
    reasons: Iterable[tuple[int, Reason]],
    now: float,
    *,
    lead_answers: bool,
) -> Status:
    """Return what the daemon sees. A snapshot without hosts: the lead was not seen yet."""
    hosts = {host.rank: host for host in snapshot.hosts}
    return Status(
        now,
        "daemon",
        lead_answers,
        snapshot.by_hand.paused,
        snapshot.by_hand.spend_unknown,
        spent(snapshot, now),
        tuple(_pool(pool, snapshot, hosts, now) for pool in policy.pools),
        tuple(_burst(burst, _hosts_of(burst, policy, hosts), now) for burst in snapshot.bursts),
        waits(reasons),
    )


def from_ledger(
    bursts: Sequence[Burst],
    cooldowns: Iterable[Cooldown],
    by_hand: ByHand,
    now: float,
    *,
    past: tuple[Burst, ...] = (),
    providers: Mapping[str, str] | None = None,
) -> Status:
    """Return what the ledger tells where no daemon answers: hosts and jobs are not known.

    `providers` has the provider of each pool that is configured.
    """
    cooled, given = tuple(cooldowns), dict(providers or {})
    told = {
        *(burst.pool for burst in bursts),
        *(one.pool for one in cooled),
        *(one.pool for one in by_hand.closed),
    }
    names = [*given, *sorted(told - given.keys())]
    known = Snapshot((), (), tuple(bursts), cooled, by_hand=by_hand, past=past)
    return Status(
        now,
        "ledger",
        None,
        by_hand.paused,
        by_hand.spend_unknown,
        spent(known, now),
        tuple(_pool_by_name(name, given.get(name, ""), known, now) for name in names),
        tuple(_burst(burst, None, now) for burst in bursts),
    )


def waits(reasons: Iterable[tuple[int, Reason]]) -> tuple[WaitStatus, ...]:
    """Return why jobs wait, one entry for each code, most jobs first.

    Many jobs share one reason: they are told apart by identity first, since that is cheap.
    """
    alike: dict[int, tuple[Reason, list[int]]] = {}
    for job, reason in reasons:
        alike.setdefault(id(reason), (reason, []))[1].append(job)
    by_code: defaultdict[str, list[tuple[Reason, list[int]]]] = defaultdict(list)
    for reason, jobs in alike.values():
        by_code[reason.code].append((reason, jobs))
    found = [_wait(code, groups) for code, groups in by_code.items()]
    return tuple(sorted(found, key=lambda one: (-one.jobs, one.code)))


def _wait(code: str, groups: Sequence[tuple[Reason, Sequence[int]]]) -> WaitStatus:
    """Return the entry of a code; `groups` are its reasons in the order of the first job of each."""
    jobs = [job for _, group in groups for job in group[:EXAMPLES]]
    count = sum(len(group) for _, group in groups)
    return WaitStatus(str(code), count, groups[0][0].sentence, tuple(map(f58, jobs[:EXAMPLES])))


def _pool(pool: Pool, snapshot: Snapshot, hosts: Mapping[int, Host], now: float) -> PoolStatus:
    mine = _at(pool.ranks, hosts)
    found = _pool_by_name(pool.name, pool.provider, snapshot, now)
    return replace(found, hosts_online=_online(mine), hosts_total=pool.size, jobs=_jobs(mine))


def _pool_by_name(name: str, provider: str, snapshot: Snapshot, now: float) -> PoolStatus:
    state, until = state_of(name, snapshot, now)
    error = next((one.text for one in snapshot.cooldowns if one.pool == name), "")
    return PoolStatus(name, provider, state, until, last_error=error)


def state_of(pool: str, snapshot: Snapshot, now: float) -> tuple[PoolState, float | None]:
    """Return a pool's state, and when that ends by itself; None: not so."""
    if snapshot.by_hand.closing(pool) is not None:
        return PoolState.CLOSED_BY_HAND, None
    cooldown = next((one for one in snapshot.cooldowns if one.pool == pool), None)
    if cooldown is not None and (cooldown.until is None or cooldown.until > now):
        return _resting(cooldown), cooldown.until
    return (PoolState.UNSEEN if pool in snapshot.unseen else PoolState.OPEN), None


def _resting(cooldown: Cooldown) -> PoolState:
    if cooldown.offer:
        return PoolState.NO_ROOM
    if cooldown.until is None:
        return PoolState.FAILED
    return PoolState.CLOSED if cooldown.closed else PoolState.COOLING_DOWN


def _hosts_of(burst: Burst, policy: Policy, hosts: Mapping[int, Host]) -> list[Host] | None:
    pool = policy.pool(burst.pool)
    return None if pool is None else _at(pool.ranks[: burst.size], hosts)


def _at(ranks: Iterable[int], hosts: Mapping[int, Host]) -> list[Host] | None:
    return [hosts[rank] for rank in ranks if rank in hosts] if hosts else None


def _online(hosts: Collection[Host] | None) -> int | None:
    return None if hosts is None else sum(host.online for host in hosts)


def _jobs(hosts: Collection[Host] | None) -> int | None:
    return None if hosts is None else len({job for host in hosts for job in host.jobs})


def _burst(burst: Burst, hosts: Collection[Host] | None, now: float) -> BurstStatus:
    priced = bool(burst.cost_per_hour or burst.cluster_cost_per_hour)
    return BurstStatus(
        burst.name,
        burst.pool,
        str(burst.phase),
        max(now - burst.created, 0.0),
        max(now - burst.since, 0.0),
        _online(hosts),
        burst.size,
        _jobs(hosts),
        cost(burst, now) if priced else None,
        rate(burst) if priced else None,
        burst.why,
        burst.site.pending if burst.site else "",
        _error(burst),
    )


def _error(burst: Burst) -> str:
    failure = burst.failure or (burst.outcome.failure if burst.outcome else None)
    return failure.text if failure else ""
