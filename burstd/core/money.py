"""What bursts cost: dollars by the prices in the configuration, from each burst's own record. Pure.

An estimate: a cloud bills by its own clock and its own prices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from burstd.core.model import Burst, Phase, Pool, Span, Verb

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86400.0

RELEASE_SECONDS = 600.0
"""How long a site may cost beyond its lifetime, while it is taken away."""


def metered(before: Burst | None, after: Burst, pool: Pool | None) -> Burst:
    """Return the record with what it costs: its prices when it began, a span for each size, its end."""
    if not after.spans:
        after = _priced(after, pool)
    elif before is not None and after.size != before.size:
        # a burst that grows while it is only planned was never resized
        since = max(after.resized, after.spans[-1].at)
        after = replace(after, spans=(*after.spans, Span(since, after.size)))
    if after.phase is Phase.GONE and after.ended is None:
        after = replace(after, ended=_end(after))
    return after


def day_of(moment: float) -> float:
    """Return when the day began, UTC, in which a moment is."""
    return moment // DAY_SECONDS * DAY_SECONDS


def rate(burst: Burst) -> float:
    """Return the dollars an hour that a burst costs with the size that it is to have."""
    if burst.phase is Phase.GONE:
        return 0.0
    return _rate(burst, burst.size)


def cost(burst: Burst, now: float, since: float = 0.0) -> float:
    """Return the dollars that a burst has cost until `now`, of these what it cost after `since`."""
    return sum(
        (max(end, since) - max(begin, since)) / HOUR_SECONDS * _rate(burst, hosts)
        for begin, end, hosts in _stretches(burst, now)
        if end > since
    )


def settled_cost(burst: Burst, now: float) -> float:
    """Return the dollars that a burst has cost, but none that its record may take back later.

    What was taken away counts until the call for it was done, and that is only known for good afterwards. So
    from such a call on nothing more is counted, until it is known: the number never becomes less.
    """
    return cost(burst, min(now, _surely_until(burst)))


def reserved(burst: Burst, now: float) -> float:
    """Return the dollars that a burst may still cost: up to the end of its lifetime and of its release."""
    if burst.phase is Phase.GONE:
        return 0.0
    if burst.lifetime_seconds is None:
        return float("inf") if rate(burst) else 0.0
    end = burst.created + burst.lifetime_seconds + RELEASE_SECONDS
    return max(end - now, RELEASE_SECONDS) / HOUR_SECONDS * rate(burst)


def shares(burst: Burst) -> Mapping[int, float]:
    """Return which part of a burst counts for which user: for whose jobs its hosts were asked for."""
    total = sum(hosts for _, hosts in burst.payers)
    counted: Counter[int] = Counter()
    for userid, hosts in burst.payers:
        counted[userid] += hosts
    return {userid: hosts / total for userid, hosts in counted.items()} if total else {}


def host_hours(burst: Burst, now: float, since: float = 0.0) -> float:
    """Return the hours of hosts that a burst has had, of these what it had after `since`."""
    hours = ((max(end, since) - max(begin, since)) * hosts for begin, end, hosts in _stretches(burst, now))
    return sum(hours) / HOUR_SECONDS


def total(bursts: Iterable[Burst], now: float, since: float = 0.0) -> float:
    """Return the dollars that bursts have cost together."""
    return sum(cost(burst, now, since) for burst in bursts)


def _priced(burst: Burst, pool: Pool | None) -> Burst:
    spans = (Span(burst.created, burst.size),)
    if pool is None:
        return replace(burst, spans=spans)
    return replace(
        burst,
        spans=spans,
        cost_per_hour=pool.cost_per_hour,
        cluster_cost_per_hour=pool.cluster_cost_per_hour,
        lifetime_seconds=pool.max_lifetime_seconds,
        spec=burst.spec or pool.spec,
    )


def _end(burst: Burst) -> float:
    """A site costs until its removal was done, which two listings have verified since."""
    removed = burst.outcome is not None and burst.outcome.verb is Verb.REMOVE
    return burst.outcome.at if removed and burst.outcome is not None else burst.since


def _surely_until(burst: Burst) -> float:
    outcome = burst.outcome
    if outcome is None or outcome.failure is not None:
        return float("inf")
    removed = outcome.verb is Verb.REMOVE
    shrunk = outcome.verb is Verb.RESIZE and burst.keep is not None and outcome.at > burst.resized
    return outcome.at if removed or shrunk else float("inf")


def _rate(burst: Burst, hosts: int) -> float:
    return burst.cluster_cost_per_hour + hosts * burst.cost_per_hour


def _stretches(burst: Burst, now: float) -> Iterator[tuple[float, float, int]]:
    """Yield the stretches of time in which the burst had one size: begin, end, hosts."""
    last = now if burst.ended is None else min(burst.ended, now)
    ends = [*(span.at for span in burst.spans[1:]), last]
    for span, end in zip(burst.spans, ends, strict=False):  # without a span there is no end either
        if min(end, last) > span.at:
            yield span.at, min(end, last), span.hosts
