"""The page about `burstd doctor` lists every check and every cause, in the order in which they are told."""

from __future__ import annotations

from pages import ROOT

from burstd.core.findings import Check, State
from burstd.doctor.looks import LOOKS
from burstd.join.diagnosis import SILENT, UNKNOWN, WAITING
from burstd.join.symptoms import SYMPTOMS

PAGE = ROOT / "docs" / "doctor.md"


def checks(heading: str) -> list[str]:
    """Return the first code of each row."""
    rows = (row for row in PAGE.read_text().partition(heading)[2].partition("\n## ")[0].splitlines())
    return [row.split("`")[1] for row in rows if row.startswith("| `")]


def test_every_check_is_listed() -> None:
    """The table of checks has each check, in order, and no other."""
    assert checks("## What is checked\n") == list(Check)


def test_every_cause_is_listed() -> None:
    """The table of causes has each symptom in the order in which they count, then the three without words."""
    causes = [*(one.code for one in SYMPTOMS), WAITING, SILENT, UNKNOWN]
    assert checks("## Why hosts do not join\n") == causes


def test_every_state_is_listed() -> None:
    """The table of states has each."""
    assert sorted(checks("# What is wrong: burstd doctor\n")) == sorted(State)


def test_checks_of_the_lead_are_made_in_the_order_of_their_table() -> None:
    """What is printed comes in the order in which the page has it."""
    order = [look.check for look in LOOKS]
    assert order == [check for check in Check if check in order]
