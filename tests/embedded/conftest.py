"""The fixtures of the embedded instance's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from embedded_site import LEAD, Site

from burstd.lead.handle import Handle


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    built = Site(tmp_path_factory.mktemp("s"))
    yield built
    built.stop()


@pytest.fixture(scope="module")
def lead(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """Rank 0 alone, for tests that only ask and submit."""
    built = Site(tmp_path_factory.mktemp("s"))
    built.start(LEAD)
    yield built.connect()
    built.stop()
