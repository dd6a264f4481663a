"""Panels and alerts, on a real Prometheus that scrapes a real daemon."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from monitoring.prometheus import Prometheus, needs_prometheus, promtool, served
from monitoring.rules import alerts, page_queries, queries, selectors, variables

from burstd.engine import control

pytestmark = [needs_prometheus, pytest.mark.process]

BURST_ONLY = {"properties": ["burst"]}
CAPS = {"dollars_per_hour": 40, "dollars_per_day": 400}
PRICED = {"cost_per_hour": 3.6, "dollars_per_day": 300, "probe": False}


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_every_query_has_an_answer(town, tmp_path: Path) -> None:
    """With a burst that serves, a job on it and one that waits, each panel shows something, each query of the
    page does, and each alert looks at series that are there.
    """
    town.serving(idle=600, settings={"limits": CAPS}, **PRICED)
    state = town.ledger.parent

    def text() -> bytes:
        return control.question(state, "metrics")["text"].encode()

    promtool("check", "metrics", given=text())
    with served(text) as target, Prometheus(target, tmp_path) as prometheus:
        prometheus.until("burstd_startup_seconds_count == 0")
        town.watch.submit(["sleep", "60"], 3, requires=BURST_ONLY)
        prometheus.until("burstd_jobs_running == 1")
        town.command("pause")
        town.watch.submit(["true"], 4, requires=BURST_ONLY)
        prometheus.until('burstd_jobs_waiting{reason="paused"} == 1')
        prometheus.until("increase(burstd_startup_seconds_count[1m]) > 0")

        assert [str(query) for query in queries() if not _shows(prometheus.value(query.expr))] == []
        assert [expr for expr in page_queries() if not _shows(prometheus.value(expr))] == []
        for metric, label in variables():
            assert label in prometheus.value(metric)[0][0], metric
        found = [one for alert in alerts() for one in selectors(alert["expr"])]
        assert [one for one in found if not prometheus.value(one)] == []
        fire = [alert["alert"] for alert in alerts() if prometheus.value(alert["expr"])]
        assert fire == ["BurstdPaused"]


def _shows(found: list[tuple[dict[str, str], float]]) -> bool:
    return any(not math.isnan(value) for _, value in found)
