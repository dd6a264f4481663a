"""Each alert fires when it should, and only then, by Prometheus' own tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from burstd.core.reasons import Code
from burstd.core.status import PoolState
from monitoring.prometheus import needs_prometheus, promtool
from monitoring.rules import ALERTS, MONITORING, alerts

WELL = {
    "burstd_start_time_seconds": "1x500",
    'up{job="burstd"}': "1x500",
    "burstd_lead_connected": "1x500",
    "burstd_last_tick_timestamp_seconds": "0+60x500",
}
"""The series of a burstd that is well, a sample a minute: in these tests the epoch is when they begin."""

LIFETIME = "burstd_burst_lifetime_seconds"

NO_LIMIT = "1e300x500"
"""What stands for +Inf, which such a series cannot hold."""


@dataclass(frozen=True)
class Case:
    """One alert: series with which it fires at a minute, and others with which nothing does at any."""

    alert: str
    fires: Mapping[str, str]
    minute: int
    quiet: Mapping[str, str]


CASES = (
    Case("BurstdSilent", {'up{job="burstd"}': "1 0x500"}, 7, {'up{job="burstd"}': "1x5 0x4 1x500"}),
    Case(
        "BurstdStuck",
        {"burstd_last_tick_timestamp_seconds": "0x500"},
        13,
        {"burstd_last_tick_timestamp_seconds": "0x9 0+60x500"},
    ),
    Case("BurstdLeadAway", {"burstd_lead_connected": "0x500"}, 6, {"burstd_lead_connected": "1x5 0x4 1x500"}),
    Case(
        "BurstdBurstsFail",
        {'burstd_bursts_failed_total{pool="a"}': "0x10 1x500"},
        15,
        {'burstd_bursts_failed_total{pool="a"}': "5x500"},
    ),
    Case(
        "BurstdPoolClosed",
        {'burstd_pool_state{pool="a",state="failed"}': "1x500"},
        2,
        {
            'burstd_pool_state{pool="a",state="failed"}': "0x500",
            'burstd_pool_state{pool="a",state="cooling-down"}': "1x500",
        },
    ),
    Case(
        "BurstdNoRoom",
        {'burstd_pool_state{pool="a",state="no-room"}': "1x500"},
        61,
        {'burstd_pool_state{pool="a",state="no-room"}': "1x50 0x10 1x50 0x10"},
    ),
    Case(
        "BurstdListingsFail",
        {'burstd_last_listing_timestamp_seconds{pool="a"}': "0+60x10 600x500"},
        27,
        {'burstd_last_listing_timestamp_seconds{pool="a"}': "0+60x500"},
    ),
    Case(
        "BurstdEffectsFail",
        {'burstd_effects_total{effect="launch",outcome="failed"}': "0+1x500"},
        16,
        {
            'burstd_effects_total{effect="launch",outcome="failed"}': "0x20 1x20 2x500",
            'burstd_effects_total{effect="launch",outcome="done"}': "0+1x500",
        },
    ),
    Case(
        "BurstdBurstTooOld",
        {'burstd_burst_age_seconds{pool="a"}': "0+60x500", LIFETIME + '{pool="a"}': "3600x500"},
        77,
        {
            'burstd_burst_age_seconds{pool="a"}': "0+60x74 0x500",
            LIFETIME + '{pool="a"}': "3600x500",
            'burstd_burst_age_seconds{pool="b"}': "0+60x500",
            LIFETIME + '{pool="b"}': NO_LIMIT,
        },
    ),
    Case(
        "BurstdReleaseStuck",
        {'burstd_bursts{pool="a",phase="releasing"}': "1x500"},
        31,
        {
            'burstd_bursts{pool="a",phase="releasing"}': "1x29 0x500",
            'burstd_bursts{pool="a",phase="serving"}': "1x500",
        },
    ),
    Case(
        "BurstdSpendNearCap",
        {
            'burstd_spend_today_dollars{pool="a"}': "5x500",
            'burstd_spend_today_dollars{pool="b"}': "4x500",
            'burstd_cap_dollars{span="day"}': "10x500",
            'burstd_pool_cap_dollars{pool="a"}': NO_LIMIT,
        },
        1,
        {
            'burstd_spend_today_dollars{pool="a"}': "7x500",
            'burstd_cap_dollars{span="day"}': "10x500",
            'burstd_cap_dollars{span="hour"}': "1x500",
        },
    ),
    Case(
        "BurstdPoolSpendNearCap",
        {
            'burstd_spend_today_dollars{pool="a"}': "9x500",
            'burstd_pool_cap_dollars{pool="a"}': "10x500",
            'burstd_cap_dollars{span="day"}': NO_LIMIT,
        },
        1,
        {
            'burstd_spend_today_dollars{pool="a"}': "9x500",
            'burstd_spend_today_dollars{pool="b"}': "7x500",
            'burstd_pool_cap_dollars{pool="a"}': NO_LIMIT,
            'burstd_pool_cap_dollars{pool="b"}': "10x500",
        },
    ),
    Case("BurstdSpendUnknown", {"burstd_spend_unknown": "1x500"}, 1, {"burstd_spend_unknown": "0x500"}),
    Case(
        "BurstdJobsWaitLong",
        {'burstd_job_wait_seconds{reason="pool-busy"}': "0+60x500"},
        132,
        {
            'burstd_job_wait_seconds{reason="pool-busy"}': "0+60x110 0x500",
            'burstd_job_wait_seconds{reason="held"}': "0+60x500",
        },
    ),
    Case(
        "BurstdJobsCannotStart",
        {'burstd_job_wait_seconds{reason="too-large"}': "0+60x500"},
        62,
        {'burstd_job_wait_seconds{reason="too-large"}': "0+60x58 0x500"},
    ),
    Case("BurstdPaused", {"burstd_paused": "1x500"}, 241, {"burstd_paused": "1x200 0x5 1x200"}),
    Case(
        "BurstdSlow",
        {
            'burstd_tick_seconds_bucket{le="2.5"}': "0x500",
            'burstd_tick_seconds_bucket{le="5.0"}': "0+60x500",
            'burstd_tick_seconds_bucket{le="+Inf"}': "0+60x500",
        },
        15,
        {
            'burstd_tick_seconds_bucket{le="0.1"}': "0+60x500",
            'burstd_tick_seconds_bucket{le="5.0"}': "0+61x500",
            'burstd_tick_seconds_bucket{le="+Inf"}': "0+61x500",
        },
    ),
)

QUIET_MINUTES = (1, 10, 20, 30, 45, 60, 75, 90, 110, 130, 200, 250, 300)


@needs_prometheus
@pytest.mark.process
def test_rules_and_configuration_are_understood(tmp_path: Path) -> None:
    """Prometheus' tool finds no fault with the rules, nor with the configuration that names them."""
    promtool("check", "rules", str(ALERTS))
    config = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
    for job in config["scrape_configs"]:
        job.pop("kubernetes_sd_configs", None)  # Debian builds its Prometheus without
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config | {"rule_files": [str(ALERTS)]}))
    promtool("check", "config", "--syntax-only", str(path))


@needs_prometheus
@pytest.mark.process
def test_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    """With the series of each case the one alert fires and no other, with the others none does."""
    tests = [one for case in CASES for one in (_firing(case), _quiet(case))]
    groups = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(groups))
    promtool("test", "rules", str(path))


def test_each_alert_has_a_case() -> None:
    """No alert is left out of the cases."""
    assert [case.alert for case in CASES] == [alert["alert"] for alert in alerts()]


def test_each_alert_says_what_to_do() -> None:
    """An alert has a summary, a description and an action, each a sentence, and one of three severities."""
    for alert in alerts():
        assert list(alert["annotations"]) == ["summary", "description", "action"], alert["alert"]
        assert all(text.endswith(".") for text in alert["annotations"].values()), alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning", "info")


def test_alerts_name_reasons_and_states_that_there_are() -> None:
    """Every reason and state in an alert's expression is one that burstd knows."""
    known = {*Code, *PoolState}
    for alert in alerts():
        for values in _asked(alert["expr"]):
            assert set(values) <= known, alert["alert"]


def _asked(expr: str) -> list[list[str]]:
    parts = [part for label in ("reason", "state") for part in expr.split(f"{{{label}")[1:]]
    return [part.split('"')[1].split("|") for part in parts]


def _firing(case: Case) -> dict[str, Any]:
    return _test(f"{case.alert} fires", case.fires, {case.minute: (case.alert,)})


def _quiet(case: Case) -> dict[str, Any]:
    return _test(f"{case.alert} is quiet", case.quiet, dict.fromkeys(QUIET_MINUTES, ()))


def _test(name: str, series: Mapping[str, str], at: Mapping[int, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in {**WELL, **series}.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": f'{{alertname="{one}"}}', "value": 1} for one in fire],
            }
            for minute, fire in at.items()
        ],
    }
