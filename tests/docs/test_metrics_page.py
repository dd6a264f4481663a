"""The pages about metrics and alerts say what there is."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from monitoring.rules import alerts, page_queries, selectors
from pages import ROOT, table
from prometheus_client import Metric

from burstd.core.readings import HostState
from burstd.engine.ledger import Ledger
from burstd.engine.metrics import Metrics
from burstd.testing.builders import a_policy

PAGE = ROOT / "docs/metrics.md"
ALERTS_PAGE = ROOT / "deploy/monitoring/README.md"


def families(directory: Path) -> list[Metric]:
    with closing(Ledger(directory / "ledger.db")) as ledger:
        return list(Metrics(a_policy(), ledger, "0.88.0").registry.collect())


def test_the_page_lists_every_metric(tmp_path: Path) -> None:
    """The table has each metric with its type, its labels and its own help, in order, and no other."""
    rows = [_row(family) for family in families(tmp_path)]
    assert table(PAGE, "# Metrics\n") == rows


def test_the_page_lists_the_states_of_hosts() -> None:
    """Each state that a host can be in is told."""
    (cell,) = re.findall(r"^\| `state` of `burstd_hosts` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    assert re.findall(r"`(\w+)`:", cell) == list(HostState)


def test_queries_are_about_metrics_that_there_are(tmp_path: Path) -> None:
    """No query on the page, and none of an alert, names a metric that burstd does not tell."""
    told = {sample.name for family in families(tmp_path) for sample in family.samples}
    told |= {family.name for family in families(tmp_path)}
    asked = [*page_queries(), *(alert["expr"] for alert in alerts())]
    assert len(asked) > len(alerts()) > 0
    for expr in asked:
        assert {selector.partition("{")[0] for selector in selectors(expr)} <= told, expr


def test_the_page_lists_the_alerts() -> None:
    """The table of alerts has each one with its severity."""
    rows = [(row[0].strip("`"), row[1]) for row in table(ALERTS_PAGE, "## The alerts\n")]
    assert rows == [(alert["alert"], alert["labels"]["severity"]) for alert in alerts()]


def _row(family: Metric) -> list[str]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    return [f"`{name}`", family.type, ", ".join(f"`{label}`" for label in labels), family.documentation]
