"""Bursts on kind clusters: Kubernetes in the Docker of this machine, for development and for a first look."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from burstd.core.errors import EffectError, Problem
from burstd.core.model import Pool, Site
from burstd.kube import checks, kubeconfig, minicluster
from burstd.kube.ground import Machine
from burstd.kube.kinds import Manifest
from burstd.plugins.contract import Join, Listing, Order, Provider, Setting, Shape, Shrinks
from burstd.plugins.kind import options as kind_options
from burstd.plugins.kind import program
from burstd.plugins.kind.clusters import Clusters
from burstd.plugins.kind.grounds import private
from burstd.plugins.kind.options import KindOptions

__all__ = ["Kind", "make"]


def make(setting: Setting) -> Provider:
    """Return the provider of one pool. Raises ConfigError on bad options."""
    options, own = kind_options.read(setting)
    return Kind(options, Clusters(setting, options, own))


class Kind:
    """Makes a kind cluster for each burst, and runs its brokers there. Costs nothing."""

    paid = False
    shape: Shape | None = None
    shrinks: Shrinks = "top"

    def __init__(self, options: KindOptions, clusters: Clusters) -> None:
        self.listing_seconds = options.listing_seconds
        self._options = options
        self._clusters = clusters

    def close(self) -> None:
        """Drop every connection; nothing is taken away."""
        self._clusters.close()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        missing = tuple(program.problems(self._options.load_images))
        unheard = () if missing else tuple(_docker_problems())
        return (*checks.problems(pool, join, self._options), *missing, *unheard)

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

    def manifests(self, order: Order) -> tuple[Manifest, ...]:
        return minicluster.manifests(order, self._options, Machine())

    def kubeconfig(self, site: Site) -> str:
        text = self._clusters.kubeconfig(site)
        with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
            return kubeconfig.minified(str(private(Path(folder), text)), "", site.name)


def _docker_problems() -> Iterable[Problem]:
    """Ask kind for something that changes nothing."""
    try:
        program.clusters()
    except EffectError as exc:
        hint = "see that Docker runs and that burstd's user may use it: `docker ps`"
        yield Problem("provider", str(exc), hint)
