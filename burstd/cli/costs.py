"""`burstd cost`: what bursts have cost, by the ledger and the prices in the configuration."""

from __future__ import annotations

import csv
import io
import json
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from burstd.cli.choices import CostFormat
from burstd.config import Config
from burstd.core.report import By, Row, rows, total
from burstd.engine.ledger import Ledger
from burstd.engine.statedir import state_dir

ESTIMATE = (
    "An estimate, by burstd's clock and the prices in its configuration: the bill is your cloud's. "
    "Times are of UTC."
)


def report(config: Config, by: By, since: float, form: CostFormat) -> str:
    """Return the report as text. Raises LedgerError where there is a ledger that cannot be read."""
    found = _found(config, by, since)
    match form:
        case CostFormat.JSON:
            document = {"by": by, "estimate": ESTIMATE, "rows": [asdict(row) for row in found]}
            return json.dumps(document | {"total": asdict(total(found))}, indent=2)
        case CostFormat.CSV:
            return _csv(by, found)
        case CostFormat.TABLE:
            return _table(by, found)


def day(text: str) -> float:
    """Return when a day such as 2026-11-25 began, UTC. Raises typer.BadParameter."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() if text else 0.0
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is no day such as 2026-11-25", param_hint="--since") from exc


def _found(config: Config, by: By, since: float) -> list[Row]:
    path = state_dir(config) / "ledger.db"
    if not path.is_file():
        return []
    with closing(Ledger(path, read_only=True)) as ledger:
        bursts = (*ledger.bursts(), *ledger.past(0.0))
        return rows(by, bursts, ledger.uses(), time.time(), since)


def _csv(by: By, found: list[Row]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([by.value, "host_hours", "dollars_estimated", "note"])
    table.writerows([row.name, f"{row.host_hours:.3f}", _money(row, ""), row.note] for row in found)
    return text.getvalue().rstrip("\n")


def _table(by: By, found: list[Row]) -> str:
    if not found:
        return "No burst is in the ledger for that time."
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column(by.value)
    table.add_column("host hours", justify="right")
    table.add_column("dollars", justify="right")
    table.add_column("note", overflow="fold")
    for row in (*found, total(found)):
        table.add_row(Text(row.name), f"{row.host_hours:.2f}", _money(row, "no price"), Text(row.note))
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join([*(line.rstrip() for line in lines), ESTIMATE])


def _money(row: Row, unknown: str) -> str:
    return unknown if row.dollars is None else f"{row.dollars:.2f}"
