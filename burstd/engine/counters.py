"""The metrics that count while burstd runs: counters, histograms, and when things last happened."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from burstd import __version__
from burstd.core.model import Verb
from burstd.core.readings import PHASES

DONE, FAILED, NOT_SENT = "done", "failed", "not-sent"
OUTCOMES = (DONE, FAILED, NOT_SENT)

TICK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
PHASE_BUCKETS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200)


class Counters:
    """All of them, in one registry of their own. Every series is there from the start, with 0."""

    def __init__(self, registry: CollectorRegistry, pools: Iterable[str], flux: str) -> None:
        """Make them for these pools; `flux` is the lead's version."""
        self._add_process(registry)
        self._add_loop(registry)
        self._add_calls(registry)
        self._add_bursts(registry)
        self.build_info.labels(__version__, platform.python_version(), flux).set(1)
        self._begin(tuple(pools))

    def _add_process(self, registry: CollectorRegistry) -> None:
        self.build_info = Gauge(
            "burstd_build_info",
            "1, with the versions of burstd, its Python and the lead's Flux.",
            ("version", "python", "flux"),
            registry=registry,
        )
        self.start_time = Gauge(
            "burstd_start_time_seconds",
            "When burstd began to serve, in seconds since the epoch.",
            registry=registry,
        )
        self.lead_connected = Gauge(
            "burstd_lead_connected", "1 while the lead answers, else 0.", registry=registry
        )
        self.lead_losses = Counter(
            "burstd_lead_losses_total", "Times that the lead no longer answered.", registry=registry
        )

    def _add_loop(self, registry: CollectorRegistry) -> None:
        self.turns = Counter(
            "burstd_turns_total",
            "Turns of the main loop, each begun by an event or by time.",
            registry=registry,
        )
        self.last_turn = Gauge(
            "burstd_last_turn_timestamp_seconds",
            "When the main loop last ended a turn, in seconds since the epoch.",
            registry=registry,
        )
        self.last_tick = Gauge(
            "burstd_last_tick_timestamp_seconds",
            "When a turn last saw the lead whole and planned, in seconds since the epoch.",
            registry=registry,
        )
        self.tick_seconds = Histogram(
            "burstd_tick_seconds",
            "Seconds from seeing the lead to having started what follows.",
            buckets=TICK_BUCKETS,
            registry=registry,
        )
        self.ledger_write_seconds = Histogram(
            "burstd_ledger_write_seconds",
            "Seconds until a write of the ledger was on the disk.",
            buckets=TICK_BUCKETS,
            registry=registry,
        )

    def _add_calls(self, registry: CollectorRegistry) -> None:
        self.effects = Counter(
            "burstd_effects_total",
            "Effects that ended: done, failed, or not sent since burstd had lost its turn or stopped.",
            ("effect", "outcome"),
            registry=registry,
        )
        self.listings = Counter(
            "burstd_listings_total",
            "Listings of what providers have.",
            ("pool", "outcome"),
            registry=registry,
        )
        self.last_listing = Gauge(
            "burstd_last_listing_timestamp_seconds",
            "When the last listing that succeeded was begun, in seconds since the epoch; 0 for none.",
            ("pool",),
            registry=registry,
        )

    def _add_bursts(self, registry: CollectorRegistry) -> None:
        self.bursts_planned = Counter(
            "burstd_bursts_planned_total", "Bursts that were planned.", ("pool",), registry=registry
        )
        self.bursts_failed = Counter(
            "burstd_bursts_failed_total", "Bursts that failed.", ("pool",), registry=registry
        )
        self.hosts_reclaimed = Counter(
            "burstd_hosts_reclaimed_total",
            "Hosts whose machine the cloud took back.",
            ("pool",),
            registry=registry,
        )
        self.phase_seconds = Histogram(
            "burstd_phase_seconds",
            "Seconds that bursts were in a phase, told when they leave it.",
            ("pool", "phase"),
            buckets=PHASE_BUCKETS,
            registry=registry,
        )
        self.startup_seconds = Histogram(
            "burstd_startup_seconds",
            "Seconds from a burst's plan until its first host had joined.",
            ("pool",),
            buckets=PHASE_BUCKETS,
            registry=registry,
        )

    def _begin(self, pools: tuple[str, ...]) -> None:
        """Make every series that is known beforehand: what appears with its first event has no rate."""
        _begin(self.effects, product(Verb, OUTCOMES))
        _begin(self.listings, product(pools, (DONE, FAILED)))
        _begin(self.phase_seconds, product(pools, PHASES))
        for metric in (
            self.last_listing,
            self.bursts_planned,
            self.bursts_failed,
            self.hosts_reclaimed,
            self.startup_seconds,
        ):
            _begin(metric, product(pools))


def _begin(metric: MetricWrapperBase, labels: Iterable[tuple[str, ...]]) -> None:
    for values in labels:
        metric.labels(*values)
