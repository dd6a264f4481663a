"""Bursts on kind clusters: Kubernetes in the Docker of this machine, for development and for a first look."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from burstd.core.errors import EffectError, Problem
from burstd.core.findings import Check, Finding, State, guarded
from burstd.core.model import Pool, Site
from burstd.kube import checks, examination, kubeconfig, minicluster, testimony
from burstd.kube.ground import Machine
from burstd.kube.kinds import Manifest
from burstd.plugins.contract import Join, Lease, Listing, Order, Provider, Setting, Shape, Shrinks
from burstd.plugins.kind import options as kind_options
from burstd.plugins.kind import program
from burstd.plugins.kind.clusters import Clusters
from burstd.plugins.kind.grounds import private
from burstd.plugins.kind.options import KindOptions

__all__ = ["Kind", "make"]


def make(setting: Setting) -> Provider:
    """Return the provider of one pool. Raises ConfigError on bad options."""
    options, own = kind_options.read(setting)
    return Kind(options, Clusters(setting, options, own), setting.lease)


class Kind:
    """Makes a kind cluster for each burst, and runs its brokers there. Costs nothing."""

    paid = False
    shape: Shape | None = None
    shrinks: Shrinks = "top"

    def __init__(self, options: KindOptions, clusters: Clusters, lease: Lease | None) -> None:
        self.renewal_seconds = lease.renewal_seconds if lease else 0.0
        self._lease = lease
        self.listing_seconds = options.listing_seconds
        self._options = options
        self._clusters = clusters

    def close(self) -> None:
        """Drop every connection; nothing is taken away."""
        self._clusters.close()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        missing = tuple(program.problems(self._options.load_images))
        unheard = () if missing else tuple(_docker_problems())
        found = checks.problems(pool, join, self._options, paid=self.paid, lease=self._lease)
        return (*found, *missing, *unheard)

    def diagnose(self, pool: Pool, join: Join) -> Iterator[Finding]:  # noqa: ARG002  Docker is the same for all
        yield from guarded(Check.CREDENTIALS, _docker())
        yield Finding(State.OK, Check.CLOCK, "its clusters are on this machine, so their clock is the same")
        yield from examination.of_papers(self._options, join)

    def logs(self, site: Site) -> Iterator[tuple[str, str]]:
        return testimony.logs(self._clusters.cluster_of(site), site)

    def certificate(self, site: Site) -> str | None:
        return testimony.certificate(self._clusters.cluster_of(site), site)

    def observe(self) -> Listing:
        return self._clusters.observe()

    def provision(self, order: Order) -> None:
        self._clusters.provision(order)

    def launch(self, order: Order) -> None:
        self._clusters.ground(order).launch(order)

    def resize(self, order: Order) -> None:
        self._clusters.ground(order).resize(order)

    def remove(self, site: Site) -> None:
        self._clusters.remove(site)

    def renew(self, site: Site, *, busy: bool) -> None:
        self._clusters.renew(site, busy=busy)

    def owners(self) -> tuple[str, ...]:
        return tuple(sorted(self._clusters.owners()))

    def manifests(self, order: Order) -> tuple[Manifest, ...]:
        return minicluster.manifests(order, self._options, Machine(), self._lease)

    def kubeconfig(self, site: Site) -> str:
        text = self._clusters.kubeconfig(site)
        with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
            return kubeconfig.minified(str(private(Path(folder), text)), "", site.name)


def _docker() -> Iterator[Finding]:
    count = len(program.clusters())
    yield Finding(State.OK, Check.CREDENTIALS, f"Docker and kind answer; clusters of kind here: {count}")


def _docker_problems() -> Iterable[Problem]:
    """Ask kind for something that changes nothing."""
    try:
        program.clusters()
    except EffectError as exc:
        hint = "see that Docker runs and that burstd's user may use it: `docker ps`"
        yield Problem("provider", str(exc), hint)
