"""What the page of burstd shows at once: what stands, and what is spent against the caps. Pure.

The names of the fields are those of `/api/v1/status`; times are epoch seconds, money is in dollars.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from burstd.core.budget import spent, spent_by_pool
from burstd.core.model import Policy, Snapshot
from burstd.core.money import rate, reserved
from burstd.core.reasons import Reason
from burstd.core.status import Status, status


@dataclass(frozen=True, slots=True)
class PoolSpend:
    """What one pool has cost today, and its own cap; None: it has none."""

    pool: str
    dollars_today: float
    cap_per_day: float | None


@dataclass(frozen=True, slots=True)
class Spend:
    """What all bursts cost, and the caps over them; a cap of None: there is none. A day is one of UTC.

    `reserved` is what those that live may still cost until their lifetimes are over, which counts against the
    cap of the day as well; None: one of them has no such end.
    """

    dollars_today: float
    reserved: float | None
    dollars_per_hour: float
    cap_per_day: float | None
    cap_per_hour: float | None
    cap_per_user_day: float | None
    pools: tuple[PoolSpend, ...]


@dataclass(frozen=True, slots=True)
class Overview(Status):
    """What stands, with what is spent. `seen_at`: when the lead was last seen whole; None: it was not yet.

    `discreet`: what could name a job or a user, and words that others wrote, are left out.
    """

    spend: Spend | None = None
    seen_at: float | None = None
    discreet: bool = False


def overview(
    snapshot: Snapshot,
    policy: Policy,
    reasons: Iterable[tuple[int, Reason]],
    now: float,
    *,
    lead_answers: bool,
    seen_at: float | None,
) -> Mapping[str, Any]:
    """Return what stands as a document that JSON can hold."""
    found = status(snapshot, policy, reasons, now, lead_answers=lead_answers)
    return found.document() | {
        "spend": asdict(spend(snapshot, policy, now)),
        "seen_at": seen_at,
        "discreet": False,
    }


def spend(snapshot: Snapshot, policy: Policy, now: float) -> Spend:
    """Return what is spent and what may be."""
    still = sum(reserved(burst, now) for burst in snapshot.bursts)
    pools = spent_by_pool(snapshot, now)
    return Spend(
        spent(snapshot, now),
        still if math.isfinite(still) else None,
        sum(map(rate, snapshot.bursts)),
        policy.caps.dollars_per_day,
        policy.caps.dollars_per_hour,
        policy.caps.dollars_per_user_day,
        tuple(PoolSpend(pool.name, pools.get(pool.name, 0.0), pool.dollars_per_day) for pool in policy.pools),
    )
