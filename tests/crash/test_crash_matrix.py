"""A sample of the crash matrix, chosen evenly; `make crash-matrix` runs all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crash.cases import in_process, sample, tiers, uncovered
from crash.matrix import result_of
from crash.points import Point

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

PARTS = 24
"""Tests that the sample is cut into, so that several processes can share it."""

SAMPLED = 520


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_dies_whenever_nothing_is_lost_or_bought_twice(part: int) -> None:
    """Each case of the sample ends with what was wanted done, nothing left, and no invariant violated."""
    chosen = sample(SAMPLED)[part::PARTS]
    assert chosen
    violated = [one for one in map(result_of, chosen) if one.violations]
    assert not violated, "\n".join(f"{one.case}: {'; '.join(one.violations)}" for one in violated)


@pytest.mark.process
def test_the_page_claims_no_more_cases_than_there_are() -> None:
    """Each tier is told on the page, with no more cases than the matrix has now."""
    claimed = dict(re.findall(r"^\| (T\d [^|]+) \| [^|]+ \| (\d+) \|$", PAGE.read_text(), re.MULTILINE))
    assert claimed.keys() == tiers().keys()
    for tier, cases in tiers().items():
        assert int(claimed[tier]) <= len(cases)


def test_every_verb_has_cases() -> None:
    """An effect that no script has would never be crashed: a new verb needs a script in which it occurs."""
    assert not uncovered()


def test_every_crash_point_is_met() -> None:
    """A crash point that no clean run passes would never be hit."""
    cases = [case for tier, found in in_process().items() for case in found if tier.startswith("T1")]
    met = {case.boundary.point for case in cases if case.boundary is not None}
    assert met == set(Point)
