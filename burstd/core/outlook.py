"""What comes next where a job was refused or is about to be served, and when: estimates. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from burstd.core.budget import next_day
from burstd.core.lifecycle import RISING, deadlines
from burstd.core.model import Burst, Phase, Policy, Snapshot
from burstd.core.patience import patience
from burstd.core.reasons import Code, Reason


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes next, and estimates of when, in epoch seconds; None: not known.

    Not before `earliest`, by `latest` at the latest, and `about` then if it goes as it went before.
    """

    text: str
    earliest: float | None = None
    about: float | None = None
    latest: float | None = None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What the outlook is drawn from; `bursts` are as the plan has them."""

    snapshot: Snapshot
    policy: Policy
    bursts: tuple[Burst, ...]
    now: float

    def living(self, pool: str) -> Burst | None:
        """Return the pool's newest burst that is not gone."""
        mine = (one for one in self.bursts if one.pool == pool and one.phase is not Phase.GONE)
        return max(mine, key=lambda burst: burst.generation, default=None)

    def named(self, text: str) -> list[Burst]:
        """Return the bursts that a text names."""
        words = set(re.split(r"[\s,:]+", text))
        return [burst for burst in self.bursts if burst.name in words]


def outlook(reason: Reason, pool: str, prospect: Prospect) -> Outlook:
    """Return what comes next after a reason; `pool` is whose it is, "" where it is no pool's own."""
    found = _DRAWN.get(reason.code)
    return found(reason, pool, prospect) if found else Outlook(_TEXTS[reason.code])


def _coming(reason: Reason, _pool: str, prospect: Prospect) -> Outlook:
    rises = [_rise(burst, prospect) for burst in prospect.named(reason.detail)]
    text = "Once they have joined the lead, the scheduler starts it."
    abouts, latests = [one.about for one in rises], [one.latest for one in rises]
    return Outlook(text, about=_last(abouts), latest=_last(latests))


def _in_flight(_reason: Reason, pool: str, prospect: Prospect) -> Outlook:
    burst = prospect.living(pool)
    text = "Once that burst serves, more hosts are asked for."
    rise = _rise(burst, prospect) if burst is not None else Outlook("")
    return Outlook(text, about=rise.about, latest=rise.latest)


def _rise(burst: Burst, prospect: Prospect) -> Outlook:
    """Estimate when a burst serves, or has all of its hosts; by `latest` it has failed if it does not."""
    pool = prospect.policy.pool(burst.pool)
    if pool is None:
        return Outlook("")
    if burst.phase is Phase.SERVING:
        return Outlook("", latest=max(burst.since, burst.resized) + pool.join_seconds)
    if burst.phase not in RISING:
        return Outlook("")
    rest = RISING[RISING.index(burst.phase) :]
    latest = burst.since + sum(patience(phase, pool) for phase in rest)
    seconds = dict(prospect.snapshot.starts).get(pool.name)
    usual = None if seconds is None else burst.created + seconds
    return Outlook("", about=min(usual, latest) if usual and usual > prospect.now else None, latest=latest)


def _last(moments: Iterable[float | None]) -> float | None:
    """Return when the last of them is there; None where one is not known."""
    found = list(moments)
    known = [one for one in found if one is not None]
    return max(known) if known and len(known) == len(found) else None


def _going(_reason: Reason, pool: str, prospect: Prospect) -> Outlook:
    """Say by when the burst's jobs must have ended; how long it takes to be verified gone is not known."""
    burst = prospect.living(pool)
    if burst is None or burst.phase is not Phase.DRAINING:
        return Outlook("Once its burst is verified gone, the next one may begin.")
    ends = deadlines(burst, prospect.policy.pool(pool))
    text = "Its burst is removed once its jobs have ended; after that the next one may begin."
    return Outlook(text, latest=min(ends, default=None))


def _resting(reason: Reason, pool: str, prospect: Prospect) -> Outlook:
    cooldown = next((one for one in prospect.snapshot.cooldowns if one.pool == pool), None)
    if prospect.snapshot.by_hand.closing(pool) is not None or cooldown is None or cooldown.until is None:
        return Outlook(_TEXTS[reason.code])
    return Outlook("After that pause it is tried again.", earliest=cooldown.until)


def _limited(_reason: Reason, _pool: str, prospect: Prospect) -> Outlook:
    paid = {pool.name for pool in prospect.policy.pools if pool.paid}
    living = [burst.name for burst in prospect.bursts if burst.pool in paid and burst.phase is not Phase.GONE]
    names = ", ".join(living)
    return Outlook(f"A burst of a paid pool must be gone first{f' ({names})' if names else ''}.")


def _over_budget(_reason: Reason, _pool: str, prospect: Prospect) -> Outlook:
    text = "Once bursts have ended, or the caps of the next day begin to count, it may be affordable."
    return Outlook(text, about=next_day(prospect.now) if _has_day(prospect) else None)


def _has_day(prospect: Prospect) -> bool:
    caps = prospect.policy.caps
    days = (caps.dollars_per_day, caps.dollars_per_user_day)
    return any(cap is not None for cap in (*days, *(pool.dollars_per_day for pool in prospect.policy.pools)))


def _busy(_reason: Reason, pool: str, prospect: Prospect) -> Outlook:
    declared = prospect.policy.pool(pool)
    ranks = set(declared.ranks) if declared else set()
    jobs = {job for host in prospect.snapshot.hosts if host.rank in ranks for job in host.jobs}
    running = "1 job runs" if len(jobs) == 1 else f"{len(jobs)} jobs run"
    return Outlook(f"It is served once there is room again; {running} there now.")


_Drawn = Callable[[Reason, str, Prospect], Outlook]

_DRAWN: Mapping[Code, _Drawn] = {
    Code.HOSTS_COMING: _coming,
    Code.BURST_IN_FLIGHT: _in_flight,
    Code.POOL_BUSY: _busy,
    Code.POOL_RELEASING: _going,
    Code.POOL_COOLDOWN: _resting,
    Code.NO_ROOM: _resting,
    Code.POOL_CLOSED: _resting,
    Code.LIMIT_REACHED: _limited,
    Code.OVER_BUDGET: _over_budget,
}

_NEVER = "As it is it never runs there: only"

_TEXTS: Mapping[Code, str] = {
    Code.STARTING: "The scheduler starts it; burstd asks it to look again if it does not.",
    Code.MOVING: "Once it is in that queue, hosts are made for it.",
    Code.POOL_UNSEEN: "The sites are asked for again and again.",
    Code.POOL_COOLDOWN: "It is tried again.",
    Code.NO_ROOM: "It is tried again.",
    Code.POOL_FAILED: "Nothing happens there before a person has mended it.",
    Code.HOSTS_DRAINED: "Somebody must undrain them: `flux resource undrain`.",
    Code.POOL_CLOSED: "Nothing happens there before a person opens it.",
    Code.SPEND_UNKNOWN: "Nothing is bought before `burstd resume`.",
    Code.PAUSED: "Nothing is made before `burstd resume`.",
    Code.NOT_OWNER: "Only the configuration can change that.",
    Code.TOO_LARGE: f"{_NEVER} with a smaller request.",
    Code.SHAPE_MISMATCH: f"{_NEVER} with a smaller request for each host.",
    Code.CONSTRAINT_MISMATCH: f"{_NEVER} with another constraint or queue.",
    Code.UNKNOWN_TARGET: "As it is it never runs: only with the name of a pool or provider that there is.",
    Code.BAD_BURSTABLE: "As it is it never runs: only with a value that is understood.",
    Code.HELD: "It counts again once its urgency is above 0: `flux job urgency JOBID default`.",
}
