"""The bursts as they were last decided, and what is remembered of those that are gone."""

from __future__ import annotations

from collections import defaultdict, deque
from functools import partial

from burstd.core.forecast import usual_seconds
from burstd.core.model import Burst, Phase, Site
from burstd.engine.ledger import Ledger
from burstd.engine.witness import Witness

REMEMBERED = 20
"""So many of a pool's latest bursts tell how long one usually takes."""


class Records:
    """Used by the main loop alone. What is put here stands in the ledger, or is about to."""

    def __init__(self, ledger: Ledger, audience: Witness) -> None:
        self.bursts = {burst.name: burst for burst in ledger.bursts()}
        self.generations = dict(ledger.generations())
        self.proven = ledger.proven()
        self.gone: dict[str, float] = {}
        """When each burst was verified gone, since burstd started."""
        self._took: defaultdict[str, deque[float]] = defaultdict(partial(deque, maxlen=REMEMBERED))
        for burst in ledger.latest(REMEMBERED):
            self._note_start(burst)
        self._audience = audience

    def put(self, burst: Burst, now: float) -> Burst:
        """Keep a record; one that is gone is forgotten. The audience is told where it changed."""
        before = self.bursts.get(burst.name)
        self.bursts[burst.name] = burst
        self.use(burst)
        if burst.served and burst.spec:
            self.proven |= {burst.spec}
        if burst.phase is Phase.GONE:
            del self.bursts[burst.name]
            self.gone[burst.name] = now
        if before is not None and before.came is None:
            self._note_start(burst)
        if before != burst:
            self._audience.recorded(before, burst, now)
        return burst

    def starts(self) -> tuple[tuple[str, float], ...]:
        """Return how many seconds each pool's latest bursts usually took from being planned to serving."""
        return usual_seconds(self._took)

    def _note_start(self, burst: Burst) -> None:
        if burst.came:
            self._took[burst.pool].append(burst.came - burst.created)

    def use(self, one: Burst | Site) -> None:
        """A generation is used: the next burst of its pool has a higher one."""
        self.generations[one.pool] = max(one.generation, self.generations.get(one.pool, 0))
