"""The page about schedulers: the tests that it names are there, and every row of its table has one."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from pages import PAGES, ROOT, named, named_tests, table

SCHEDULERS = ROOT / "docs/schedulers.md"
SITUATIONS = table(SCHEDULERS, "## Scheduler by situation\n")
TESTS = {row[0]: row[1] for row in table(SCHEDULERS, "## The tests\n")}

_LABEL = re.compile(r"\b[A-Z]\d+\b")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_tests_that_a_page_names_are_there(page) -> None:
    """Every test on a page, named as pytest names it, is a function of that file and class."""
    found = [(file, names) for file, names in named_tests(page) if names not in defined(file)]
    assert found == []


def test_every_situation_is_shown_by_a_test() -> None:
    """Each row of the table names what Flux does, what burstd does, what is left, and a test in the list."""
    assert len(SITUATIONS) >= 20
    for row in SITUATIONS:
        assert len(row) == 6, row
        assert all(row[1:]), row
        assert row[5].split(), row
        assert set(row[5].split()) <= set(TESTS), row


def test_every_situation_has_each_scheduler() -> None:
    """For each situation the table tells of sched-simple, of easy and of fcfs."""
    told: dict[str, str] = {}
    situation = ""
    for first, scheduler, *_ in SITUATIONS:
        situation = first or situation
        told[situation] = f"{told.get(situation, '')} {scheduler}"
    lacking = [
        name
        for name, schedulers in told.items()
        if "each" not in schedulers and not all(one in schedulers for one in ("sched-simple", "easy", "fcfs"))
    ]
    assert lacking == []


def test_every_test_of_the_list_is_spoken_of() -> None:
    """The list has no test that nothing above it refers to."""
    above = SCHEDULERS.read_text().partition("| D1 | `")[0]
    assert set(TESTS) == set(_LABEL.findall(above)) & set(TESTS)
    assert len(set(TESTS.values())) == len(TESTS)


@cache
def defined(file: str) -> frozenset[tuple[str, ...]]:
    """Return the names of the functions of a file, each after its class."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    own = {(node.name,) for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    inner = {
        (one.name, node.name) for one in classes for node in one.body if isinstance(node, ast.FunctionDef)
    }
    return frozenset(own | inner)
