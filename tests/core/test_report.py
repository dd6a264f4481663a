"""The report of what was spent."""

from __future__ import annotations

import pytest

from burstd.core.model import Failure, Phase, Span
from burstd.core.report import NO_JOB, NOBODY, By, Use, rows, total
from burstd.testing.builders import a_burst

HOUR = 3600.0
FIRST = a_burst(
    Phase.GONE,
    created=0.0,
    spans=(Span(0.0, 4),),
    ended=2 * HOUR,
    cost_per_hour=1.0,
    cluster_cost_per_hour=0.5,
    payers=((7, 3), (8, 1)),
    reclaimed=("burst-0-1",),
)
"""Nine dollars in two hours."""
SECOND = a_burst(generation=2, created=2 * HOUR, spans=(Span(2 * HOUR, 1),), cost_per_hour=1.0)
FREE = a_burst(generation=3, created=0.0, spans=(Span(0.0, 2),), failure=Failure("no image"))
USES = (
    Use("burst-0-g1", 1, 7, 4, 0.0, HOUR),
    Use("burst-0-g2", 1, 7, 1, 2 * HOUR),
    Use("burst-0-g1", 2, 8, 1, 0.0),
)
NOW = 3 * HOUR


def table(by: By, bursts=(FIRST, SECOND), since: float = 0.0) -> dict[str, float | None]:
    """The dollars of each row."""
    found = rows(by, bursts, USES, NOW, since)
    return {row.name: None if row.dollars is None else round(row.dollars, 6) for row in found}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.BURST, {"burst-0-g1": 9.0, "burst-0-g2": 1.0}),
        (By.POOL, {"burst-0": 10.0}),
        (By.USER, {"7": 6.75, "8": 2.25, NOBODY: 1.0}),
        (By.JOB, {"ƒ2": 5.0, "ƒ3": 3.0, NO_JOB: 2.0}),
    ],
)
def test_each_report_has_all_that_was_spent(by, expected) -> None:
    """Whatever a row is about, the rows together are what the bursts have cost."""
    assert table(by) == expected
    assert total(rows(by, (FIRST, SECOND), USES, NOW)).dollars == pytest.approx(10.0)


def test_only_what_was_spent_after_a_moment_counts() -> None:
    """A burst that went before is left out; one that lived then counts from then on."""
    assert table(By.BURST, since=HOUR) == {"burst-0-g1": 4.5, "burst-0-g2": 1.0}
    assert table(By.BURST, since=2.5 * HOUR) == {"burst-0-g2": 0.5}


def test_what_has_no_price_has_hours_and_no_dollars() -> None:
    """No price is no zero."""
    (row,) = rows(By.BURST, (FREE,), (), NOW)
    assert (row.host_hours, row.dollars) == (6.0, None)


def test_a_row_says_what_befell_its_burst() -> None:
    """Machines that the cloud took back, and a failure, stand beside the money."""
    notes = {row.name: row.note for row in rows(By.BURST, (FIRST, FREE), (), NOW)}
    assert notes == {"burst-0-g1": "reclaimed by the cloud: burst-0-1", "burst-0-g3": "failed: no image"}
