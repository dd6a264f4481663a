"""What gauges show: numbers read from what was seen and decided, each by the values of its labels. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from burstd.core.budget import spent_by_pool
from burstd.core.lifecycle import RISING
from burstd.core.model import Burst, Host, Phase, Policy, Snapshot
from burstd.core.money import rate, reserved
from burstd.core.reasons import Code, Reason
from burstd.core.status import PoolState, state_of

Readings = Mapping[tuple[str, ...], float]
"""One number for each combination of label values, in the order of the labels; `()` has none."""

PHASES = tuple(phase for phase in Phase if phase is not Phase.GONE)

INFINITE = float("inf")
"""What a limit is that nobody set: everything stays below it."""


class HostState(StrEnum):
    """What a host of a pool is: each is one of these."""

    BUSY = "busy"
    IDLE = "idle"
    DRAINED = "drained"
    """Online without a job, and drained or torpid: no job comes to it."""
    COMING = "coming"
    """Part of a burst that comes up or serves, and not online."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class View:
    """What readings are made from.

    `pools` are the names in the configuration. The snapshot's bursts, orders and money are as they are now,
    its hosts, jobs and what is in flight as they were when the lead was last seen, like `reasons`.
    """

    pools: tuple[str, ...]
    policy: Policy
    snapshot: Snapshot
    reasons: tuple[tuple[int, Reason], ...]
    now: float


Read = Callable[[View], Readings]


def bursts(view: View) -> Readings:
    """Return how many bursts of each pool are in each phase."""
    counted: Counter[tuple[str, ...]] = Counter(
        (burst.pool, str(burst.phase)) for burst in view.snapshot.bursts
    )
    return {**_zeros(view.pools, PHASES), **counted}


def ages(view: View) -> Readings:
    """Return the seconds since each pool's oldest burst was planned, 0 where there is none."""
    found = _by_pool(view)
    for burst in view.snapshot.bursts:
        found[burst.pool] = max(found[burst.pool], view.now - burst.created)
    return _labelled(found)


def lifetimes(view: View) -> Readings:
    """Return the seconds that a burst of each pool may live."""
    return _labelled(
        _limits(view) | {pool.name: _or_infinite(pool.max_lifetime_seconds) for pool in view.policy.pools}
    )


def hosts(view: View) -> Readings:
    """Return how many hosts of each pool are in each state."""
    seen = {host.rank: host for host in view.snapshot.hosts}
    coming = {rank for burst in view.snapshot.bursts for rank in _meant(burst, view.policy)}
    counted: Counter[tuple[str, ...]] = Counter(
        (pool.name, str(_state(seen[rank], coming)))
        for pool in view.policy.pools
        for rank in pool.ranks
        if rank in seen
    )
    return {**_zeros(view.pools, HostState), **counted}


def jobs_running(view: View) -> Readings:
    """Return how many jobs run on hosts of each pool."""
    seen = {host.rank: host.jobs for host in view.snapshot.hosts}
    found = _by_pool(view)
    for pool in view.policy.pools:
        found[pool.name] = len({job for rank in pool.ranks for job in seen.get(rank, ())})
    return _labelled(found)


def jobs_waiting(view: View) -> Readings:
    """Return how many burstable jobs wait for each reason."""
    counted: Counter[tuple[str, ...]] = Counter((str(reason.code),) for _, reason in view.reasons)
    return {**_zeros(Code), **counted}


def waits(view: View) -> Readings:
    """Return the seconds since the oldest job that waits for each reason was submitted, 0 where none does."""
    submitted = {job.id: job.submitted for job in view.snapshot.jobs} if view.reasons else {}
    first = dict.fromkeys(Code, view.now)
    for job, reason in view.reasons:
        first[reason.code] = min(first[reason.code], submitted.get(job, view.now))
    return {(str(code),): view.now - moment for code, moment in first.items()}


def jobs_held(view: View) -> Readings:
    """Return how many jobs burstd holds."""
    return {(): sum(job.hold is not None for job in view.snapshot.jobs)}


def pool_states(view: View) -> Readings:
    """Return 1 for the state that each pool is in, 0 for all others."""
    states = {name: state_of(name, view.snapshot, view.now)[0] for name in view.pools}
    return {(name, str(state)): state is states[name] for name, state in product(view.pools, PoolState)}


def paused(view: View) -> Readings:
    """Return 1 while burstd is paused by hand."""
    return {(): view.snapshot.by_hand.paused}


def spend_unknown(view: View) -> Readings:
    """Return 1 while nothing is bought since what was spent today is not known."""
    return {(): view.snapshot.by_hand.spend_unknown}


def effects_in_flight(view: View) -> Readings:
    """Return how many bursts, jobs and queues have an effect under way, or rest after one that failed."""
    return {(): len(view.snapshot.in_flight)}


def caps(view: View) -> Readings:
    """Return the dollars that all bursts together may cost in an hour and in a day."""
    caps = view.policy.caps
    return {
        ("hour",): _or_infinite(caps.dollars_per_hour),
        ("day",): _or_infinite(caps.dollars_per_day),
    }


def pool_caps(view: View) -> Readings:
    """Return the dollars that each pool may cost in a day."""
    return _labelled(
        _limits(view) | {pool.name: _or_infinite(pool.dollars_per_day) for pool in view.policy.pools}
    )


def spent_today(view: View) -> Readings:
    """Return the dollars that bursts of each pool have cost today."""
    return _labelled({**_by_pool(view), **spent_by_pool(view.snapshot, view.now)})


def reserves(view: View) -> Readings:
    """Return the dollars that living bursts of each pool may still cost until their lifetime is over."""
    return _summed(view, lambda burst: reserved(burst, view.now))


def rates(view: View) -> Readings:
    """Return the dollars that living bursts of each pool cost in an hour."""
    return _summed(view, rate)


def _summed(view: View, of: Callable[[Burst], float]) -> Readings:
    found = _by_pool(view)
    for burst in view.snapshot.bursts:
        found[burst.pool] += of(burst)
    return _labelled(found)


def _by_pool(view: View) -> defaultdict[str, float]:
    return defaultdict(float, dict.fromkeys(view.pools, 0.0))


def _labelled(found: Mapping[str, float]) -> Readings:
    return {(pool,): number for pool, number in found.items()}


def _limits(view: View) -> dict[str, float]:
    return dict.fromkeys(view.pools, INFINITE)


def _zeros(*labels: Iterable[str]) -> dict[tuple[str, ...], float]:
    return dict.fromkeys(product(*([str(value) for value in values] for values in labels)), 0.0)


def _or_infinite(limit: float | None) -> float:
    return INFINITE if limit is None else limit


def _meant(burst: Burst, policy: Policy) -> Iterator[int]:
    """Yield the ranks that a burst is to have online."""
    pool = policy.pool(burst.pool)
    if pool is not None and burst.phase in (*RISING, Phase.SERVING):
        yield from pool.ranks[: burst.size]


def _state(host: Host, coming: set[int]) -> HostState:
    if not host.online:
        return HostState.COMING if host.rank in coming else HostState.DOWN
    if host.jobs:
        return HostState.BUSY
    return HostState.IDLE if host.usable else HostState.DRAINED
