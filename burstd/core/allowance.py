"""Whether a pool may be brought up or made larger now: orders by hand, pauses, caps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from burstd.core.budget import counts, next_day, refusal
from burstd.core.model import Burst, Cooldown, Phase, Policy, Pool, Snapshot
from burstd.core.reasons import Code, Reason


def stopped(pool: Pool, snapshot: Snapshot, policy: Policy) -> Reason | None:
    """Say which order by hand keeps anything from being made in the pool."""
    orders = snapshot.by_hand
    if orders.paused or orders.leaving:
        return Reason(Code.PAUSED)
    if orders.closing(pool.name) is not None:
        what = f"{pool.name} was taken down by hand; `burstd reopen {pool.name}` opens it again"
        return Reason(Code.POOL_CLOSED, what)
    if orders.spend_unknown and pool.paid and counts(policy):
        return Reason(Code.SPEND_UNKNOWN)
    return None


def obstacle(pool: Pool, snapshot: Snapshot, policy: Policy, now: float) -> Reason | None:
    """Say what keeps the pool as a whole from being brought up, whoever needs it."""
    resting = (one for one in snapshot.cooldowns if one.pool == pool.name)
    found = next((one for one in resting if one.until is None or one.until > now), None)
    return stopped(pool, snapshot, policy) or (cooling(found) if found is not None else None)


def cooling(cooldown: Cooldown) -> Reason:
    """Say why a pool rests."""
    pool, text = cooldown.pool, cooldown.text
    if cooldown.offer:
        return Reason(Code.NO_ROOM, f"{cooldown.offer}, which is tried again soon; {text}")
    if cooldown.until is None:
        mend = f"mend it, then `burstd reopen {pool}` or restart burstd"
        return Reason(Code.POOL_FAILED, f"{pool} failed for good: {text}; {mend}")
    if cooldown.closed:
        what = f"{pool} is closed for a while, since {cooldown.unjoined} bursts in a row never joined"
        return Reason(Code.POOL_CLOSED, f"{what}: {text}; `burstd reopen {pool}` opens it sooner")
    return Reason(Code.POOL_COOLDOWN, f"{pool} failed and is tried again soon: {text}")


def one_more(policy: Policy, bursts: Iterable[Burst]) -> Reason | None:
    """Say why no further burst of a paid pool may begin beside these."""
    if len(list(paid(policy, bursts))) >= policy.max_bursts:
        return Reason(Code.LIMIT_REACHED, f"max_bursts is {policy.max_bursts}")
    return None


def over(
    snapshot: Snapshot, policy: Policy, bursts: Iterable[Burst], now: float, userid: int
) -> tuple[Reason | None, float | None]:
    """Say which cap these bursts would pass together, and when that may change by itself."""
    costing = list(paid(policy, bursts))
    if policy.max_hosts and sum(burst.size for burst in costing) > policy.max_hosts:
        return Reason(Code.LIMIT_REACHED, f"max_hosts is {policy.max_hosts}"), None
    passed = refusal(snapshot, policy, costing, now, userid)
    return (Reason(Code.OVER_BUDGET, passed), next_day(now)) if passed else (None, None)


def paid(policy: Policy, bursts: Iterable[Burst]) -> Iterator[Burst]:
    """Yield each burst that costs: until it is verified gone, so that intents and releases count too."""
    for burst in bursts:
        pool = policy.pool(burst.pool)
        if burst.phase is not Phase.GONE and (pool is None or pool.paid):
            yield burst
