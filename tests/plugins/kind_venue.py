"""Where the provider `kind` is tried: a stand-in for the program, whose clusters run real brokers."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.kind import Workshop

from burstd.core.model import Pool, Shape
from burstd.join import curve
from burstd.join.papers import Declared, Join, Order
from burstd.plugins.contract import Lease, LeaseTerms, Setting
from burstd.plugins.kind import Kind, make
from burstd.stage import machine

OPERATOR_YAML = Path(__file__).parents[1] / "fakes" / "flux-operator.yaml"
DIGEST = "registry.example.org/flux-operator@sha256:" + "0" * 64
LEASE = Lease(LeaseTerms(900.0, 86_400.0), "registry.example.org/burstd:1")
OPTIONS: dict[str, Any] = {
    "image": "registry.example.org/flux:0.88.0",
    "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST},
    "listing_seconds": 0.05,
}


@dataclass(frozen=True)
class Town:
    """A machine with the stand-in for kind, a place for files, papers of a lead that need not be there."""

    directory: Path
    kind: Workshop
    join: Join
    pool: Pool

    def provider(self, owner: str = "tester", **options: Any) -> Kind:
        """Return a provider of an owner, as a burstd that has just started has it."""
        state, path = self.directory / "state", "pools[0].options"
        made = make(Setting(owner, "contract", state, OPTIONS | options, path, lease=LEASE))
        assert isinstance(made, Kind)
        return made

    def order(self, size: int = 2, *, owner: str = "tester", generation: int = 1) -> Order:
        name = f"contract-{self.pool.name}-g{generation}"
        return Order(owner, name, self.pool, generation, size, self.join)

    def files_of(self, name: str, owner: str = "tester") -> Path:
        """Return where the provider keeps what it knows of a cluster."""
        return self.directory / "state" / owner / "kind" / name


@contextmanager
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Give a machine; every cluster of it is gone in the end."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        directory = Path(folder).resolve()
        join, pool = papers(directory)
        with Workshop(directory) as kind:
            for name, value in kind.environment().items():
                monkeypatch.setenv(name, value)
            yield Town(directory, kind, join, pool)


def papers(directory: Path) -> tuple[Join, Pool]:
    """Return what a lead of one host would give out, and its pool of three."""
    certificate = directory / "curve.cert"
    if not certificate.exists():
        curve.write(certificate, "tests")
    shape = Shape(machine.cores())
    declared = (Declared("lead-0", shape), Declared("burst-0-[0-2]", shape))
    hosts = tuple(f"burst-0-{index}" for index in range(3))
    join = Join("127.0.0.1", machine.free_port(), declared, certificate)
    return join, Pool("burst-0", "kind", hosts, (1, 2, 3), shape)


def main() -> None:
    """Provision an order in a process of its own, which a test may kill: `kind_venue.py DIRECTORY`."""
    directory = Path(sys.argv[1])
    join, pool = papers(directory)
    place = Town(directory, Workshop(directory), join, pool)
    place.provider().provision(place.order())


if __name__ == "__main__":
    main()
