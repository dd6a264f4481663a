"""Hostlists (RFC 29), idsets (RFC 22) and ranks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.hosts import compress, expand, format_idset, parse_idset, rank_table

PAIRS = [
    ("a", ("a",)),
    ("a0", ("a0",)),
    (
        "flux-sample-[0-1],burst-0-[0-2]",
        ("flux-sample-0", "flux-sample-1", *(f"burst-0-{n}" for n in range(3))),
    ),
    ("n[08-10]", ("n08", "n09", "n10")),
    ("burst-0-[0,2-3]", ("burst-0-0", "burst-0-2", "burst-0-3")),
    ("b1,a1", ("b1", "a1")),
    ("", ()),
]


@pytest.mark.parametrize(("hostlist", "hosts"), PAIRS)
def test_a_hostlist_expands_in_order(hostlist, hosts):
    """Each range becomes its hosts, in the order written."""
    assert expand(hostlist) == hosts


@pytest.mark.parametrize(("hostlist", "hosts"), [pair for pair in PAIRS if pair[0] != "n[08-10]"])
def test_hosts_compress_to_the_shortest_list(hostlist, hosts):
    """Runs of one prefix become a range again."""
    assert compress(hosts) == hostlist


@pytest.mark.parametrize("bad", ["a[0-", "a[x]", "a[3-1]", "a]", "a[1,]b["])
def test_what_is_no_hostlist_is_refused(bad):
    """A malformed part is named in the error."""
    with pytest.raises(ValueError, match="RFC 29"):
        expand(bad)


@given(st.lists(st.tuples(st.sampled_from(["a", "b-", "c-0-"]), st.integers(0, 120)), max_size=12))
def test_compressing_loses_nothing(parts):
    """Expanding a compressed list gives the hosts back, in order."""
    hosts = tuple(f"{prefix}{number}" for prefix, number in parts)

    assert expand(compress(hosts)) == hosts


@given(st.sets(st.integers(0, 60)))
def test_idsets_round_trip(ids):
    """An idset written and read is the same set."""
    assert set(parse_idset(format_idset(ids))) == ids


def test_idsets_read_as_flux_writes_them():
    """Ranges, single ids, brackets and the empty set are read."""
    assert parse_idset("[0-2,5]") == (0, 1, 2, 5)
    assert parse_idset("") == ()
    assert format_idset((5, 0, 1, 2)) == "0-2,5"


def test_a_rank_is_a_position():
    """The table gives each host its place in the list."""
    assert rank_table("flux-sample-[0-1],burst-0-[0-1]")["burst-0-1"] == 3
