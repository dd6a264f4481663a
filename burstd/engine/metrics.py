"""What burstd tells Prometheus: a witness that counts, and a text that any thread may ask for.

The main loop only keeps what it is told and counts; what takes time with many jobs is done by whoever asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest

from burstd.core.model import Burst, Phase, Policy, Snapshot
from burstd.core.money import day_of
from burstd.core.readings import Readings, View
from burstd.engine.bill import Bill, dollars
from burstd.engine.counters import DONE, FAILED, NOT_SENT, Counters
from burstd.engine.daemon import Daemon
from burstd.engine.desk import Sight
from burstd.engine.effects import Ended
from burstd.engine.gauges import Gauges
from burstd.engine.ledger import Ledger
from burstd.engine.observer import Seen
from burstd.engine.questions import Question
from burstd.engine.witness import Tick, Witness


@dataclass(frozen=True, slots=True)
class _Known:
    """What held at the end of a turn, all of it together: what was spent by bursts that are gone, too."""

    snapshot: Snapshot
    gone: Mapping[str, tuple[float, ...]]


class Metrics(Witness):
    """Told by the main loop; `exposition` may be called from any thread."""

    def __init__(
        self, policy: Policy, ledger: Ledger, flux: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Begin with what the ledger holds; `flux` is the lead's version."""
        now = clock()
        self._clock = clock
        self._policy = policy
        self._pools = tuple(pool.name for pool in policy.pools)
        self._bill = Bill(ledger.past(0.0))
        self._known = _Known(_in_ledger(ledger, policy, now), self._bill.gone)
        self._tick: Tick | None = None
        self._billed: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()
        # the time at which a series began, for each series once more, tells nobody anything here
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._counters = Counters(self.registry, self._pools, flux)
        self._counters.start_time.set(now)
        self._counters.lead_connected.set(1)
        self.registry.register(Gauges(self._view, self._bills))
        ProcessCollector("burstd", registry=self.registry)

    def exposition(self) -> bytes:
        """Return all metrics as text, in Prometheus' format 0.0.4."""
        with self._lock:
            return generate_latest(self.registry)

    def answer(self, _: Question, __: Sight) -> Mapping[str, Any]:
        """Answer the question `metrics`."""
        return {"text": self.exposition().decode()}

    def recorded(self, before: Burst | None, burst: Burst, now: float) -> None:
        self._bill.note(burst)
        if before is None:
            if burst.phase is Phase.PLANNED:
                self._counters.bursts_planned.labels(burst.pool).inc()
            return
        if before.phase is not burst.phase:
            spent = max(now - before.since, 0.0)
            self._counters.phase_seconds.labels(burst.pool, before.phase).observe(spent)
        if burst.served and not before.served:
            self._counters.startup_seconds.labels(burst.pool).observe(max(now - burst.created, 0.0))
        if burst.failure is not None and before.failure is None:
            self._counters.bursts_failed.labels(burst.pool).inc()
        taken = len(burst.reclaimed) - len(before.reclaimed)
        self._counters.hosts_reclaimed.labels(burst.pool).inc(max(taken, 0))

    def ended(self, one: Ended) -> None:
        outcome = NOT_SENT if not one.sent else DONE if one.outcome.failure is None else FAILED
        self._counters.effects.labels(one.action.verb, outcome).inc()

    def ticked(self, tick: Tick) -> None:
        self._tick = tick
        self._counters.tick_seconds.observe(tick.seconds)
        self._counters.last_tick.set(tick.at)

    def met(self, lead_answers: bool) -> None:
        self._counters.lead_connected.set(lead_answers)
        self._counters.lead_losses.inc(not lead_answers)

    def listed(self, seen: Seen) -> None:
        self._counters.listings.labels(seen.pool, FAILED if seen.listing is None else DONE).inc()
        if seen.listing is not None:
            self._counters.last_listing.labels(seen.pool).set(seen.begun)

    def turned(self, known: Snapshot) -> None:
        self._known = _Known(known, self._bill.gone)
        self._counters.turns.inc()
        self._counters.last_turn.set(self._clock())

    def wrote(self, seconds: float) -> None:
        """A write of the ledger is on the disk."""
        self._counters.ledger_write_seconds.observe(seconds)

    def _view(self) -> View:
        known, tick = self._known.snapshot, self._tick
        if tick is None:
            return View(self._pools, self._policy, known, (), self._clock())
        seen = tick.snapshot
        snapshot = replace(known, hosts=seen.hosts, jobs=seen.jobs, in_flight=seen.in_flight)
        return View(self._pools, tick.policy, snapshot, tick.plan.reasons, self._clock())

    def _bills(self, view: View) -> Readings:
        """Return what was spent; where the clock was set back, what was told before still holds."""
        known = self._known
        found = dollars(known.gone, known.snapshot.bursts, view.now)
        for pool in {*self._pools, *found}:
            self._billed[(pool,)] = max(found.get(pool, 0.0), self._billed.get((pool,), 0.0))
        return self._billed


def measured(daemon: Daemon, ledger: Ledger, flux: str) -> Metrics:
    """Measure a daemon that was just made and its ledger; `flux` is the lead's version."""
    metrics = Metrics(daemon.policy, ledger, flux)
    daemon.audience.join(metrics)
    daemon.desk.answers["metrics"] = metrics.answer
    ledger.wrote = metrics.wrote
    return metrics


def _in_ledger(ledger: Ledger, policy: Policy, now: float) -> Snapshot:
    """Return what is known before the first turn."""
    unseen = frozenset(pool.name for pool in policy.pools)
    return Snapshot((), (), ledger.bursts(), past=ledger.past(day_of(now)), unseen=unseen)
