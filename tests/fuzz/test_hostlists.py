"""Hostlists and idsets of any text: read whole or refused, never more than a bound, the same as Flux."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.constraint import MOST_NAMES
from burstd.core.constraint import parse as parse_constraint
from burstd.core.hosts import MOST, compress, expand, format_idset, parse_idset

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
TEXTS = st.one_of(st.text(max_size=60), st.text("a1[]-,0 9", max_size=40))
RANGES = st.tuples(st.integers(0, 120), st.integers(0, 12)).map(lambda pair: f"{pair[0]}-{sum(pair)}")
LISTS = st.lists(
    st.one_of(
        NAMES,
        st.tuples(NAMES, st.lists(RANGES, min_size=1, max_size=3)).map(
            lambda pair: f"{pair[0]}[{','.join(pair[1])}]"
        ),
    ),
    max_size=6,
).map(",".join)


@given(st.lists(NAMES, max_size=12))
def test_any_hosts_survive_compressing(hosts):
    """Expanding a compressed list gives back the hosts, in order, whatever digits their names end with."""
    assert expand(compress(hosts)) == tuple(hosts)


@given(TEXTS)
def test_any_text_is_a_hostlist_or_refused(text):
    """Whatever the text, expand returns names or raises ValueError."""
    try:
        hosts = expand(text)
    except ValueError:
        return
    assert all(host and "[" not in host for host in hosts)


@given(st.one_of(TEXTS, st.text("0123456789-,[] ", max_size=20)))
def test_any_text_is_an_idset_or_refused(text):
    """Whatever the text, parse_idset returns ids that read back the same, or raises ValueError."""
    try:
        ids = parse_idset(text)
    except ValueError:
        return
    assert parse_idset(format_idset(ids)) == ids


@pytest.mark.parametrize(
    "text",
    ["a[0-99999999999]", "a[0-999999],b[0-5]", f"a[0-{'9' * 400}]", "a[0-999999,0-999999]"],
)
def test_a_list_that_would_fill_the_memory_is_refused(text):
    """A user's constraint may name any range; one beyond the bound is an error before it is a list."""
    with pytest.raises(ValueError, match=f"{MOST}|RFC 29"):
        expand(text)
    with pytest.raises(ValueError, match=f"{MOST}|RFC 22"):
        parse_idset(text.replace("a[", "").replace("]", "").replace(",b[0-5", ",0-5000000"))


def test_a_constraint_of_many_lists_is_bounded_as_a_whole():
    """Many lists, each within its bound, are refused together once they name too many hosts."""
    with pytest.raises(ValueError, match=str(MOST_NAMES)):
        parse_constraint({"hostlist": ["a[0-99998]", "b[0-99]"]})


def test_a_long_list_takes_time_in_proportion():
    """A megabyte of commas is split in one pass: with a look ahead at each comma it would take minutes."""
    assert len(expand("a," * 300_000)) == 300_000


@pytest.mark.real_flux
@pytest.mark.process
@given(st.lists(LISTS, min_size=1, max_size=20))
def test_hostlists_mean_what_flux_means_by_them(lists):
    """What burstd expands is what Flux's own bindings expand, and reads back the same."""
    hostlist = pytest.importorskip("flux.hostlist")
    for text in lists:
        ours = expand(text)
        assert list(hostlist.decode(text)) == list(ours)
        assert list(hostlist.decode(compress(ours))) == list(ours)


@pytest.mark.real_flux
@pytest.mark.process
def test_the_flux_hostlist_tool_reads_what_burstd_writes():
    """The tool on PATH expands a compressed list with every kind of number to the hosts that went in."""
    hosts = [
        *(f"n{number:03}" for number in range(8, 13)),
        *(f"b-{n}" for n in (9, 10, 11)),
        "c",
        "n1",
        "n01",
    ]
    told = subprocess.run(
        ["flux", "hostlist", "--expand", "--delimiter=\n", compress(hosts)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.split() == hosts
