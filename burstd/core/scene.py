"""What one burst is judged by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from burstd.core.marks import drain_mark
from burstd.core.model import Burst, ByHand, Closed, Host, Policy, Pool


@dataclass(frozen=True, slots=True)
class Scene:
    """What one burst is judged by: its pool (None: no longer declared), its ranks' hosts, the time.

    `lead_since` is when the lead was last met as another than before. `closed` is how its pool was taken down
    by hand, `leaving` whether burstd takes everything down and goes.
    """

    pool: Pool | None
    hosts: tuple[Host, ...]
    mark: str
    now: float
    lead_since: float = 0.0
    closed: Closed | None = None
    leaving: bool = False

    def ours(self, host: Host) -> bool:
        """Say whether the host's drain is burstd's own."""
        return host.drain_reason is not None and host.drain_reason.startswith(self.mark)

    def foreign(self, host: Host) -> bool:
        """Say whether somebody else, or Flux itself, drained the host."""
        return host.drain_reason is not None and not host.drain_reason.startswith(self.mark)


def scene_of(
    burst: Burst, policy: Policy, hosts: Mapping[int, Host], now: float, lead_since: float, by_hand: ByHand
) -> Scene:
    """Gather what a burst is judged by."""
    pool = policy.pool(burst.pool)
    ranks = pool.ranks[: burst.size] if pool else ()
    mine = tuple(hosts[rank] for rank in ranks if rank in hosts)
    mark, closed = drain_mark(policy.owner), by_hand.closing(burst.pool)
    return Scene(pool, mine, mark, now, lead_since, closed, by_hand.leaving)
