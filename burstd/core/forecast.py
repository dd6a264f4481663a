"""When a waiting job is likely to start, and what else its memo tells beside the reason. Pure.

The only estimate is what was measured: how long the pool's latest bursts took from being planned to serving.
Where nothing was measured yet, nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from burstd.core.lifecycle import RISING
from burstd.core.model import Burst, Policy, Snapshot
from burstd.core.reasons import Code, Reason


class Forecast:
    """Adds pool, phase and likely start to reasons: those of one plan."""

    def __init__(self, snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float) -> None:
        self._now = now
        self._starts = dict(snapshot.starts)
        self._until = {one.pool: one.until for one in snapshot.cooldowns}
        self._rising = {burst.pool: burst for burst in bursts if burst.phase in RISING}
        self._pools = {rank: pool.name for pool in policy.pools for rank in pool.ranks}
        self._known: dict[tuple[Reason, str], Reason] = {}
        self.wakes: list[float] = []
        """When an estimate passes without having come true, and is told no more."""

    def told(self, reason: Reason, ranks: frozenset[int]) -> Reason:
        """Return the reason with what is known beside it. `ranks`: where the job was given its room."""
        pool = reason.pool or self._pool_of(ranks)
        key = (reason, pool)
        if key not in self._known:
            self._known[key] = self._with(replace(reason, pool=pool))
        return self._known[key]

    def _pool_of(self, ranks: frozenset[int]) -> str:
        """A job whose room lies in several pools is told the one that takes longest to come."""
        pools = sorted({self._pools[rank] for rank in ranks if rank in self._pools})
        return max(pools, key=lambda pool: self._serves_at(pool) or 0.0, default="")

    def _with(self, reason: Reason) -> Reason:
        match reason.code:
            case Code.HOSTS_COMING if reason.pool in self._rising:
                burst = self._rising[reason.pool]
                return replace(
                    reason, phase=str(burst.phase), start=self._ahead(self._serves_at(reason.pool))
                )
            case Code.POOL_COOLDOWN | Code.NO_ROOM:
                return replace(reason, start=self._ahead(self._after_rest(reason.pool)))
        return reason

    def _serves_at(self, pool: str) -> float | None:
        burst, seconds = self._rising.get(pool), self._starts.get(pool)
        return None if burst is None or seconds is None else burst.created + seconds

    def _after_rest(self, pool: str) -> float | None:
        until, seconds = self._until.get(pool), self._starts.get(pool)
        return None if until is None or seconds is None else until + seconds

    def _ahead(self, moment: float | None) -> float | None:
        if moment is None or moment <= self._now:
            return None
        self.wakes.append(moment)
        return moment


def usual_seconds(measured: Mapping[str, Iterable[float]]) -> tuple[tuple[str, float], ...]:
    """Return each pool's median of the seconds that its bursts took; pools without any are left out."""
    known = {pool: sorted(seconds) for pool, seconds in measured.items()}
    return tuple((pool, values[len(values) // 2]) for pool, values in sorted(known.items()) if values)
