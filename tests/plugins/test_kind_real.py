"""The provider's contract on real kind clusters, where BURSTD_TEST_KIND names the image for the brokers.

It makes and deletes some ten clusters, each of which takes minutes: not part of what runs everywhere.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kind_venue import papers

from burstd.plugins.contract import Setting
from burstd.plugins.kind import Kind, make
from burstd.testing.provider_contract import ProviderContract, Venue

IMAGE = os.environ.get("BURSTD_TEST_KIND", "")
OWNERS = ("tester", "stranger")

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not IMAGE, reason="NOT RUN on real kind clusters: BURSTD_TEST_KIND names no image"),
]


class TestRealKind(ProviderContract):
    """Clusters in this machine's Docker, of one worker each."""

    @pytest.fixture
    def venue(self) -> Iterator[Venue]:
        with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
            directory = Path(folder).resolve()
            join, pool = papers(directory)
            try:
                yield Venue(
                    lambda owner: a_kind(directory, owner), pool, join, prefix="contract", seconds=900.0
                )
            finally:
                sweep(directory)


def a_kind(directory: Path, owner: str) -> Kind:
    options = {"image": IMAGE, "workers": 1, "operator": {"allow_floating": True}}
    made = make(Setting(owner, "contract", directory / "state", options, "pools[0].options"))
    assert isinstance(made, Kind)
    return made


def sweep(directory: Path) -> None:
    for provider in (a_kind(directory, owner) for owner in OWNERS):
        for site in provider.observe().sites:
            provider.remove(site)
