"""The page about the configuration, and the examples, are true."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from burstd.config import Config, Flags, LeadConfig, LimitsConfig, PoolConfig, load
from burstd.config.reference import EXAMPLE, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_models_say() -> None:
    """docs/configuration.md is the output of `python -m burstd.config.reference`."""
    assert (ROOT / "docs/configuration.md").read_text() == page()


def test_the_pages_example_is_the_examples_file() -> None:
    """The example on the page is one of those that are tried below."""
    assert (ROOT / "examples/local.yaml").read_text() == EXAMPLE


@pytest.mark.parametrize("model", [Config, LeadConfig, LimitsConfig, PoolConfig])
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    """No setting is without words."""
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_have_no_mistakes(path: Path) -> None:
    """Each example can be used as it stands."""
    assert load(path, Flags(), ("local",), here=False).pools
