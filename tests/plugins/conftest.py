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
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.local import make
from burstd.stage import machine
from burstd.testing.provider_contract import Venue

OWNERS = ("tester", "stranger")


@dataclass(frozen=True)
class LocalVenue(Venue):
    """A venue for the provider `local`, and the directory in which it keeps its files."""

    directory: Path = Path()


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
            yield LocalVenue(partial(_a_local, directory, flux), pool, join, directory=directory)
        finally:
            for provider in (_a_local(directory, flux, owner) for owner in OWNERS):
                for site in provider.observe().sites:
                    provider.remove(site)


def _a_local(directory: Path, flux: str, owner: str) -> Provider:
    options = {"flux": flux, "stop_seconds": 2.0}
    return make(Setting(owner, "contract", directory / "state", options, "pools[0].options"))
