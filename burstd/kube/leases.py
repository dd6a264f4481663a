"""The leases of one owner's bursts on one cluster: made, renewed and read, each with its reaper."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from burstd.core.errors import EffectError
from burstd.core.model import Site
from burstd.core.silence import Lease
from burstd.join.papers import Order
from burstd.kube import labels, lease, reaper
from burstd.kube.client import Cluster
from burstd.kube.kinds import DEPLOYMENT, LEASE, Manifest
from burstd.kube.lease import Told
from burstd.kube.options import KubeOptions
from burstd.kube.refusals import Exists

log = logging.getLogger(__name__)


class Leases:
    """Used by worker threads, in namespaces that are known to be the owner's."""

    def __init__(self, cluster: Cluster, owner: str, options: KubeOptions, given: Lease | None) -> None:
        """`given` is what all bursts have; None: they have no lease, and none is looked at."""
        self._cluster = cluster
        self._owner = owner
        self._options = options
        self._given = given
        self._blind = False
        self._lame: set[str] = set()

    def make(self, order: Order) -> None:
        """Make the lease and its reaper; what is there already is left as it is. Raises NotNow, Never."""
        given = self._given
        if given is None:
            return
        self._make_once(lease.of_order(order, given.terms.idle_seconds, time.time()))
        if not given.image:
            text = (
                "%s: without lease.image nothing would end it if burstd were gone; `burstd gc` would find it"
            )
            log.info(text, order.site_name)
        else:
            for manifest in reaper.manifests(order, given.terms, given.image, self._options):
                self._make_once(manifest)

    def renew(self, site: Site, *, busy: bool) -> None:
        """Renew a lease, or make it again where somebody took it away. Raises NotNow, Never."""
        given = self._given
        if given is None:
            return
        marks = labels.of_pool(self._owner, site.pool) | {labels.GENERATION: str(site.generation)}
        idle_seconds = given.terms.idle_seconds
        renewed = lease.manifest(site.name, self._owner, marks, idle_seconds, busy=busy, now=time.time())
        self._cluster.apply(renewed)
        if given.image:
            self._look_after_reaper(site)

    def told(self, marks: Mapping[str, str]) -> Mapping[str, Told]:
        """Return what the owner's leases say, by namespace; nothing where they cannot be read."""
        if self._given is None:
            return {}
        try:
            found = self._cluster.list(LEASE, labels=marks).items
        except EffectError as exc:
            if not self._blind:
                log.warning("the leases of bursts cannot be read: %s", exc)
            self._blind = True
            return {}
        self._blind = False
        return {
            one["metadata"]["namespace"]: lease.read(one)
            for one in found
            if one["metadata"]["name"] == lease.NAME
        }

    def _make_once(self, manifest: Manifest) -> None:
        """Make an object that is not changed later; in the burst's namespace nobody else makes one."""
        try:
            self._cluster.create(manifest)
        except Exists:
            log.debug("%s is there already", manifest["metadata"]["name"])

    def _look_after_reaper(self, site: Site) -> None:
        """Say it once where nobody would end the burst: its pod may lack its image, or a machine."""
        found = self._cluster.get(DEPLOYMENT, reaper.NAME, site.name)
        if ((found or {}).get("status") or {}).get("availableReplicas"):
            self._lame.discard(site.name)
        elif site.name not in self._lame:
            self._lame.add(site.name)
            what = "is not there" if found is None else "does not run: see its pod's events"
            log.warning(
                "%s: the reaper that would end it if burstd were gone %s (kubectl describe pod --namespace "
                "%s --selector %s=%s)",
                *(site.name, what, site.name, labels.PART, labels.REAPER),
            )
