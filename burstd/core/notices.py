"""What is worth telling somebody who is not looking: a closed set of events, each with one sentence. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from burstd.core.allowance import obstacle
from burstd.core.jobid import f58
from burstd.core.model import Burst, ByHand, Phase, Policy, Pool, Snapshot
from burstd.core.money import cost, day_of
from burstd.core.reasons import Code, Reason
from burstd.core.text import printable


class Event(StrEnum):
    """What may be told."""

    BURST_UP = "burst-up"
    """A burst serves: the first of its hosts joined the lead."""
    BURST_FAILED = "burst-failed"
    BURST_GONE = "burst-gone"
    POOL_CLOSED = "pool-closed"
    """By hand, after too many bursts that never joined, or until a person mends what failed."""
    POOL_OPEN = "pool-open"
    CAP_REACHED = "cap-reached"
    """A job, or an order, waits for a limit or a cap in dollars: once a day for each of them."""
    MACHINE_RECLAIMED = "machine-reclaimed"
    LEAD_LOST = "lead-lost"
    LEAD_BACK = "lead-back"
    SPEND_UNKNOWN = "spend-unknown"
    PAUSED = "paused"
    RESUMED = "resumed"


TEST = "test"
"""What `burstd notify --test` tells: nothing happened."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told. `dollars` None: no price is known, or it is not about money.

    `jobs` and `users` (user ids) are whom it is about: they leave burstd only where that was allowed.
    """

    event: str
    at: float
    owner: str
    sentence: str
    pool: str = ""
    burst: str = ""
    hosts: tuple[str, ...] = ()
    dollars: float | None = None
    jobs: tuple[int, ...] = ()
    users: tuple[int, ...] = ()

    def document(self, *, jobs: bool) -> dict[str, Any]:
        """Return it as what JSON can hold; `jobs`: with the jobs and users that it is about."""
        plain: dict[str, Any] = {
            "event": str(self.event),
            "at": round(self.at, 3),
            "owner": self.owner,
            "pool": self.pool,
            "burst": self.burst,
            "hosts": list(self.hosts),
            "dollars": None if self.dollars is None else round(self.dollars, 2),
            "sentence": printable(self.sentence),
        }
        named = {"jobs": [f58(job) for job in self.jobs], "users": list(self.users)}
        return plain | named if jobs else plain


@dataclass(frozen=True, slots=True)
class Told:
    """What was told and still holds, so that it is told once: kept in the ledger over restarts.

    `days` has the day on which was told what is told once a day (seconds since the epoch).
    """

    closed: tuple[str, ...] = ()
    paused: bool = False
    spend_unknown: bool = False
    days: tuple[tuple[str, float], ...] = ()

    def text(self) -> str:
        """Return it for the ledger."""
        return json.dumps([self.closed, self.paused, self.spend_unknown, self.days])

    @classmethod
    def read(cls, text: str | None) -> Told:
        """Return what a text of `text` says; nothing was told where it says nothing."""
        try:
            closed, paused, unknown, days = json.loads(text or "")
            once = tuple((str(what), float(day)) for what, day in days)
            return cls(tuple(map(str, closed)), bool(paused), bool(unknown), once)
        except (ValueError, TypeError):
            return cls()

    def today(self, now: float) -> frozenset[str]:
        """Return what was told today and is told once a day."""
        return frozenset(what for what, day in self.days if day == day_of(now))

    def once_today(self, what: Iterable[str], now: float) -> Told:
        """Return this with more that was told today; what was told on other days is forgotten."""
        told = self.today(now) | frozenset(what)
        return replace(self, days=tuple((one, day_of(now)) for one in sorted(told)))


def of_burst(before: Burst | None, after: Burst, owner: str, now: float) -> Iterator[Notice]:
    """Yield what a changed record tells; one that was found, and not made, tells nothing."""
    if before is None:
        return
    users = tuple(sorted({userid for userid, _ in after.payers}))
    about = Notice("", now, owner, "", after.pool, after.name, users=users)
    if after.phase is Phase.SERVING and after.served and not before.served:
        yield replace(about, event=Event.BURST_UP, sentence=f"{after.name} serves with {_hosts(after)}.")
    if after.failure is not None and before.failure is None:
        yield replace(about, event=Event.BURST_FAILED, sentence=_failed(after))
    taken = tuple(host for host in after.reclaimed if host not in before.reclaimed)
    if taken:
        yield replace(about, event=Event.MACHINE_RECLAIMED, sentence=_reclaimed(after, taken), hosts=taken)
    if after.phase is Phase.GONE and before.phase is not Phase.GONE and not came_to_nothing(after):
        dollars = _dollars(after, now)
        yield replace(about, event=Event.BURST_GONE, sentence=_gone(after, dollars), dollars=dollars)


def of_state(
    told: Told, snapshot: Snapshot, policy: Policy, waits: Iterable[tuple[int, Reason]], now: float
) -> tuple[Told, tuple[Notice, ...]]:
    """Return what has been told after this, and what is to be told now: what changed since `told`.

    `waits` has the reason of each job that waits, and those of orders by hand under the job 0.
    """
    closed = dict(_closed(snapshot, policy, now))
    caps, today = _caps(waits), told.today(now)
    notices = (
        *_of_pools(told, closed, policy, now),
        *_by_hand(told, snapshot.by_hand, policy.owner, now),
        *(_capped(cap, snapshot, policy.owner, now) for name, cap in caps.items() if name not in today),
    )
    kept = {name for name in told.closed if policy.pool(name) is None}
    days, by_hand = told.once_today(caps, now).days, snapshot.by_hand
    return Told(tuple(sorted(closed.keys() | kept)), by_hand.paused, by_hand.spend_unknown, days), notices


def came_to_nothing(burst: Burst) -> bool:
    """Say whether the provider had no room, so that nothing was ever there: it is tried again and again."""
    return burst.failure is not None and bool(burst.failure.offer) and not burst.served


def lack(burst: Burst) -> str:
    """Return what of the provider's lack of room is told once a day; "": the burst has another fate."""
    offer = burst.failure.offer if burst.failure is not None else ""
    return f"no room in {burst.pool} for {offer}" if offer else ""


def lead_lost(owner: str, seconds: float, now: float) -> Notice:
    """Tell that the lead does not answer."""
    text = f"The lead has not answered for {seconds:.0f} seconds; burstd waits for it and changes nothing."
    return Notice(Event.LEAD_LOST, now, owner, text)


def lead_back(owner: str, seconds: float, now: float) -> Notice:
    """Tell that the lead answers again."""
    return Notice(Event.LEAD_BACK, now, owner, f"The lead answers again, after {seconds:.0f} seconds.")


def trial(owner: str, now: float) -> Notice:
    """Return what is told to see whether telling works."""
    return Notice(TEST, now, owner, f"A test of the notifications of burstd {owner}: nothing happened.")


def _hosts(burst: Burst) -> str:
    return "1 host" if burst.size == 1 else f"{burst.size} hosts"


def _failed(burst: Burst) -> str:
    text = burst.failure.text if burst.failure else ""
    return f"{burst.name} failed and is taken away: {text}"


def _reclaimed(burst: Burst, hosts: tuple[str, ...]) -> str:
    names = ", ".join(hosts)
    return f"{burst.name}: the cloud takes back {names}; burstd drains what is left, and jobs there may fail."


def _gone(burst: Burst, dollars: float | None) -> str:
    if dollars is None:
        return f"{burst.name} is gone, verified."
    return f"{burst.name} is gone, verified; it has cost {dollars:.2f} dollars, by burstd's estimate."


def _dollars(burst: Burst, now: float) -> float | None:
    return cost(burst, now) if burst.cost_per_hour or burst.cluster_cost_per_hour else None


def _closed(snapshot: Snapshot, policy: Policy, now: float) -> Iterator[tuple[str, Reason]]:
    """Yield the pools that are closed, each with why, whatever else keeps burstd from using them."""
    alone = replace(snapshot, by_hand=ByHand(closed=snapshot.by_hand.closed))
    for pool in policy.pools:
        reason = obstacle(pool, alone, policy, now)
        if reason is not None and reason.code in (Code.POOL_CLOSED, Code.POOL_FAILED):
            yield pool.name, reason


def _of_pools(told: Told, closed: Mapping[str, Reason], policy: Policy, now: float) -> Iterator[Notice]:
    for pool in policy.pools:
        if pool.name in closed and pool.name not in told.closed:
            yield _about(pool, Event.POOL_CLOSED, closed[pool.name].sentence, policy.owner, now)
        if pool.name in told.closed and pool.name not in closed:
            yield _about(pool, Event.POOL_OPEN, f"Pool {pool.name} is open again.", policy.owner, now)


def _about(pool: Pool, event: Event, sentence: str, owner: str, now: float) -> Notice:
    return Notice(event, now, owner, sentence, pool.name)


def _by_hand(told: Told, orders: ByHand, owner: str, now: float) -> Iterator[Notice]:
    if orders.paused and not told.paused:
        yield Notice(Event.PAUSED, now, owner, Reason(Code.PAUSED).sentence)
    if orders.spend_unknown and not told.spend_unknown:
        yield Notice(Event.SPEND_UNKNOWN, now, owner, Reason(Code.SPEND_UNKNOWN).sentence)
    stopped, stops = told.paused or told.spend_unknown, orders.paused or orders.spend_unknown
    if stopped and not stops:
        yield Notice(Event.RESUMED, now, owner, "burstd makes hosts appear again: it was resumed by hand.")


@dataclass(frozen=True, slots=True)
class _Cap:
    """A cap that stands in the way: in which words, and of which jobs (none: of an order by hand)."""

    reason: Reason
    jobs: tuple[int, ...]


def _caps(waits: Iterable[tuple[int, Reason]]) -> dict[str, _Cap]:
    """Return what stands in the way by the name of the cap, which is how a reason's detail begins."""
    found: dict[str, tuple[Reason, list[int]]] = {}
    for job, reason in waits:
        if reason.code in (Code.LIMIT_REACHED, Code.OVER_BUDGET):
            _, jobs = found.setdefault(reason.detail.partition(" is ")[0], (reason, []))
            jobs += [job] if job else []
    return {name: _Cap(reason, tuple(jobs)) for name, (reason, jobs) in found.items()}


def _capped(cap: _Cap, snapshot: Snapshot, owner: str, now: float) -> Notice:
    jobs = frozenset(cap.jobs)
    users = tuple(sorted({job.userid for job in snapshot.jobs if job.id in jobs}))
    who = {0: "an order by hand waits", 1: "1 job waits"}.get(len(cap.jobs), f"{len(cap.jobs)} jobs wait")
    sentence = replace(cap.reason, warning="").sentence
    return Notice(
        Event.CAP_REACHED, now, owner, f"{sentence.rstrip('.')}: {who}.", jobs=cap.jobs, users=users
    )
