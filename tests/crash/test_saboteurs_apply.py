"""Each saboteur still breaks what it is to break; `make saboteurs` sees that the matrix notices."""

from __future__ import annotations

import ast

import pytest

from crash.sabotage import SABOTEURS, Saboteur
from crash.saboteurs import PACKAGE, sabotaged


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda one: one.name)
def test_a_saboteur_applies(saboteur: Saboteur) -> None:
    """Its text is in its file once, and what comes of the replacement is Python and something else."""
    text = (PACKAGE / saboteur.file).read_text()
    broken = sabotaged(text, saboteur)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(text))


def test_there_are_many_and_each_has_its_name() -> None:
    """Thirty at least, no two of one name."""
    names = [one.name for one in SABOTEURS]
    assert len(set(names)) == len(names) >= 30
