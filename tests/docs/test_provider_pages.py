"""The tables of options on the pages about providers are those of the models."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pages import ROOT, named

from burstd.kube.options import KubeOptions
from burstd.kube.reference import page, table

PAGES = sorted((ROOT / "docs/providers").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_tables_are_what_the_models_say(path: Path) -> None:
    """A page is what `python -m burstd.kube.reference docs/providers/*.md` leaves of it."""
    assert path.read_text() == page(path.read_text())


@pytest.mark.parametrize("name", ["kubernetes", "gke", "kind"])
def test_the_models_options_are_on_the_page(name: str) -> None:
    """The page of a provider has the table of its own options; that of `kubernetes` also the common ones."""
    models = re.findall(r"<!-- options: (.+) -->", (ROOT / f"docs/providers/{name}.md").read_text())
    assert any(model.startswith(f"burstd.plugins.{name}") for model in models)
    assert name != "kubernetes" or "burstd.kube.options:KubeOptions" in models


def test_every_option_is_described() -> None:
    """No option is without words."""
    assert re.search(r"\| *\|$", table(KubeOptions), re.MULTILINE) is None


def test_every_provider_that_makes_sites_elsewhere_has_a_page() -> None:
    """What pip installs as a provider, except for `local`, has a page of its name."""
    names = {one.name for one in entry_points(group="burstd.providers") if one.value.startswith("burstd.")}
    assert names - {"local"} <= {path.stem for path in PAGES}
