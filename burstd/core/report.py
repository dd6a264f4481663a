"""What was spent, for people: a row for each burst, job, user or pool, an estimate. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from burstd.core.jobid import f58
from burstd.core.model import Burst
from burstd.core.money import HOUR_SECONDS, cost, host_hours, shares


class By(StrEnum):
    """What a row of the report is about."""

    BURST = "burst"
    JOB = "job"
    USER = "user"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Use:
    """A job on hosts of a burst. `ended` is None while it is there."""

    burst: str
    job: int
    userid: int
    hosts: int
    begun: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line: whom or what it is about, hours of hosts, dollars (None: no price is known), what else."""

    name: str
    host_hours: float
    dollars: float | None
    note: str = ""


NO_JOB = "(no job)"
"""The row of a report by job for what no job used: coming up, waiting, going, and the sites themselves."""

NOBODY = "(nobody)"
"""The row of a report by user for bursts that were found without a record of who asked for them."""


def rows(by: By, bursts: Iterable[Burst], uses: Iterable[Use], now: float, since: float = 0.0) -> list[Row]:
    """Return the report on what was spent after `since` (seconds since the epoch), most dollars first."""
    costing = [burst for burst in bursts if (burst.ended or now) > since]
    names = {burst.name for burst in costing}
    used = [use for use in uses if use.burst in names and (use.ended or now) > since]
    match by:
        case By.BURST:
            found = [_burst_row(burst, now, since) for burst in costing]
        case By.POOL:
            found = _summed((burst.pool, 1.0, burst) for burst in costing)(now, since)
        case By.USER:
            found = _summed(_by_user(costing))(now, since)
        case By.JOB:
            found = list(_job_rows(costing, used, now, since))
    return sorted(found, key=lambda row: (-(row.dollars or 0.0), row.name))


def total(found: Sequence[Row]) -> Row:
    """Return the sum of rows."""
    return Row("total", sum(row.host_hours for row in found), _sum(row.dollars for row in found))


def _burst_row(burst: Burst, now: float, since: float) -> Row:
    return Row(burst.name, host_hours(burst, now, since), _dollars(burst, now, since), _note(burst))


def _note(burst: Burst) -> str:
    notes = [f"reclaimed by the cloud: {', '.join(burst.reclaimed)}"] if burst.reclaimed else []
    notes += [f"failed: {burst.failure.text}"] if burst.failure else []
    return "; ".join(notes)


def _by_user(bursts: Iterable[Burst]) -> Iterator[tuple[str, float, Burst]]:
    for burst in bursts:
        parts = shares(burst)
        yield from ((str(userid), part, burst) for userid, part in parts.items())
        if not parts:
            yield NOBODY, 1.0, burst


def _summed(parts: Iterable[tuple[str, float, Burst]]) -> Callable[[float, float], list[Row]]:
    listed = list(parts)

    def summed(now: float, since: float) -> list[Row]:
        names = dict.fromkeys(name for name, _, _ in listed)
        return [_sum_row(name, listed, now, since) for name in names]

    return summed


def _sum_row(name: str, parts: Sequence[tuple[str, float, Burst]], now: float, since: float) -> Row:
    mine = [(part, burst) for key, part, burst in parts if key == name]
    hours = sum(part * host_hours(burst, now, since) for part, burst in mine)
    dollars = [(part, _dollars(burst, now, since)) for part, burst in mine]
    return Row(name, hours, _sum(None if one is None else part * one for part, one in dollars))


def _job_rows(bursts: Sequence[Burst], uses: Sequence[Use], now: float, since: float) -> Iterator[Row]:
    prices = {burst.name: burst.cost_per_hour for burst in bursts}
    jobs = dict.fromkeys(use.job for use in uses)
    found = []
    for job in jobs:
        mine = [use for use in uses if use.job == job]
        hours = [(use, _hours(use, now, since)) for use in mine]
        dollars = _sum(prices[use.burst] * hour if prices[use.burst] else None for use, hour in hours)
        found.append(Row(f58(job), sum(hour for _, hour in hours), dollars, f"uid {mine[0].userid}"))
    yield from found
    rest = sum(host_hours(burst, now, since) for burst in bursts) - sum(row.host_hours for row in found)
    spent = _sum(_dollars(burst, now, since) for burst in bursts)
    if bursts:
        left = None if spent is None else spent - sum(row.dollars or 0.0 for row in found)
        yield Row(NO_JOB, max(rest, 0.0), left, "coming up, waiting, going, and the sites themselves")


def _hours(use: Use, now: float, since: float) -> float:
    return max((use.ended or now) - max(use.begun, since), 0.0) * use.hosts / HOUR_SECONDS


def _dollars(burst: Burst, now: float, since: float) -> float | None:
    priced = burst.cost_per_hour or burst.cluster_cost_per_hour
    return cost(burst, now, since) if priced else None


def _sum(dollars: Iterable[float | None]) -> float | None:
    known = [one for one in dollars if one is not None]
    return sum(known) if known else None
