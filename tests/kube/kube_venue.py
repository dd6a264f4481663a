"""Where Kubernetes sites are tried: a fake cluster with a fake operator, whose pods are real brokers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.kube import ApiServer
from fakes.operator import Delays, ImageBehaviour, Operator

from burstd.core.model import Pool, Shape
from burstd.join import curve
from burstd.join.papers import Declared, Join, Order
from burstd.plugins.contract import Lease, LeaseTerms, Setting
from burstd.plugins.kubernetes import Kubernetes, make
from burstd.stage import machine

OPERATOR_YAML = Path(__file__).parents[1] / "fakes" / "flux-operator.yaml"
LEASE = Lease(LeaseTerms(900.0, 86_400.0), "registry.example.org/burstd:1")
IMAGE = "registry.example.org/flux:0.88.0"
DIGEST = "registry.example.org/flux-operator@sha256:" + "0" * 64


@dataclass
class Town:
    """A cluster, a place for files, and papers of a lead that need not be there."""

    api: ApiServer
    directory: Path
    join: Join
    pool: Pool
    kubeconfig: Path
    options: dict[str, Any] = field(default_factory=dict)

    def order(self, size: int = 2, *, owner: str = "tester", generation: int = 1) -> Order:
        name = f"contract-{self.pool.name}-g{generation}"
        return Order(owner, name, self.pool, generation, size, self.join)


def papers(directory: Path, port: int = 0) -> tuple[Join, Pool]:
    """Return what a lead of one host would give out, and its pool of four."""
    certificate = directory / "curve.cert"
    curve.write(certificate, "tests")
    shape = Shape(machine.cores())
    declared = (Declared("lead-0", shape), Declared("burst-0-[0-3]", shape))
    hosts = tuple(f"burst-0-{index}" for index in range(4))
    join = Join("127.0.0.1", port or machine.free_port(), declared, certificate, image=IMAGE)
    return join, Pool("burst-0", "kubernetes", hosts, (1, 2, 3, 4), shape)


@contextmanager
def town(
    images: Mapping[str, ImageBehaviour] | None = None,
    delays: Delays | None = None,
    flavor: str = "embedded",
    **api: Any,
) -> Iterator[Town]:
    """Give a cluster with the operator's controllers; whatever runs there ends with it."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder, ApiServer(**api) as server:
        directory = Path(folder).resolve()
        join, pool = papers(directory)
        file = directory / "kubeconfig"
        server.write_kubeconfig(file)
        options = {
            "kubeconfig": str(file),
            "listing_seconds": 0.05,
            "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST, "install": True},
        }
        with Operator(
            server.store,
            directory=directory / "pods",
            flavor=flavor,
            images=images,
            delays=delays or Delays(back_off=0.2, retry=0.2),
        ):
            yield Town(server, directory, join, pool, file, options)


def a_kubernetes(
    place: Town, owner: str = "tester", *, lease: Lease | None = LEASE, **options: Any
) -> Kubernetes:
    """Return a provider of an owner on this cluster."""
    given = place.options | options
    made = make(Setting(owner, "contract", place.directory, given, "pools[0].options", lease=lease))
    assert isinstance(made, Kubernetes)
    return made
