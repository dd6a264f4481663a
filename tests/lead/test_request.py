"""Jobspecs as a real Flux makes them, and as nobody should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burstd.core.constraint import Constraint, Operator
from burstd.core.model import Placement, Request, Wish
from burstd.lead.request import NOTHING, read, read_request, read_wish

JOBSPECS = json.loads((Path(__file__).parent / "transcripts" / "jobspecs.json").read_text())


@pytest.mark.parametrize(
    ("shape", "request_"),
    [
        ("n4", Request(0, 4, 1)),
        ("n4c2", Request(0, 4, 2)),
        ("g1", Request(0, 1, 1, 1)),
        ("N4", Request(4, 1, 1, exclusive=True)),
        ("N4x", Request(4, 1, 1, exclusive=True)),
        ("N4n8", Request(4, 2, 1)),
        ("N2n2c2g1", Request(2, 1, 2, 1)),
        ("N2gpus", Request(2, 1, 1, 1, exclusive=True)),
    ],
)
def test_a_recorded_shape_is_reduced_to_its_request(shape: str, request_: Request) -> None:
    """Each shape that `flux submit` makes is understood."""
    assert read(JOBSPECS[shape]).request == request_


@pytest.mark.parametrize(
    ("shape", "wish"),
    [
        ("n4", None),
        ("burstable", Wish()),
        ("burstable-true", Wish()),
        ("burstable-false", None),
        ("burstable-zero", None),
        ("burstable-name", Wish("gke")),
        ("burstable-object", Wish("gke")),
        ("burstable-list", Wish(nonsense="[1, 2]")),
    ],
)
def test_a_recorded_burstable_value_is_a_wish(shape: str, wish: Wish | None) -> None:
    """Each way to say `--setattr=burstable` means what its user meant."""
    assert read(JOBSPECS[shape]).wish == wish


@pytest.mark.parametrize(
    ("value", "wish"),
    [
        (None, None),
        (False, None),
        (0, None),
        (0.0, None),
        ("false", None),
        ("0", None),
        (1, Wish()),
        (1.0, Wish()),
        ("", Wish()),
        ("true", Wish()),
        ("1", Wish()),
        (" burst-0 ", Wish("burst-0")),
        ({"pool": "burst-0"}, Wish("burst-0")),
        ({"pool": "burst-0", "placement": "mixed"}, Wish("burst-0", placement=Placement.MIXED)),
        ({"plugin": "gke", "placement": "pool"}, Wish("gke", placement=Placement.POOL)),
        ({"placement": "together"}, Wish(placement=Placement.POOL)),
        ({"placement": "apart"}, Wish(nonsense='{"placement": "apart"}')),
        ({"pool": "a", "placement": ["mixed"]}, Wish(nonsense='{"pool": "a", "placement": ["mixed"]}')),
        ({"pool": 3, "placement": "mixed"}, Wish(nonsense='{"pool": 3, "placement": "mixed"}')),
        (2, Wish(nonsense="2")),
        (-0.5, Wish(nonsense="-0.5")),
        ({}, Wish(nonsense="{}")),
        ({"plugin": 3}, Wish(nonsense='{"plugin": 3}')),
    ],
)
def test_a_burstable_value_is_a_wish_or_shown_as_nonsense(value: Any, wish: Wish | None) -> None:
    """False, 0 and null are no wish; what is not understood is shown in the user's own words."""
    assert read_wish(value) == wish


def test_long_nonsense_is_shown_shortly() -> None:
    """A memo has no room for a page."""
    wish = read_wish(["x" * 1000])
    assert wish is not None
    assert len(wish.nonsense) == 60


def test_constraint_queue_and_name_are_read() -> None:
    """What places the job and what names it come from its attributes."""
    reading = read(JOBSPECS["requires"])
    assert reading.constraint == Constraint(Operator.PROPERTIES, ("burst",))
    assert (reading.queue, reading.name) == ("burst", "named")


@pytest.mark.parametrize(
    "count", [{"min": 3, "max": 9, "operator": "+", "operand": 1}, "3-9", "3+", "3", "[3,5]"]
)
def test_a_range_counts_by_its_minimum(count: Any) -> None:
    """A range of RFC 14 or RFC 45 is satisfied by its least."""
    slot = {"type": "slot", "count": count, "with": [{"type": "core", "count": 1}]}
    assert read_request({"resources": [slot]}) == Request(0, 3, 1)


def test_a_slot_of_whole_hosts_is_exclusive_hosts() -> None:
    """A slot may hold hosts instead of being held by them."""
    node = {
        "type": "node",
        "count": 2,
        "with": [{"type": "slot", "count": 1, "with": [{"type": "core", "count": 4}]}],
    }
    assert read_request({"resources": [{"type": "slot", "count": 3, "with": [node]}]}) == Request(
        6, 1, 4, exclusive=True
    )


@pytest.mark.parametrize(
    "resources",
    [
        None,
        [],
        [{"type": "rack", "count": 1, "with": []}],
        [{"type": "slot", "count": 1}],
        [{"type": "slot", "count": 0, "with": [{"type": "core", "count": 1}]}],
        [{"type": "slot", "count": True, "with": [{"type": "core", "count": 1}]}],
        [{"type": "slot", "count": "many", "with": [{"type": "core", "count": 1}]}],
        [{"type": "slot", "count": 1, "with": [{"type": "ssd", "count": 1}]}],
        [{"type": "node", "count": 1, "with": [{"type": "core", "count": 1}]}],
    ],
)
def test_strange_resources_become_the_wish_s_nonsense(resources: Any) -> None:
    """A burstable job that burstd cannot place says what was not understood; another job does not matter."""
    strange = {"resources": resources, "attributes": {"system": {"burstable": 1}}}
    reading = read(strange)
    assert reading.request == NOTHING
    assert reading.wish is not None
    assert reading.wish.nonsense
    assert read({"resources": resources}).wish is None
    with pytest.raises(ValueError, match=r"not understood|empty"):
        read_request(strange)


@pytest.mark.parametrize(
    ("value", "cwd"),
    [
        ("/home/it's $(a `b`)\n", "/home/it's $(a `b`)\n"),
        ("/home/\udcff", "/home/\udcff"),
        (None, ""),
        (7, ""),
        (["/home"], ""),
        ({"a": 1}, ""),
    ],
)
def test_a_working_directory_is_read_as_it_is(value: Any, cwd: str) -> None:
    """Text is kept whatever is in it, for others to judge; anything else is none."""
    assert read({**JOBSPECS["n4"], "attributes": {"system": {"cwd": value}}}).cwd == cwd
    assert read(JOBSPECS["n4"]).cwd == JOBSPECS["n4"]["attributes"]["system"]["cwd"]


@pytest.mark.parametrize("constraints", [{"colour": ["red"]}, ["burst"], {"and": ["burst"]}])
def test_strange_constraints_become_the_wish_s_nonsense(constraints: Any) -> None:
    """A constraint outside RFC 31 is not taken for no constraint."""
    jobspec = {**JOBSPECS["n4"], "attributes": {"system": {"burstable": 1, "constraints": constraints}}}
    wish = read(jobspec).wish
    assert wish is not None
    assert wish.nonsense
