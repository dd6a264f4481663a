"""`burstd metrics`, with the daemon as a real process."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from burstd.engine import control

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}
SPEND = ("burstd_spend_dollars_total", "burst-0")


def asked(town) -> dict[tuple[str, ...], float]:
    """Return all samples that the daemon tells, by their names and the values of their labels."""
    text = control.question(town.ledger.parent, "metrics")["text"]
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}


def until(town, seen, spent: list[float]) -> dict[tuple[str, ...], float]:
    """Ask until the answer is as expected; return it. What was spent is noted each time."""
    deadline = time.monotonic() + 30
    while not seen(found := asked(town)):
        assert time.monotonic() < deadline, found
        spent.append(found[SPEND])
    spent.append(found[SPEND])
    return found


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_a_burst_is_measured_from_beginning_to_end(town):
    """Its phases, its effects and its dollars are told; the dollars only grow, over a restart of burstd, too,
    and in the end are those of the report.
    """
    spent: list[float] = []
    town.serving(cost_per_hour=3600, probe=False)
    town.watch.submit(["true"], 3, requires=BURST_ONLY)
    until(town, lambda found: found["burstd_startup_seconds_count", "burst-0"], spent)
    found = until(town, lambda found: found["burstd_phase_seconds_count", "burst-0", "releasing"], spent)
    assert found["burstd_bursts_planned_total", "burst-0"] == 1
    assert found["burstd_bursts_failed_total", "burst-0"] == 0
    assert found["burstd_effects_total", "done", "provision"] == 1
    assert found["burstd_tick_seconds_count",] > 3
    assert found["burstd_ledger_write_seconds_count",] > 3
    assert found["burstd_last_listing_timestamp_seconds", "burst-0"] > time.time() - 60

    town.daemons[-1].stop()
    town.serving(cost_per_hour=3600, probe=False)
    again = until(town, lambda found: found["burstd_turns_total",] > 3, spent)
    assert again["burstd_bursts_planned_total", "burst-0"] == 0
    assert spent == sorted(spent)
    rows = town.command("cost", "--by", "pool", "--format", "csv").stdout.splitlines()
    assert spent[-1] > 0
    assert f"{spent[-1]:.2f}" in rows[-1]


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_metrics_are_told_while_the_lead_is_away(town):
    """The command prints the same text, and says that the lead does not answer."""
    town.serving()
    until(town, lambda found: found["burstd_lead_connected",], [])
    town.stage.kill_lead()
    until(town, lambda found: not found["burstd_lead_connected",], [])
    text = town.command("metrics").stdout
    assert "\nburstd_lead_connected 0.0\n" in text
    assert text.endswith("\n")


def test_without_a_daemon_nothing_is_printed(tmp_path):
    """Where no daemon runs the command fails with one sentence: no empty file is read as good news."""
    path = tmp_path / "burstd.yaml"
    path.write_text(f"owner: me\nstate_dir: {tmp_path}/s\npools: [{{}}]\n")
    command = [sys.executable, "-m", "burstd", "metrics", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("burstd: no burstd runs with state directory ")
