"""Sites that are node pools of a cluster that burstd did not make: nothing else of it is touched.

A node pool is tied to its burst: it bears the burst's name and labels, and is never kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from burstd.core.errors import Never, NotNow
from burstd.core.generations import born_by
from burstd.core.model import Failure, Site
from burstd.kube.ground import Ground
from burstd.plugins.contract import Listing, Order, Setting
from burstd.plugins.gke import request, sights, troubles
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.grounds import Grounds
from burstd.plugins.gke.operations import Operations
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.pace import Pace
from burstd.plugins.gke.seen import ClusterSeen, NodePoolSeen, OperationSeen, Words
from burstd.plugins.gke.troubles import Busy, Missing, Taken, Unsure


class NodePools:
    """The node pools of one owner on one existing cluster. Used by worker threads."""

    def __init__(self, cloud: Cloud, setting: Setting, options: GkeOptions, pace: Pace) -> None:
        self._cloud = cloud
        self._options = options
        self._owner = setting.owner
        self._pace = pace
        self._operations = Operations(cloud, pace)
        self._grounds = Grounds(setting, options, cloud.credentials, made=False)
        self._making: dict[str, OperationSeen] = {}

    def close(self) -> None:
        self._grounds.close()

    def provision(self, order: Order) -> None:
        """Find or begin to make the node pool, and put on the cluster what the brokers need.

        Its machines boot meanwhile.
        """
        cluster = self._cluster()
        if not self._is_ours(cluster, order):
            self._make(order)
        self.ground(order).prepare(order)

    def ground(self, order: Order) -> Ground:
        """Return what is on the cluster, whose brokers for this order run in its node pool."""
        return self._grounds.of(self._cluster(), order.pool.name, order.site_name).heeding(order)

    def seen(self, site: Site) -> Ground:  # noqa: ARG002  all bursts are on one cluster
        """Return what is on the cluster. Raises NotNow, Never where it is not there."""
        return self.given()

    def given(self) -> Ground:
        """Return what is on the cluster that is named. Raises NotNow, Never where it is not there."""
        return self._grounds.of(self._cluster(), "", "")

    def cluster_of(self, *_: object) -> ClusterSeen:
        """Return the cluster of every burst. Raises Never where there is none."""
        return self._cluster()

    def observe(self) -> Listing:
        cluster = self._cloud.cluster(self._options.location, self._options.cluster)
        if cluster is None:
            self._grounds.close()
            return Listing(())
        pools = tuple(pool for pool in cluster.node_pools if self._owns(pool))
        troubles = {pool.name: self._trouble(pool) for pool in pools}
        wrong = {name: trouble for name, trouble in troubles.items() if trouble is not None}
        sites = sights.on(self._grounds.of(cluster, "", ""), wrong) if cluster.lives else None
        if sites is None:
            return Listing((), complete=False)
        listed = tuple(self._site(pool, sites, wrong.get(pool.name)) for pool in pools)
        named = {site.name for site in listed}
        return Listing((*listed, *(site for site in sites if site.name not in named)))

    def remove(self, site: Site, *, keep: bool = True) -> None:  # noqa: ARG002  a node pool is never kept
        """Take the burst off the cluster, then delete its node pool."""
        cluster = self._cloud.cluster(self._options.location, self._options.cluster)
        if cluster is None:
            return
        try:
            self._grounds.of(cluster, "", "").remove(site)
        finally:
            self._delete(cluster, site)

    def renew(self, site: Site, *, busy: bool) -> None:
        """Renew the lease of a burst that is there. Raises NotNow, Never."""
        cluster = self._cloud.cluster(self._options.location, self._options.cluster)
        if cluster is not None and cluster.lives:
            self._grounds.of(cluster, "", "").renew(site, busy=busy)

    def owners(self) -> frozenset[str]:
        """Return whose node pools and namespaces there are on the cluster. Raises NotNow, Never."""
        cluster = self._cloud.cluster(self._options.location, self._options.cluster)
        if cluster is None:
            return frozenset()
        pools = (pool.marks for pool in cluster.node_pools)
        named = frozenset(marks.owner for marks in pools if marks is not None)
        return named | (self._grounds.of(cluster, "", "").owners() if cluster.lives else frozenset())

    def _cluster(self) -> ClusterSeen:
        name, where = self._options.cluster, self._options.location
        cluster = self._cloud.cluster(where, name)
        if cluster is None:
            raise Never(f"there is no cluster {name} in {where}; check cluster, cluster_location and zone")
        if not cluster.lives:
            raise NotNow(f"the cluster {name} is {cluster.status.lower()}", troubles.RATE_SECONDS)
        return cluster

    def _is_ours(self, cluster: ClusterSeen, order: Order) -> bool:
        """Say whether the order's node pool is there. Raises Never where it is another's; its trouble."""
        found = cluster.pool(order.site_name)
        if found is None:
            return False
        its = found.marks
        if its is None or (its.owner, its.pool, its.serves) != (
            self._owner,
            order.pool.name,
            order.generation,
        ):
            raise Never(
                f"{cluster.name} has a node pool {found.name} already, which is not this burst's; "
                "choose another cluster_name"
            )
        trouble = self._trouble(found)
        if trouble is not None:
            raise troubles.error(trouble)
        return True

    def _make(self, order: Order) -> None:
        body = request.node_pool(self._options, order, order.site_name)
        hindrance = ""
        for _ in self._pace.looks(order.pool.provision_seconds, order.raise_if_cancelled):
            cluster = self._cluster()
            if self._is_ours(cluster, order):
                return
            try:
                self._making[order.site_name] = self._cloud.create_node_pool(cluster, body)
            except (Busy, Taken, Unsure) as exc:
                hindrance = str(exc)
                continue
            return
        raise NotNow(f"{hindrance}; it took longer than {order.pool.provision_seconds:g} s")

    def _site(self, pool: NodePoolSeen, sites: tuple[Site, ...], trouble: Failure | None) -> Site:
        its = pool.marks
        assert its is not None, "only owned node pools are listed"
        found = sights.find(sites, its.pool, its.generation)
        made = found.created if found else born_by(its.generation)
        base = Site(pool.name, its.pool, its.generation, (), made)
        if pool.status == "STOPPING":
            return replace(base, pending="its node pool is being deleted")
        return sights.merge(base, found, trouble, "nothing is launched there yet")

    def _trouble(self, pool: NodePoolSeen) -> Failure | None:
        words = [*(pool.words if pool.status == "ERROR" else ()), *self._words_of_making(pool.name)]
        if not words and pool.status != "ERROR":
            return None
        return troubles.of_making(f"making node pool {pool.name}", words, self._cloud.place)

    def _words_of_making(self, name: str) -> Iterator[Words]:
        making = self._making.get(name)
        if making is None:
            return
        try:
            seen = self._cloud.operation(making)
        except Missing:
            self._making.pop(name, None)
            return
        if seen.failed:
            yield from seen.words
        elif seen.done:
            self._making.pop(name, None)

    def _owns(self, pool: NodePoolSeen) -> bool:
        return pool.marks is not None and pool.marks.owner == self._owner

    def _delete(self, cluster: ClusterSeen, site: Site) -> None:
        self._operations.delete(
            f"deleting node pool {site.name} of {cluster.name}",
            lambda: self._is_there(cluster, site),
            lambda: self._cloud.delete_node_pool(cluster, site.name),
        )
        self._making.pop(site.name, None)

    def _is_there(self, cluster: ClusterSeen, site: Site) -> bool:
        """Say whether the burst's node pool is there, and is burstd's."""
        seen = self._cloud.cluster(cluster.location, cluster.name)
        found = seen.pool(site.name) if seen is not None and seen.id == cluster.id else None
        its = found.marks if found is not None and self._owns(found) else None
        return its is not None and (its.pool, its.generation) == (site.pool, site.generation)
