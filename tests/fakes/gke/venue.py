"""Where the provider `gke` is tried: a fake GKE whose clusters have the operator, and brokers as pods."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from burstd.core.model import Pool, Shape, Site
from burstd.join import curve
from burstd.join.papers import Declared, Join, Order
from burstd.plugins.contract import Lease, LeaseTerms, Setting
from burstd.plugins.gke import Gke, make
from burstd.stage import machine
from fakes.gke.server import FakeGke
from fakes.gke.settings import Delays
from fakes.kube import ApiServer
from fakes.operator import Delays as PodDelays
from fakes.operator import Operator

OPERATOR_YAML = Path(__file__).parents[1] / "flux-operator.yaml"
DIGEST = "registry.example.org/flux-operator@sha256:" + "0" * 64
LEASE = Lease(LeaseTerms(900.0, 86_400.0), "registry.example.org/burstd:1")
IMAGE = "registry.example.org/flux:0.88.0"
ZONE = "us-central1-a"
CORES = 2
"""Of a c2-standard-4."""


@dataclass
class Region:
    """A GKE, a place for files, and papers of a lead that need not be there."""

    gke: FakeGke
    directory: Path
    join: Join
    pool: Pool
    providers: list[Gke] = field(default_factory=list)
    clusters: list[ApiServer] = field(default_factory=list)
    """The API server of every cluster that there ever was, where they have an operator."""

    def options(self, **options: Any) -> dict[str, Any]:
        """Return options of a pool here, with these over them."""
        return {
            "project": "test-project",
            "zone": ZONE,
            "machine_type": "c2-standard-4",
            "insecure_endpoint": self.gke.endpoint,
            "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST},
        } | options

    def provider(self, owner: str = "tester", **options: Any) -> Gke:
        """Return a provider of an owner here; it is closed with the region."""
        given, path = self.options(**options), "pools[0].options"
        made = make(Setting(owner, "contract", self.directory, given, path, lease=LEASE))
        assert isinstance(made, Gke)
        self.providers.append(made)
        return made

    def order(self, size: int = 1, *, owner: str = "tester", generation: int = 1, **pool: Any) -> Order:
        """Return an order for the first hosts of the pool, whose other settings may be given."""
        name = f"contract-{self.pool.name}-g{generation}"
        return Order(owner, name, replace(self.pool, **pool), generation, size, self.join)


@contextmanager
def region(*, operator: bool = False, delays: Delays | None = None, **gke: Any) -> Iterator[Region]:
    """Give a fake GKE. `operator`: its clusters have a fake operator, whose pods are real processes."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        directory = Path(folder).resolve()

        clusters: list[ApiServer] = []

        def attach(name: str, api: ApiServer) -> Operator:
            clusters.append(api)
            return Operator(
                api.store,
                directory=directory / name,
                delays=PodDelays(back_off=0.2, retry=0.2),
                nodes="listed",
            )

        with FakeGke(delays, attach if operator else None, **gke) as fake:
            join, pool = papers(directory)
            made = Region(fake, directory, join, pool, clusters=clusters)
            try:
                yield made
            finally:
                for provider in made.providers:
                    provider.close()


def papers(directory: Path) -> tuple[Join, Pool]:
    """Return what a lead of one host would give out, and its pool of four."""
    certificate = directory / "curve.cert"
    curve.write(certificate, "tests")
    shape = Shape(CORES)
    declared = (Declared("lead-0", shape), Declared("burst-0-[0-3]", shape))
    hosts = tuple(f"burst-0-{index}" for index in range(4))
    join = Join("127.0.0.1", machine.free_port(), declared, certificate, image=IMAGE)
    return join, Pool("burst-0", "gke", hosts, (1, 2, 3, 4), shape, paid=True, provision_seconds=20.0)


def only(provider: Gke) -> Site:
    """Return the only site of a complete listing."""
    listing = provider.observe()
    assert listing.complete
    (site,) = listing.sites
    return site


def wait(
    condition: Callable[[], object], seconds: float = 60.0, told: Callable[[], object] = lambda: ""
) -> None:
    """Wait until a condition holds; `told` says what is so instead, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)
