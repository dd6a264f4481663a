"""Job ids as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.jobid import f58, parse


@given(st.integers(min_value=0, max_value=(1 << 64) - 1))
def test_what_is_shown_can_be_typed(job: int) -> None:
    """Every id is read again from its f58 form, with ƒ or a plain f, and from its decimal one."""
    assert parse(f58(job)) == parse(f58(job).replace("ƒ", "f")) == parse(str(job)) == job


def test_ids_as_flux_reads_them() -> None:
    """`flux job id --to=dec` says the same of these."""
    assert [parse("ƒuzzybunny"), parse("f2oLkTLb"), parse("ƒ1")] == [6787342413402046, 68484595712, 0]


@pytest.mark.parametrize("text", ["", "ƒ", "f", "ƒ0", "ƒIl", "-1", "1.5", "٣", " 1", "0x1f", str(1 << 64)])
def test_what_is_no_id(text: str) -> None:
    """Anything else is refused, with what an id looks like."""
    with pytest.raises(ValueError, match="is not a job id: one reads like"):
        parse(text)
