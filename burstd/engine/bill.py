"""What every burst in the ledger has cost together, by pool: a number that never becomes less."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from burstd.core.model import Burst, Phase
from burstd.core.money import cost, settled_cost


class Bill:
    """Noted by the main loop; `dollars` may be asked by whoever holds what `gone` was."""

    def __init__(self, gone: Iterable[Burst]) -> None:
        """Start with the bursts that are gone already."""
        self._gone = {burst.name: (burst.pool, _final(burst)) for burst in gone}
        self.gone = self._by_pool()
        """What each burst that is gone has cost, by pool; another object once that changed."""

    def note(self, burst: Burst) -> None:
        """A record changed. A burst that was gone may be there again."""
        known = self._gone.pop(burst.name, None)
        if burst.phase is Phase.GONE:
            self._gone[burst.name] = (burst.pool, _final(burst))
        if known is not None or burst.phase is Phase.GONE:
            self.gone = self._by_pool()

    def _by_pool(self) -> Mapping[str, tuple[float, ...]]:
        found: defaultdict[str, list[float]] = defaultdict(list)
        for pool, dollars in self._gone.values():
            found[pool].append(dollars)
        return {pool: tuple(parts) for pool, parts in found.items()}


def dollars(gone: Mapping[str, Iterable[float]], living: Iterable[Burst], now: float) -> Mapping[str, float]:
    """Return the sum for each pool, rounded once: after a restart, in another order, it is the same."""
    parts = defaultdict(list, {pool: list(costs) for pool, costs in gone.items()})
    for burst in living:
        parts[burst.pool].append(settled_cost(burst, now))
    return {pool: math.fsum(costs) for pool, costs in parts.items()}


def _final(burst: Burst) -> float:
    return cost(burst, burst.since if burst.ended is None else burst.ended)
