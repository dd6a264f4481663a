"""The page about what goes wrong names only what there is; tests/daemon tries some of it."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from monitoring.rules import alerts
from pages import ROOT
from troubles import PAGE, PARTS, codes, rows, untold

from burstd.core.findings import Check
from burstd.core.notices import Event
from burstd.core.reasons import Code
from burstd.core.status import PoolState
from burstd.engine.ledger import Ledger
from burstd.engine.metrics import Metrics
from burstd.testing.builders import a_policy

ALERTS = {alert["alert"] for alert in alerts()}
TOOLS = ("status", "why", "memo", "doctor", "log", "page", "metric", "alert", "notice")

every_part = pytest.mark.parametrize("part", PARTS)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all that burstd tells."""
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with closing(Ledger(path)) as ledger:
        families = list(Metrics(a_policy(), ledger, "0.88.0").registry.collect())
    samples = {sample.name for family in families for sample in family.samples}
    return samples | {family.name for family in families}


def test_ten_things_go_wrong() -> None:
    """The page has ten parts, numbered without a gap."""
    assert list(PARTS) == list(range(1, 11))


@every_part
def test_a_part_says_where_it_shows_and_what_to_do(part: int) -> None:
    """Each has rows of tools that there are, in order, a command, and the name of something that is told."""
    found = list(rows(part))
    assert found == [tool for tool in TOOLS if tool in found]
    assert re.search(r"^ *```sh$", PARTS[part], re.MULTILINE)
    named = set(codes(PARTS[part]))
    assert named & (set(Code) | set(Check) | set(Event) | ALERTS)


@every_part
def test_what_a_row_names_is_there(part: int, metrics: set[str]) -> None:
    """Its alerts, notices, metrics, the code of a memo: each is one that there is."""
    table = rows(part)
    assert set(codes(table.get("alert", ""))) <= ALERTS
    assert set(codes(table.get("notice", ""))) <= set(Event)
    told = {re.split(r"[{ ]", code)[0] for code in codes(table.get("metric", "")) if code != "burstd metrics"}
    assert told <= metrics
    assert {code.partition(":")[0] for code in codes(table.get("memo", ""))} <= set(Code)


def test_names_of_alerts_and_metrics_are_right_everywhere(metrics: set[str]) -> None:
    """Outside of the tables, too, nothing is called what it is not."""
    text = PAGE.read_text()
    assert set(re.findall(r"\bBurstd[A-Z]\w+", text)) <= ALERTS
    assert set(re.findall(r"\bburstd_[a-z_]+", text)) - {"burstd_hold"} <= metrics


@every_part
def test_what_a_page_shows_is_written_there(part: int) -> None:
    """The words of the page for the browser are in its script."""
    script = (ROOT / "burstd/web/static/page.js").read_text()
    if codes(rows(part).get("page", "")):
        assert untold(part, "page", script) == []


def test_what_looks_like_a_code_is_one() -> None:
    """Each lower-case word with a hyphen is a reason, an event, a check, or the state of a pool."""
    looks = {code for code in codes(PAGE.read_text()) if re.fullmatch(r"[a-z]+(-[a-z]+)+", code)}
    assert looks <= set(Code) | set(Event) | set(Check) | set(PoolState)
    assert looks & set(Code)
    assert looks & set(Event)
