"""What people order by hand: written into the ledger, then read by every plan, so that it lasts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from burstd.core.model import ByHand, Closed, Pool, Up
from burstd.engine.ledger import REOPENED, Ledger

PAUSED, SPEND_UNKNOWN, UPS, CLOSED = "paused", "spend_unknown", "ups", "closed"
"""The keys under which orders stand in the ledger."""

UP_SECONDS = 3600.0
"""How long hosts that were ordered stay up at least, where the order does not say."""

Do = Literal["up", "down", "pause", "resume", "reopen"]


@dataclass(frozen=True, slots=True)
class Order:
    """One order. No pools: all. `hosts` 0: as many as the pool has. `wait`: answer once it is done."""

    do: Do
    pools: tuple[str, ...] = ()
    hosts: int = 0
    seconds: float = UP_SECONDS
    force: bool = False
    wait: bool = False
    userid: int = 0

    @classmethod
    def read(cls, fields: Mapping[str, Any], userid: int) -> Order:
        """Return an order as it came over the socket. Raises ValueError, TypeError where it is none."""
        if fields.get("do") not in ("up", "down", "pause", "resume", "reopen"):
            raise ValueError(f"there is no order {fields.get('do')!r}")
        pools = tuple(map(str, fields.get("pools", ())))
        given = {**fields, "pools": pools, "userid": userid}
        order = cls(**given)
        return replace(order, hosts=int(order.hosts), seconds=float(order.seconds))

    def written(self) -> dict[str, Any]:
        """Return what goes over the socket: who orders is told by the socket itself."""
        return {key: value for key, value in asdict(self).items() if key != "userid"}


class Orders:
    """The orders that stand. Used by the thread that owns the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.standing = _read(ledger)

    def obey(self, order: Order, known: Collection[str], now: float) -> tuple[str, ...]:
        """Write the order down; return what it means, a sentence each. `known` are the pools there are."""
        unknown = [pool for pool in order.pools if pool not in known]
        if unknown:
            names = ", ".join(known) or "none"
            return (f"no pool is called {', '.join(unknown)} (there are: {names}); nothing was done.",)
        pools = order.pools or tuple(known)
        match order.do:
            case "up":
                said = [self._up(order, pool, now) for pool in pools]
            case "down":
                said = [self._down(order, pool) for pool in pools]
            case "reopen":
                said = [self._reopen(pool, now) for pool in pools]
            case "pause":
                said = [self._pause()]
            case "resume":
                said = [self._resume()]
        return tuple(said)

    def open_pools(self, pools: Iterable[Pool], leaving: bool) -> tuple[Pool, ...]:
        """Return the pools that may have a burst: what is kept of others for the next one is to go."""
        return tuple(pool for pool in pools if not leaving and self.standing.closing(pool.name) is None)

    def mark_unknown_spend(self) -> None:
        """Nothing is bought until `resume`: what was spent today is not known."""
        self._ledger.put(SPEND_UNKNOWN, "1")
        self.standing = replace(self.standing, spend_unknown=True)

    def forget_expired(self, now: float) -> None:
        """Drop orders whose time is over."""
        kept = tuple(up for up in self.standing.ups if now < up.until)
        if kept != self.standing.ups:
            self._keep(ups=kept)

    def _up(self, order: Order, pool: str, now: float) -> str:
        ups = tuple(up for up in self.standing.ups if up.pool != pool)
        closed = tuple(one for one in self.standing.closed if one.pool != pool)
        self._keep(ups=(*ups, Up(pool, order.hosts, now + order.seconds, order.userid)), closed=closed)
        what = {0: "all its hosts are", 1: "1 host is"}.get(order.hosts, f"{order.hosts} hosts are")
        return f"{pool}: {what} kept up for {order.seconds:g} s, as far as limits allow."

    def _down(self, order: Order, pool: str) -> str:
        ups = tuple(up for up in self.standing.ups if up.pool != pool)
        closed = tuple(one for one in self.standing.closed if one.pool != pool)
        self._keep(ups=ups, closed=(*closed, Closed(pool, order.force)))
        how = "without waiting for its jobs" if order.force else "after its jobs, or its drain_seconds"
        back = f"`burstd up {pool}` or `burstd reopen {pool}`"
        return f"{pool}: it is taken down {how}, and stays down until {back}."

    def _reopen(self, pool: str, now: float) -> str:
        self._ledger.put(REOPENED.format(pool=pool), repr(now))
        self._keep(closed=tuple(one for one in self.standing.closed if one.pool != pool))
        return f"{pool}: it is open; what failed there before counts no more."

    def _pause(self) -> str:
        self._ledger.put(PAUSED, "1")
        self.standing = replace(self.standing, paused=True)
        return "burstd is paused: nothing is made; what is up serves on, and goes when it is idle or too old."

    def _resume(self) -> str:
        before = self.standing
        self._ledger.put(PAUSED, None)
        self._ledger.put(SPEND_UNKNOWN, None)
        self.standing = replace(before, paused=False, spend_unknown=False)
        if before.spend_unknown:
            return "burstd buys again; what was spent today before the ledger was lost is not counted."
        return (
            "burstd makes hosts appear again."
            if before.paused
            else "burstd was not paused; nothing was done."
        )

    def _keep(self, *, ups: Iterable[Up] | None = None, closed: Iterable[Closed] | None = None) -> None:
        ups = self.standing.ups if ups is None else tuple(ups)
        closed = self.standing.closed if closed is None else tuple(closed)
        self._ledger.put(UPS, json.dumps([asdict(up) for up in ups]) if ups else None)
        self._ledger.put(CLOSED, json.dumps([asdict(one) for one in closed]) if closed else None)
        self.standing = replace(self.standing, ups=ups, closed=closed)


def _read(ledger: Ledger) -> ByHand:
    ups = json.loads(ledger.note(UPS) or "[]")
    closed = json.loads(ledger.note(CLOSED) or "[]")
    return ByHand(
        paused=ledger.note(PAUSED) is not None,
        spend_unknown=ledger.note(SPEND_UNKNOWN) is not None,
        ups=tuple(Up(**one) for one in ups),
        closed=tuple(Closed(**one) for one in closed),
    )
