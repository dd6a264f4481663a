"""What is in deploy/monitoring, as tests need it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
ALERTS = MONITORING / "alerts.yaml"

_GRAFANA = {"$__rate_interval": "1m", "$instance": ".*", "$pool": ".*"}
"""What Grafana puts in place of its variables, of which Prometheus knows nothing."""

_METRIC = re.compile(r"\bburstd_\w+(?:\{[^}]*\})?")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    panel: str
    expr: str

    def __str__(self) -> str:
        return f"{self.panel}: {self.expr}"


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    found: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Yield every query of every panel, as Prometheus gets it."""
    for panel in panels():
        for target in panel["targets"]:
            yield Query(panel["title"], filled(target["expr"]))


def page_queries() -> list[str]:
    """Return the queries that the page about metrics offers."""
    _, _, after = (ROOT / "docs/metrics.md").read_text().partition("| question | query |\n")
    return re.findall(r"\| `(.*)` \|$", after, re.MULTILINE)


def variables() -> Iterator[tuple[str, str]]:
    """Yield what each variable's values are taken from: a metric and a label of it."""
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            metric, _, label = variable["definition"].removeprefix("label_values(").rpartition(", ")
            yield filled(metric), label.removesuffix(")")


def filled(expr: str) -> str:
    """Return a query with something in the place of each of Grafana's variables."""
    for name, value in _GRAFANA.items():
        expr = expr.replace(name, value)
    return expr


def alerts() -> list[dict[str, Any]]:
    """Return the alerts."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def selectors(expr: str) -> list[str]:
    """Return what an expression looks at: metrics with the labels that it asks for."""
    return _METRIC.findall(expr)
