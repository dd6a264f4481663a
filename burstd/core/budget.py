"""The caps in dollars: what may still be bought, intents and reservations counted. Pure.

A burst counts as what it has cost today and what it may still cost until its lifetime is over, so that no cap
is passed by what is under way: neither by a hundred creates at once, nor by a burst that lives past midnight.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from burstd.core.model import Burst, Caps, Carried, Phase, Policy, Pool, Snapshot
from burstd.core.money import DAY_SECONDS, cost, day_of, rate, reserved, shares
from burstd.core.spending import Living

CHECKPOINT_SECONDS = 60.0
"""Between two writings of what was spent, while it grows."""

_CENT = 0.01


NOTHING = Carried()


def refusal(snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float, userid: int) -> str:
    """Say which cap the bursts would pass if all of them were made for this user's job; "": none."""
    caps = policy.caps
    if not counts(policy):
        return ""
    return next(_passed(_Count.of(snapshot, policy, bursts, now), policy, caps, userid), "")


def counts(policy: Policy) -> bool:
    """Say whether there is any cap in dollars."""
    return bool(policy.caps) or any(pool.dollars_per_day is not None for pool in policy.pools)


def spent(snapshot: Snapshot, now: float) -> float:
    """Return the dollars that all bursts have cost today, as far as it is known."""
    return sum(spent_by_pool(snapshot, now).values())


def spent_by_pool(snapshot: Snapshot, now: float) -> Mapping[str, float]:
    """Return the same for each pool that has had a burst today."""
    count, day = _Count.past(snapshot, now), day_of(now)
    for burst in snapshot.bursts:
        count.pools[burst.pool] += cost(burst, now, day)
    return count.pools


def checkpoint(snapshot: Snapshot, bursts: Iterable[Burst], now: float) -> str:
    """Return what was spent today as a text for the lead's KVS; "" where nothing was."""
    living = [burst for burst in bursts if burst.phase is not Phase.GONE and rate(burst)]
    count = _Count.past(snapshot, now)
    if not living and not any(count.pools.values()):
        return ""
    day = day_of(now)
    text = {
        "day": day,
        "pools": {pool: round(dollars, 2) for pool, dollars in sorted(count.pools.items())},
        "users": {str(user): round(dollars, 2) for user, dollars in sorted(count.users.items())},
        "living": [
            [one.name, one.pool, round(cost(one, now, day), 2), _parts(one, cost(one, now, day))]
            for one in living
        ],
    }
    return json.dumps(text, sort_keys=True)


def read_checkpoint(text: str) -> Carried | None:
    """Return what a text of `checkpoint` says; None where it says nothing that can be understood."""
    try:
        told = json.loads(text)
        living = tuple(
            Living(str(name), str(pool), float(dollars), _by_user(parts))
            for name, pool, dollars, parts in told["living"]
        )
        pools = {str(pool): float(dollars) for pool, dollars in told["pools"].items()}
        return Carried(float(told["day"]), pools, _by_user(told["users"]), living)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def next_day(now: float) -> float:
    """Return when the caps of the next day begin to count."""
    return day_of(now) + DAY_SECONDS


@dataclass(slots=True)
class _Count:
    """Dollars of today and the dollars an hour, as they would be."""

    hour: float = 0.0
    pools: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    users: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    @classmethod
    def past(cls, snapshot: Snapshot, now: float) -> _Count:
        """Count what is gone already."""
        count, day = cls(), day_of(now)
        names = (burst.name for burst in (*snapshot.bursts, *snapshot.past))
        carried = snapshot.carried.without(names) if snapshot.carried.day == day else NOTHING
        count.pools.update(carried.pools)
        count.users.update(carried.users)
        for burst in snapshot.past:
            count.add(burst, cost(burst, now, day))
        return count

    @classmethod
    def of(cls, snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float) -> _Count:
        """Count what is gone, what lives and what is meant, each with all that it may still cost."""
        count, day = cls.past(snapshot, now), day_of(now)
        for burst in bursts:
            priced = _priced(burst, policy.pool(burst.pool))
            count.hour += rate(priced)
            count.add(priced, cost(priced, now, day) + reserved(priced, now))
        return count

    def add(self, burst: Burst, dollars: float) -> None:
        self.pools[burst.pool] += dollars
        for userid, part in shares(burst).items():
            self.users[userid] += part * dollars


def _priced(burst: Burst, pool: Pool | None) -> Burst:
    """A burst that is only meant has no prices yet in its record: its pool's hold."""
    if burst.spans or pool is None:
        return burst
    return replace(
        burst,
        cost_per_hour=pool.cost_per_hour,
        cluster_cost_per_hour=pool.cluster_cost_per_hour,
        lifetime_seconds=pool.max_lifetime_seconds,
    )


def _passed(count: _Count, policy: Policy, caps: Caps, userid: int) -> Iterator[str]:
    today = sum(count.pools.values())
    if _over(count.hour, caps.dollars_per_hour):
        yield f"dollars_per_hour is {caps.dollars_per_hour:g}, and all bursts would cost {count.hour:.2f}"
    if _over(today, caps.dollars_per_day):
        yield f"dollars_per_day is {caps.dollars_per_day:g}, and today could cost {today:.2f}"
    for pool in policy.pools:
        if _over(count.pools[pool.name], pool.dollars_per_day):
            yield (
                f"dollars_per_day of pool {pool.name} is {pool.dollars_per_day:g}, and today could cost "
                f"{count.pools[pool.name]:.2f}"
            )
    if _over(count.users[userid], caps.dollars_per_user_day):
        yield (
            f"dollars_per_user_day is {caps.dollars_per_user_day:g}, and what this user's jobs made appear "
            f"today could cost {count.users[userid]:.2f}"
        )


def _over(dollars: float, cap: float | None) -> bool:
    return cap is not None and dollars > cap + _CENT / 100


def _parts(burst: Burst, dollars: float) -> dict[str, float]:
    return {str(userid): round(part * dollars, 2) for userid, part in shares(burst).items()}


def _by_user(told: Mapping[str, float]) -> dict[int, float]:
    return {int(userid): float(dollars) for userid, dollars in told.items()}
