"""Metrics keep to Prometheus' rules, begin with 0, and money never becomes less."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from burstd.core.model import Action, Failure, Outcome, Phase, Plan, Snapshot, Span, Verb
from burstd.core.money import metered
from burstd.core.reasons import Code, Reason
from burstd.engine.counters import OUTCOMES
from burstd.engine.effects import Ended
from burstd.engine.ledger import Ledger
from burstd.engine.metrics import Metrics
from burstd.engine.observer import Seen
from burstd.engine.witness import Tick
from burstd.plugins.contract import Listing
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot

LABELS = {"pool", "phase", "state", "reason", "effect", "outcome", "span", "version", "python", "flux", "le"}
"""What series may be told apart by: all of it is known from the configuration or from burstd itself."""

PRICED = a_pool(cost_per_hour=3600.0)
"""A dollar a second for each host."""


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(ledger: Ledger, clock: Clock) -> Metrics:
    return Metrics(a_policy(PRICED), ledger, "0.88.0", clock)


def families(metrics: Metrics) -> list[Metric]:
    return list(text_string_to_metric_families(metrics.exposition().decode()))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return one sample of what is told, None where it is not."""
    samples = (sample for family in families(metrics) for sample in family.samples)
    return next((one.value for one in samples if (one.name, one.labels) == (name, labels)), None)


def test_names_keep_to_the_rules(metrics: Metrics) -> None:
    """Names begin with burstd_, are in snake case, and end with their unit; counters end with _total."""
    for family in metrics.registry.collect():
        name = family.name
        assert re.fullmatch(r"burstd(_[a-z]+)+", name), name
        assert not re.search(r"_(minutes?|hours|days?|ms|milliseconds|kb|megabytes|percent)(_|$)", name), name
        assert not re.search(r"_(second|dollar|byte)(_|$)", name), name
        units = re.findall(r"_(seconds|dollars|bytes)(?=_|$)", name)
        assert len(units) <= 1, name
        assert not units or name.endswith(units[0]), name
        names = {sample.name for sample in family.samples}
        assert all(one.endswith("_total") for one in names) or family.type != "counter", name
        assert not any(one.endswith("_total") for one in names) or family.type == "counter", name
        assert not any(one.endswith("_created") for one in names), name


def test_help_is_a_sentence_with_the_unit(metrics: Metrics) -> None:
    """Each has a text of its own that ends with a full stop, and names the unit where there is one."""
    found = [one for one in metrics.registry.collect() if not one.name.startswith("burstd_process_")]
    for family in found:
        assert re.fullmatch(r"[A-Z0-9].*\.", family.documentation), family.name
        for unit in re.findall(r"_(seconds|dollars|bytes)$", family.name):
            assert unit in family.documentation.lower(), family.name
    assert len({family.documentation for family in found}) == len(found)


def test_labels_are_bounded(metrics: Metrics) -> None:
    """No series is told apart by a job, a user or a burst."""
    samples = [sample for family in families(metrics) for sample in family.samples]
    assert {label for sample in samples for label in sample.labels} <= LABELS
    assert len(samples) < 600


def test_every_series_is_there_from_the_start(metrics: Metrics) -> None:
    """What appears only with its first event has no rate then, and no alert sees it."""
    for verb in Verb:
        for outcome in OUTCOMES:
            assert value(metrics, "burstd_effects_total", effect=verb, outcome=outcome) == 0
    for name in ("bursts_planned", "bursts_failed", "hosts_reclaimed", "spend_dollars"):
        assert value(metrics, f"burstd_{name}_total", pool="burst-0") == 0
    assert value(metrics, "burstd_startup_seconds_count", pool="burst-0") == 0
    assert value(metrics, "burstd_phase_seconds_count", pool="burst-0", phase="joining") == 0
    assert value(metrics, "burstd_last_listing_timestamp_seconds", pool="burst-0") == 0
    assert value(metrics, "burstd_jobs_waiting", reason="no-room") == 0
    assert value(metrics, "burstd_pool_state", pool="burst-0", state="unseen") == 1
    assert value(metrics, "burstd_start_time_seconds") == NOW
    assert value(metrics, "burstd_lead_connected") == 1


def test_the_life_of_a_burst_is_measured(metrics: Metrics) -> None:
    """How long it was in each phase, until it served, that it failed, and which hosts the cloud took."""
    planned = a_burst(Phase.PLANNED, created=NOW, since=NOW)
    making = replace(planned, phase=Phase.PROVISIONING, since=NOW + 1)
    serving = replace(making, phase=Phase.SERVING, since=NOW + 41, served=True)
    poorer = replace(serving, reclaimed=("burst-0-1", "burst-0-2"))
    failed = replace(poorer, phase=Phase.RELEASING, since=NOW + 50, failure=Failure("it ended"))
    metrics.recorded(None, planned, NOW)
    metrics.recorded(planned, making, NOW + 1)
    metrics.recorded(making, serving, NOW + 41)
    metrics.recorded(serving, poorer, NOW + 45)
    metrics.recorded(poorer, failed, NOW + 50)
    assert value(metrics, "burstd_bursts_planned_total", pool="burst-0") == 1
    assert value(metrics, "burstd_phase_seconds_sum", pool="burst-0", phase="provisioning") == 40
    assert value(metrics, "burstd_phase_seconds_sum", pool="burst-0", phase="serving") == 9
    assert value(metrics, "burstd_startup_seconds_sum", pool="burst-0") == 41
    assert value(metrics, "burstd_hosts_reclaimed_total", pool="burst-0") == 2
    assert value(metrics, "burstd_bursts_failed_total", pool="burst-0") == 1


def test_effects_are_counted_by_how_they_ended(metrics: Metrics) -> None:
    """One that did not leave is told from one that failed."""
    action = Action(Verb.LAUNCH, "burst-0-g1")
    outcome = Outcome(Verb.LAUNCH, NOW)
    failed = replace(outcome, failure=Failure("no"))
    for ended in (
        Ended(1, action, outcome),
        Ended(2, action, failed),
        Ended(3, action, failed),
        Ended(4, action, failed, sent=False),
    ):
        metrics.ended(ended)
    found = [value(metrics, "burstd_effects_total", effect="launch", outcome=one) for one in OUTCOMES]
    assert found == [1, 2, 1]


def test_listings_are_counted(metrics: Metrics) -> None:
    """When the last one that succeeded began is kept where a later one fails."""
    metrics.listed(Seen("burst-0", NOW, Listing((), complete=True)))
    metrics.listed(Seen("burst-0", NOW + 9, None, "no"))
    assert value(metrics, "burstd_listings_total", pool="burst-0", outcome="done") == 1
    assert value(metrics, "burstd_listings_total", pool="burst-0", outcome="failed") == 1
    assert value(metrics, "burstd_last_listing_timestamp_seconds", pool="burst-0") == NOW


def test_a_lead_that_is_away_is_told(metrics: Metrics, clock: Clock) -> None:
    """Whether it answers, how often it did not; turns go on without it."""
    metrics.met(lead_answers=False)
    assert value(metrics, "burstd_lead_connected") == 0
    metrics.met(lead_answers=True)
    metrics.met(lead_answers=False)
    clock.now += 5
    metrics.turned(a_snapshot(hosts=()))
    assert value(metrics, "burstd_lead_losses_total") == 2
    assert value(metrics, "burstd_turns_total") == 1
    assert value(metrics, "burstd_last_turn_timestamp_seconds") == NOW + 5
    assert value(metrics, "burstd_last_tick_timestamp_seconds") == 0


def test_gauges_are_of_the_last_tick(metrics: Metrics) -> None:
    """Hosts, jobs and reasons are as the lead was last seen, bursts and orders as they are now."""
    seen = a_snapshot(jobs=(a_job(),), in_flight=frozenset({"burst-0-g1"}))
    plan = Plan(reasons=((1, Reason(Code.HOSTS_COMING)),))
    metrics.ticked(Tick(seen, plan, a_policy(PRICED), NOW, 0.003))
    metrics.turned(Snapshot((), (), (a_burst(Phase.LAUNCHING),)))
    assert value(metrics, "burstd_jobs_waiting", reason="hosts-coming") == 1
    assert value(metrics, "burstd_hosts", pool="burst-0", state="coming") == 4
    assert value(metrics, "burstd_bursts", pool="burst-0", phase="launching") == 1
    assert value(metrics, "burstd_effects_in_flight") == 1
    assert value(metrics, "burstd_tick_seconds_bucket", le="0.005") == 1
    assert value(metrics, "burstd_tick_seconds_bucket", le="0.0025") == 0


def test_writes_of_the_ledger_are_measured(metrics: Metrics, ledger: Ledger) -> None:
    """Each counts with the time until it was on the disk."""
    ledger.wrote = metrics.wrote
    ledger.record([a_burst()], ["It serves."], NOW)
    assert value(metrics, "burstd_ledger_write_seconds_count") == 1
    assert value(metrics, "burstd_ledger_write_seconds_sum") > 0


def test_money_never_becomes_less(ledger: Ledger, clock: Clock) -> None:
    """What a burst has cost is told while it lives, shrinks, goes, and after each restart, and only grows.

    That its hosts cost no more is known later than it was so: by then nothing may have been counted too much.
    """
    born = a_burst(size=4, created=NOW, since=NOW, cost_per_hour=3600.0, spans=(Span(NOW, 4),))
    shrinking = replace(born, keep=1, resized=NOW + 10)
    resized = replace(shrinking, outcome=Outcome(Verb.RESIZE, NOW + 20))
    shrunk = metered(resized, replace(resized, size=1, keep=None, resized=NOW + 20), PRICED)
    releasing = replace(shrunk, phase=Phase.RELEASING, since=NOW + 40, outcome=None)
    removed = replace(releasing, outcome=Outcome(Verb.REMOVE, NOW + 50))
    gone = metered(removed, replace(removed, phase=Phase.GONE, since=NOW + 70), PRICED)
    life = (
        (0, born),
        (10, shrinking),
        (20, resized),
        (30, shrunk),
        (40, releasing),
        (50, removed),
        (70, gone),
    )

    metrics, told, before = Metrics(a_policy(PRICED), ledger, "", clock), [], None
    for seconds in range(75):
        clock.now = NOW + seconds
        for burst in (burst for at, burst in life if at == seconds):
            metrics.recorded(before, burst, clock.now)
            ledger.record([burst], (), clock.now)
            before = burst
        metrics.turned(Snapshot((), (), ledger.bursts()))
        told.append(value(metrics, "burstd_spend_dollars_total", pool="burst-0"))
        restarted = Metrics(a_policy(PRICED), ledger, "", clock)
        assert value(restarted, "burstd_spend_dollars_total", pool="burst-0") == told[-1]
    assert told == sorted(told)
    assert told[19] == 4 * 19
    assert told[-1] == pytest.approx(4 * 20 + 1 * 30)


def test_money_stands_still_where_the_clock_is_set_back(ledger: Ledger, clock: Clock) -> None:
    """A counter that became less would be read as one that began anew."""
    ledger.record([a_burst(cost_per_hour=3600.0)], (), NOW)
    metrics = Metrics(a_policy(PRICED), ledger, "", clock)
    before = value(metrics, "burstd_spend_dollars_total", pool="burst-0")
    clock.now -= 500
    assert value(metrics, "burstd_spend_dollars_total", pool="burst-0") == before == 4000


def test_a_burst_that_comes_back_counts_once(ledger: Ledger, clock: Clock) -> None:
    """One that was gone and shows again goes on in the same account."""
    gone = a_burst(Phase.GONE, cost_per_hour=3600.0, ended=NOW - 500)
    ledger.record([gone], (), NOW)
    metrics = Metrics(a_policy(PRICED), ledger, "", clock)
    assert value(metrics, "burstd_spend_dollars_total", pool="burst-0") == 2000
    back = replace(gone, phase=Phase.RELEASING, ended=None)
    metrics.recorded(None, back, NOW)
    metrics.turned(Snapshot((), (), (back,)))
    assert value(metrics, "burstd_spend_dollars_total", pool="burst-0") == 4000


def test_it_may_be_read_while_it_changes(metrics: Metrics, clock: Clock) -> None:
    """Other threads read whole texts while the main loop goes on, and never less money than before."""
    told: list[float | None] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            told.append(value(metrics, "burstd_spend_dollars_total", pool="burst-0"))

    reader = threading.Thread(target=read)
    reader.start()
    for generation in range(300):
        clock.now += 1
        living = a_burst(generation=generation, created=clock.now - 1, since=NOW, cost_per_hour=3600.0)
        metrics.recorded(None, living, clock.now)
        metrics.turned(Snapshot((), (), (living,)))
        gone = metered(living, replace(living, phase=Phase.GONE, since=clock.now), PRICED)
        metrics.recorded(living, gone, clock.now)
        metrics.turned(Snapshot((), (), ()))
    over.set()
    reader.join()
    assert told == sorted(told, key=float)
    assert value(metrics, "burstd_spend_dollars_total", pool="burst-0") == 1200


def test_a_hundred_thousand_jobs_cost_the_loop_nothing(metrics: Metrics) -> None:
    """The loop keeps what it saw; counting it is done by whoever asks, in well under a second."""
    jobs = tuple(a_job(number) for number in range(100_000))
    plan = Plan(reasons=tuple((job.id, Reason(Code.POOL_BUSY)) for job in jobs))
    tick = Tick(a_snapshot(jobs=jobs), plan, a_policy(PRICED), NOW, 0.5)
    begun = time.perf_counter()
    for _ in range(100):
        metrics.ticked(tick)
    told = time.perf_counter()
    text = metrics.exposition().decode()
    read = time.perf_counter()
    assert 'burstd_jobs_waiting{reason="pool-busy"} 100000.0' in text
    assert (told - begun) / 100 < 0.001
    assert read - told < 1.0
