"""What is known of money: the frozen values of `burstd.core.model` about it. All in dollars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """From this moment on a burst has so many hosts to pay for."""

    at: float
    hosts: int


@dataclass(frozen=True, slots=True)
class Caps:
    """What all paid bursts together may cost; None: no such cap. A day is one of UTC."""

    dollars_per_hour: float | None = None
    dollars_per_day: float | None = None
    dollars_per_user_day: float | None = None

    def __bool__(self) -> bool:
        return (self.dollars_per_hour, self.dollars_per_day, self.dollars_per_user_day) != (None,) * 3


@dataclass(frozen=True, slots=True)
class Living:
    """What a burst had cost that day when it was noted, and whose part of that is whose."""

    burst: str
    pool: str
    dollars: float
    users: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Carried:
    """What an earlier ledger, now lost, had spent in one day, by the lead's own note of it.

    `day` is when that day began. `living` holds the bursts that were not gone when it was written.
    """

    day: float = 0.0
    pools: Mapping[str, float] = field(default_factory=dict)
    users: Mapping[int, float] = field(default_factory=dict)
    living: tuple[Living, ...] = ()

    def without(self, known: Iterable[str]) -> Carried:
        """Return it with the bursts counted as gone that are not among those known."""
        names = set(known)
        pools, users = defaultdict(float, self.pools), defaultdict(float, self.users)
        for one in self.living:
            if one.burst not in names:
                pools[one.pool] += one.dollars
                for userid, dollars in one.users.items():
                    users[userid] += dollars
        return Carried(self.day, pools, users)
