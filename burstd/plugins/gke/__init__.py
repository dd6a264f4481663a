"""Bursts on Google Kubernetes Engine: a cluster for each, or a node pool of one that is there already."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Iterator

from burstd.core.errors import EffectError, Never, Problem
from burstd.core.findings import Check, Finding, State, guarded
from burstd.core.model import Pool, Site
from burstd.kube import checks, kubeconfig, minicluster, testimony
from burstd.kube import examination as on_cluster
from burstd.kube.kinds import Manifest
from burstd.plugins.contract import Join, Listing, Order, Provider, Setting, Shape, Shrinks
from burstd.plugins.gke import examination, request
from burstd.plugins.gke import options as gke_options
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.clusters import Clusters
from burstd.plugins.gke.nodepools import NodePools
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.pace import QUICK, Pace
from burstd.plugins.gke.rest import Rest
from burstd.plugins.gke.seen import ClusterSeen
from burstd.plugins.gke.troubles import Unusable

__all__ = ["Gke", "make"]

log = logging.getLogger(__name__)

LISTING_SECONDS = 5.0
QUICK_LISTING_SECONDS = 0.2

_KUBECTL_USER: Manifest = {
    "exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "installHint": "gcloud components install gke-gcloud-auth-plugin",
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": True,
    }
}


def make(setting: Setting) -> Provider:
    """Return the provider of one pool. Raises ConfigError on bad options."""
    return Gke(setting, gke_options.read(setting))


class Gke:
    """Makes clusters or node pools of one machine type in one zone, and runs brokers there."""

    paid = True
    shrinks: Shrinks = "top"

    def __init__(self, setting: Setting, options: GkeOptions) -> None:
        near = bool(options.insecure_endpoint)
        pace = QUICK if near else Pace()
        self.listing_seconds = QUICK_LISTING_SECONDS if near else LISTING_SECONDS
        self.renewal_seconds = setting.lease.renewal_seconds if setting.lease else 0.0
        self._lease = setting.lease
        self._options = options
        self._machine = options.machine
        self.shape: Shape | None = self._machine.shape if self._machine else None
        self._cloud = Cloud(options)
        self._rest = Rest(options, self._cloud.credentials)
        kind = NodePools if options.cluster else Clusters
        self._sites: NodePools | Clusters = kind(self._cloud, setting, options, pace)

    def close(self) -> None:
        """Drop every connection; nothing is taken away."""
        self._sites.close()
        self._cloud.close()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        papers = checks.problems(pool, join, self._options, paid=self.paid, lease=self._lease)
        found = (*self._shape_problems(pool.shape), *papers, *_munge_problems(join))
        return (*found, *self._access_problems())

    def diagnose(self, pool: Pool, join: Join) -> Iterator[Finding]:
        yield from examination.of_cloud(
            self._cloud, self._rest, self._options, pool, lambda: self._hosts_up(pool.name)
        )
        yield from guarded(Check.OPERATOR, self._on_cluster(pool.name, join))

    def logs(self, site: Site) -> Iterator[tuple[str, str]]:
        return testimony.logs(self._sites.seen(site).cluster, site)

    def certificate(self, site: Site) -> str | None:
        return testimony.certificate(self._sites.seen(site).cluster, site)

    def observe(self) -> Listing:
        return self._sites.observe()

    def provision(self, order: Order) -> None:
        self._sites.provision(order)

    def launch(self, order: Order) -> None:
        self._sites.ground(order).launch(order)

    def resize(self, order: Order) -> None:
        """The machines follow: the autoscaler sees which pods wait, and which machines have none."""
        self._sites.ground(order).resize(order)

    def remove(self, site: Site) -> None:
        self._sites.remove(site)

    def discard(self, site: Site) -> None:
        self._sites.remove(site, keep=False)

    def renew(self, site: Site, *, busy: bool) -> None:
        self._sites.renew(site, busy=busy)

    def owners(self) -> tuple[str, ...]:
        return tuple(sorted(self._sites.owners()))

    def manifests(self, order: Order) -> tuple[Manifest, ...]:
        name = order.site_name if self._options.cluster else order.pool.name
        machine = request.machine(self._options, order.pool.name, name)
        return minicluster.manifests(order, self._options, machine, self._lease)

    def kubeconfig(self, site: Site) -> str:
        """There is no secret in it: kubectl asks Google's own plugin for tokens."""
        cluster = self._sites.cluster_of(site.pool, site.generation, site.name)
        return kubeconfig.written(cluster.name, _server(cluster), _KUBECTL_USER, site.name)

    def _shape_problems(self, shape: Shape) -> Iterable[Problem]:
        if self.shape is None:
            return
        kind = self._options.machine_type
        for path, said, true in (
            ("cores", shape.cores, self.shape.cores),
            ("gpus", shape.gpus, self.shape.gpus),
        ):
            if said != true:
                what = f"{said}, but a {kind}{self._threads()} has {true} {path} as Flux counts them"
                yield Problem(
                    path, what, f"leave {path} out or set it to {true}, and declare that in the lead too"
                )

    def _threads(self) -> str:
        threads = self._options.threads_per_core
        return f" with threads_per_core {threads}" if threads else ""

    def _access_problems(self) -> Iterable[Problem]:
        """Ask GKE for something that changes nothing. That it does not answer now is nobody's mistake."""
        try:
            self._cloud.clusters(self._options.zone)
            self._check_cluster()
        except Unusable as exc:
            yield Problem(".".join(filter(None, ("options", exc.option))), str(exc))
        except Never as exc:
            yield Problem("options", str(exc))
        except EffectError as exc:
            log.warning("whether GKE can be used was not seen: %s", exc)

    def _hosts_up(self, pool: str) -> int:
        """Return how many hosts of a pool count against a quota already. Raises NotNow, Never."""
        return sum(len(site.hosts) for site in self.observe().sites if site.pool == pool)

    def _on_cluster(self, pool: str, join: Join) -> Iterator[Finding]:
        """Yield the findings about the cluster that is named, else about the papers for those to be made."""
        options = self._options
        if options.cluster:
            cluster = self._sites.given().cluster
            install = options.operator.install
            yield from on_cluster.of_cluster(cluster, options, join, may_install=install)
        else:
            yield from self._clock(pool)
            yield from on_cluster.of_papers(options, join)

    def _clock(self, pool: str) -> Iterator[Finding]:
        """Yield what is known of the clock of the pool's cluster, which is there only while a burst is."""
        try:
            sites = [site for site in self.observe().sites if site.pool == pool and site.hosts]
            for site in sites:
                yield from on_cluster.clock_of(self._sites.seen(site).cluster)
            why = "" if sites else "its cluster is made with each burst, and no host of one is up"
        except EffectError as exc:
            why = str(exc)
        if why:
            yield Finding(State.NOT_CHECKED, Check.CLOCK, why)

    def _check_cluster(self) -> None:
        name, where = self._options.cluster, self._options.location
        if name and self._cloud.cluster(where, name) is None:
            raise Unusable(f"there is no cluster {name} in {where}", "cluster")


def _munge_problems(join: Join) -> Iterable[Problem]:
    """A Secret that is on the cluster already needs no file."""
    if join.munge_key is None or join.munge_key_secret:
        return
    try:
        join.munge_key.read_bytes()
    except OSError as exc:
        yield Problem("", f"the munge key {join.munge_key} cannot be read: {exc.strerror}")


def _server(cluster: ClusterSeen) -> Manifest:
    authority = base64.b64encode(cluster.ca).decode()
    return {"server": f"https://{cluster.endpoint}", "certificate-authority-data": authority}
