"""Where the provider `local` is tried: a short directory, a certificate; a lead that need not be there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from burstd.core.model import Pool, Shape
from burstd.join import curve
from burstd.join.papers import Declared, Join
from burstd.plugins.contract import Lease, LeaseTerms, Provider, Setting
from burstd.plugins.local import make
from burstd.stage import machine
from burstd.testing.provider_contract import Venue

OWNERS = ("tester", "stranger")
TERMS = LeaseTerms(idle_seconds=900.0, with_jobs_seconds=86_400.0)


@dataclass(frozen=True)
class LocalVenue(Venue):
    """A venue for the provider `local`, and the directory in which it keeps its files."""

    directory: Path = Path()
    flux: str = "embedded"

    def make_with(self, terms: LeaseTerms) -> Provider:
        """Return the provider with other terms of the lease."""
        return _a_local(self.directory, self.flux, "tester", terms)


@pytest.fixture
def embedded_venue() -> Iterator[LocalVenue]:
    """Where brokers of the embedded instance run."""
    with _venue("embedded") as venue:
        yield venue


@pytest.fixture
def real_venue() -> Iterator[LocalVenue]:
    """Where brokers of the installed Flux run."""
    with _venue("real") as venue:
        yield venue


@contextmanager
def _venue(flux: str) -> Iterator[LocalVenue]:
    """Give a venue; whatever was started in it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        directory = Path(folder).resolve()
        shape = Shape(machine.cores())
        curve.write(directory / "curve.cert", "tests")
        declared = (Declared("lead-0", shape), Declared("burst-0-[0-3]", shape))
        join = Join("127.0.0.1", machine.free_port(), declared, directory / "curve.cert")
        hosts = tuple(f"burst-0-{index}" for index in range(4))
        pool = Pool("burst-0", "local", hosts, (1, 2, 3, 4), shape)
        try:
            yield LocalVenue(partial(_a_local, directory, flux), pool, join, directory=directory, flux=flux)
        finally:
            for provider in (_a_local(directory, flux, owner) for owner in OWNERS):
                for site in provider.observe().sites:
                    provider.remove(site)


def _a_local(directory: Path, flux: str, owner: str, terms: LeaseTerms = TERMS) -> Provider:
    options = {"flux": flux, "stop_seconds": 2.0}
    state, path = directory / "state", "pools[0].options"
    return make(Setting(owner, "contract", state, options, path, lease=Lease(terms)))
