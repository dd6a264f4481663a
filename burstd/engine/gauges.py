"""The gauges: what each is called, and from which readings it is made when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from burstd.core import readings
from burstd.core.readings import Read, Readings, View

PREFIX = "burstd_"

SPEND_HELP = "Dollars that bursts have cost since the ledger was begun, by burstd's estimate."


@dataclass(frozen=True, slots=True)
class Gauge:
    """One gauge. `help` is a sentence, with the unit where there is one."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Read


GAUGES = (
    Gauge("bursts", "Bursts that are not gone.", ("pool", "phase"), readings.bursts),
    Gauge("burst_age_seconds", "Seconds since the oldest burst was planned.", ("pool",), readings.ages),
    Gauge(
        "burst_lifetime_seconds",
        "Seconds that a burst may live, +Inf where it has no limit.",
        ("pool",),
        readings.lifetimes,
    ),
    Gauge("hosts", "Declared hosts, each in one state.", ("pool", "state"), readings.hosts),
    Gauge("pool_state", "1 for the state of the pool, else 0.", ("pool", "state"), readings.pool_states),
    Gauge("jobs_running", "Jobs that run on hosts of the pool.", ("pool",), readings.jobs_running),
    Gauge("jobs_waiting", "Burstable jobs that wait.", ("reason",), readings.jobs_waiting),
    Gauge(
        "job_wait_seconds",
        "Seconds since the oldest of the jobs that wait for the reason was submitted, 0 where none waits.",
        ("reason",),
        readings.waits,
    ),
    Gauge("jobs_held", "Jobs that burstd holds at urgency 0.", (), readings.jobs_held),
    Gauge(
        "effects_in_flight",
        "Bursts, jobs and queues on which an effect is under way, or that rest after one that failed.",
        (),
        readings.effects_in_flight,
    ),
    Gauge("paused", "1 while burstd is paused by hand, else 0.", (), readings.paused),
    Gauge(
        "spend_unknown",
        "1 while nothing is bought, since what was spent today is not known; else 0.",
        (),
        readings.spend_unknown,
    ),
    Gauge(
        "spend_today_dollars",
        "Dollars that bursts have cost since the day began, UTC.",
        ("pool",),
        readings.spent_today,
    ),
    Gauge(
        "spend_reserved_dollars",
        "Dollars that living bursts may still cost until their lifetime is over.",
        ("pool",),
        readings.reserves,
    ),
    Gauge("spend_hourly_dollars", "Dollars that living bursts cost in an hour.", ("pool",), readings.rates),
    Gauge(
        "cap_dollars",
        "Dollars that all bursts together may cost in the span, +Inf where there is no cap.",
        ("span",),
        readings.caps,
    ),
    Gauge(
        "pool_cap_dollars",
        "Dollars that bursts of the pool may cost in a day, UTC, +Inf where there is no cap.",
        ("pool",),
        readings.pool_caps,
    ),
)


class Gauges(Collector):
    """Reads all of them from one view at a time, so that what is scraped together fits together."""

    def __init__(self, view: Callable[[], View], bill: Callable[[View], Readings]) -> None:
        self._view = view
        self._bill = bill

    def collect(self) -> Iterator[Metric]:
        """Yield each with its samples."""
        view = self._view()
        for gauge in GAUGES:
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.help, labels=gauge.labels)
            yield _filled(family, gauge.read(view))
        spend = CounterMetricFamily(f"{PREFIX}spend_dollars", SPEND_HELP, labels=("pool",))
        yield _filled(spend, self._bill(view))


def _filled(family: GaugeMetricFamily | CounterMetricFamily, readings: Readings) -> Metric:
    for values, number in readings.items():
        family.add_metric(values, number)
    return family
