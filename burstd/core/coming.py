"""The room that is there and that is on its way, before anybody is given any of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from burstd.core.lifecycle import RISING, leaving
from burstd.core.marks import drain_mark
from burstd.core.model import Burst, Host, Phase, Policy, Pool, Snapshot
from burstd.core.rooms import Room, free_room, whole_room


def free_rooms(snapshot: Snapshot, going: Collection[int]) -> Iterator[Room]:
    """Yield what is free on hosts that are up and are not being taken away."""
    for host in snapshot.hosts:
        if host.usable and host.rank not in going:
            yield free_room(host)


def coming_rooms(
    bursts: Iterable[Burst], policy: Policy, hosts: Mapping[int, Host], now: float
) -> Iterator[Room]:
    """Yield the hosts of living bursts that are not free now and will be."""
    mark = drain_mark(policy.owner)
    for burst in bursts:
        pool = policy.pool(burst.pool)
        if pool is None or not _in_time(burst, pool, now):
            continue
        for index, rank in enumerate(pool.ranks[: burst.size]):
            if not leaving(burst, index) and _comes(hosts.get(rank), mark):
                yield whole_room(rank, pool.hosts[index], pool.shape)


def _in_time(burst: Burst, pool: Pool, now: float) -> bool:
    """Hosts in flight count only while their burst lives and has a deadline ahead."""
    if burst.phase is Phase.SERVING:
        return now < max(burst.since, burst.resized) + pool.join_seconds
    return burst.phase in RISING


def _comes(host: Host | None, mark: str) -> bool:
    """Say whether a burst's host that is not free now will be: it joins, or is being undrained."""
    if host is None:
        return True
    ours = (host.drain_reason or "").startswith(mark)
    if host.online:
        return ours and not host.jobs
    return host.drain_reason is None or ours
