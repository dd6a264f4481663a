"""Job constraints (RFC 31)."""

from __future__ import annotations

import pytest

from burstd.core.constraint import ANYWHERE, parse

BURST = frozenset({"burst"})


@pytest.mark.parametrize(
    ("payload", "allowed"),
    [
        (None, True),
        ({}, True),
        ({"properties": ["burst"]}, True),
        ({"properties": ["^burst"]}, False),
        ({"properties": ["burst", "gpu"]}, False),
        ({"hostlist": ["burst-0-[0-3]"]}, True),
        ({"hostlist": ["burst-0-[2-3]"]}, False),
        ({"ranks": ["4-5"]}, True),
        ({"ranks": ["0"]}, False),
        ({"and": [{"properties": ["burst"]}, {"ranks": ["5"]}]}, True),
        ({"or": [{"ranks": ["0"]}, {"properties": ["burst"]}]}, True),
        ({"not": [{"properties": ["burst"]}]}, False),
    ],
)
def test_a_constraint_judges_a_host(payload, allowed):
    """Rank 5, burst-0-1 with property burst, is allowed or not."""
    assert parse(payload).allows(5, "burst-0-1", BURST) is allowed


def test_no_constraint_allows_everything():
    """An empty conjunction is true."""
    assert ANYWHERE.allows(0, "x", frozenset())


def test_an_unknown_operator_is_refused():
    """The operator that Flux would not know is named."""
    with pytest.raises(ValueError, match="unknown constraint operator: color"):
        parse({"color": ["red"]})
