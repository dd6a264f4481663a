"""Sites that are clusters of their own: made for a burst, kept for the next one or deleted.

A cluster is known by its labels alone. Its name never changes, and neither does its own generation; which
burst it serves does, when it is kept.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace

from burstd.core.errors import EffectError, Never, NotNow
from burstd.core.generations import born_by
from burstd.core.model import Failure, Site
from burstd.kube.ground import Ground
from burstd.plugins.contract import Listing, Order, Setting
from burstd.plugins.gke import marks, request, sights, troubles
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.fleet import Fleet
from burstd.plugins.gke.grounds import Grounds
from burstd.plugins.gke.marks import Marks
from burstd.plugins.gke.operations import LABEL_SECONDS, Operations
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.pace import Pace
from burstd.plugins.gke.seen import ClusterSeen, OperationSeen, Words
from burstd.plugins.gke.troubles import Busy, Missing, Taken, Unsure

log = logging.getLogger(__name__)

SILENT_SECONDS = 600.0
"""How long a cluster's API server may be silent, as in an upgrade, before its hosts count as not running."""


@dataclass(frozen=True, slots=True)
class Obtained:
    """A cluster for a burst, and the operation under way on it that matters: its making, or its labelling."""

    cluster: ClusterSeen
    making: OperationSeen | None = None
    labelling: OperationSeen | None = None


class Clusters:
    """The clusters of one owner, made as one pool's options say. Used by worker threads."""

    def __init__(self, cloud: Cloud, setting: Setting, options: GkeOptions, pace: Pace) -> None:
        self._cloud = cloud
        self._options = options
        self._prefix = setting.prefix
        self._pace = pace
        self._fleet = Fleet(cloud, setting.owner, options.zone)
        self._operations = Operations(cloud, pace)
        self._grounds = Grounds(setting, options, cloud.credentials, made=True)
        self._making: dict[str, OperationSeen] = {}
        self._began: dict[str, float] = {}
        """When each site was first waited for: further attempts do not begin anew."""
        self._spec = request.spec(options)

    def close(self) -> None:
        self._grounds.close()

    def provision(self, order: Order) -> None:
        """Find or make the cluster; return once its API server answers and has what the brokers need.

        GKE may then still be busy with the rest of the cluster: launching overlaps with that.
        """
        got = self._obtain(order)
        self._await(order, got).prepare(order)
        if got.labelling is not None:
            doing = f"labelling cluster {got.cluster.name}"
            self._operations.finish(got.labelling, doing, order.raise_if_cancelled)

    def ground(self, order: Order) -> Ground:
        """Return what is on the cluster that serves an order. Raises NotNow where there is none."""
        cluster = self.cluster_of(order.pool.name, order.generation, order.site_name)
        return self._grounds.of(cluster, order.pool.name, order.pool.name).heeding(order)

    def seen(self, site: Site) -> Ground:
        """Return what is on the cluster that serves a burst. Raises NotNow where there is none, Never."""
        cluster = self.cluster_of(site.pool, site.generation, site.name)
        return self._grounds.of(cluster, site.pool, site.pool)

    def given(self) -> Ground:
        """Raise Never: each burst has a cluster of its own."""
        raise Never("no cluster is named: each burst has its own")

    def cluster_of(self, pool: str, generation: int, site_name: str) -> ClusterSeen:
        """Return the cluster that serves a burst. Raises NotNow where there is none that can answer."""
        cluster = self._fleet.serving(pool, generation, site_name)
        if cluster is None:
            raise NotNow(f"the cluster of {site_name} is not there any more")
        if not cluster.lives:
            raise troubles.error(self._trouble(cluster) or _not_yet(cluster))
        return cluster

    def observe(self) -> Listing:
        sighting = self._fleet.look()
        self._grounds.keep_only(self._fleet.names())
        sites = [self._site(cluster) for cluster in sighting.clusters]
        known = tuple(site for site in sites if site is not None)
        return Listing(known, sighting.complete and len(known) == len(sites))

    def remove(self, site: Site, *, keep: bool = True) -> None:
        """Empty the burst's cluster, then keep it or delete it; delete one that is kept already."""
        cluster = self._fleet.serving(site.pool, site.generation, site.name)
        self._began.pop(site.name, None)
        if cluster is None:
            self._remove_kept(site)
        elif self._empties(cluster, site) and keep and self._keeps(cluster):
            self._keep(cluster)
        else:
            self._delete(cluster)

    def renew(self, site: Site, *, busy: bool) -> None:
        """Renew the lease of a burst whose cluster is there. Raises NotNow, Never."""
        cluster = self._fleet.serving(site.pool, site.generation, site.name)
        if cluster is not None and cluster.lives:
            self._grounds.of(cluster, site.pool, site.pool).renew(site, busy=busy)

    def owners(self) -> frozenset[str]:
        """Return whose clusters there are in the project. Raises NotNow where a list is not whole, Never."""
        return self._fleet.owners()

    def _obtain(self, order: Order) -> Obtained:
        found = self._fleet.serving(order.pool.name, order.generation, order.site_name)
        if found is not None:
            self._fleet.note(found)
            return Obtained(found, making=self._making.get(found.name))
        order.raise_if_cancelled()
        for kept in self._fleet.look().clusters:
            if self._suits(kept, order):
                return self._take_up(kept, order)
        return self._create(order)

    def _create(self, order: Order) -> Obtained:
        name, zone = order.site_name, self._options.zone
        try:
            operation = self._cloud.create_cluster(zone, request.cluster(self._options, order))
        except Taken:
            return Obtained(self._adopted(order))
        except Unsure:
            found = self._cloud.cluster(zone, name)
            if found is None:
                raise
            return Obtained(self._adopted(order))
        self._making[name] = operation
        return Obtained(self._adopted(order), making=operation)

    def _adopted(self, order: Order) -> ClusterSeen:
        """Return the cluster of the order's name, if it is this burst's."""
        name = order.site_name
        found = self._cloud.cluster(self._options.zone, name)
        if found is None:
            raise NotNow(f"the cluster {name} was there a moment ago and is not now")
        its = found.marks
        if its is None or (its.owner, its.pool) != (order.owner, order.pool.name):
            whose = "somebody else made" if its is None else f"the burstd of {its.owner} made for {its.pool}"
            raise Never(f"there is a cluster {name} already, which {whose}; choose another cluster_name")
        if its.serves != order.generation:
            raise NotNow(f"the cluster {name} is there from before; it is not taken", troubles.RATE_SECONDS)
        self._fleet.note(found)
        return found

    def _suits(self, cluster: ClusterSeen, order: Order) -> bool:
        """Say whether a cluster is kept for a burst such as this."""
        its, hosts = cluster.marks, cluster.pool(order.pool.name)
        if its is None or hosts is None or its.serves is not None or its.pool != order.pool.name:
            return False
        wide = hosts.max_nodes >= order.pool.size
        return wide and self._is_as_made_now(cluster) and time.time() < self._kept_until(cluster, its)

    def _take_up(self, cluster: ClusterSeen, order: Order) -> Obtained:
        """Label a kept cluster as the burst's. Its fingerprint sees to it that nobody else does so too."""
        its = cluster.marks
        assert its is not None, "only marked clusters are kept"
        labels = marks.others(cluster.labels) | its.serving(order.generation).labels()
        labelling = self._cloud.set_labels(cluster, labels)
        log.info("cluster %s, kept from before, is used for %s", cluster.name, order.site_name)
        return Obtained(cluster, labelling=labelling)

    def _await(self, order: Order, got: Obtained) -> Ground:
        """Wait until the API server answers. Raises what GKE says if the cluster cannot be made."""
        cluster, pool = got.cluster, order.pool
        began = self._began.setdefault(order.site_name, time.monotonic())
        left = began + pool.provision_seconds - time.monotonic()
        for look in self._pace.probes(left, order.raise_if_cancelled):
            if look:
                cluster = self._still_making(cluster, got.making)
            if cluster.lives:
                ground = self._grounds.of(cluster, pool.name, pool.name)
                if ground.cluster.answers():
                    return ground.heeding(order)
        raise NotNow(f"the API server of {cluster.name} did not answer within {pool.provision_seconds:g} s")

    def _still_making(self, cluster: ClusterSeen, making: OperationSeen | None) -> ClusterSeen:
        doing = f"making cluster {cluster.name}"
        if making is not None:
            self._operations.is_done(making, doing)
        seen = self._cloud.cluster(cluster.location, cluster.name)
        if seen is None:
            raise NotNow(f"{doing}: it is gone; somebody or GKE itself deleted it", troubles.RATE_SECONDS)
        if seen.status == "STOPPING":
            raise NotNow(f"{doing}: it is being deleted", troubles.RATE_SECONDS)
        if seen.status == "ERROR":
            raise troubles.error(self._trouble(seen) or _not_yet(seen))
        return seen

    def _site(self, cluster: ClusterSeen) -> Site | None:
        """Return what is to be listed of a cluster; None: nobody knows now what runs there."""
        its = cluster.marks
        assert its is not None, "the fleet has marked clusters alone"
        if its.serves is None:
            kept_until = self._kept_until(cluster, its)
            return Site(cluster.name, its.pool, its.generation, (), cluster.created, kept_until=kept_until)
        fresh = its.serves == its.generation
        name = cluster.name if fresh else f"{self._prefix}-{its.pool}-g{its.serves}"
        base = Site(name, its.pool, its.serves, (), cluster.created)
        if cluster.status == "STOPPING":
            return replace(base, pending="its cluster is being deleted")
        trouble = self._trouble(cluster)
        if not cluster.lives:
            return sights.merge(base, None, trouble, "its cluster is being made")
        return self._on_it(cluster, base, trouble)

    def _on_it(self, cluster: ClusterSeen, base: Site, trouble: Failure | None) -> Site | None:
        troubles = {base.name: trouble} if trouble is not None else {}
        sites = sights.on(self._grounds.of(cluster, base.pool, base.pool), troubles)
        silence = self._grounds.silence(cluster, answers=sites is not None)
        if sites is not None:
            found = sights.find(sites, base.pool, base.generation)
            return sights.merge(_since(base, found, cluster), found, trouble, "nothing is launched there yet")
        if cluster.status == "PROVISIONING":
            return sights.merge(base, None, trouble, "its cluster is being made")
        waiting = f"the API server of {cluster.name} does not answer"
        return sights.merge(base, None, trouble, waiting) if silence > SILENT_SECONDS else None

    def _trouble(self, cluster: ClusterSeen) -> Failure | None:
        """Return what is wrong with a cluster, by its state, its node pools', and its making."""
        words = list(cluster.words) if cluster.status in ("ERROR", "DEGRADED") else []
        words += [word for pool in cluster.node_pools if pool.status == "ERROR" for word in pool.words]
        words += self._words_of_making(cluster)
        if cluster.status == "ERROR" and not words:
            words += self._operations.words(cluster.location, cluster.name)
        if not words and cluster.status != "ERROR":
            return None
        return troubles.of_making(f"making cluster {cluster.name}", words, self._cloud.place)

    def _words_of_making(self, cluster: ClusterSeen) -> tuple[Words, ...]:
        """Return what the operation that makes a cluster failed with, while it is not known to be done."""
        making = self._making.get(cluster.name)
        if making is None:
            return ()
        try:
            seen = self._cloud.operation(making)
        except Missing:
            seen = None
        if seen is None or (seen.done and not seen.failed):
            self._making.pop(cluster.name, None)
        return seen.words if seen is not None and seen.failed else ()

    def _is_as_made_now(self, cluster: ClusterSeen) -> bool:
        """Say whether a cluster is well, and like one that would be made now."""
        its = cluster.marks
        return cluster.status == "RUNNING" and its is not None and its.spec == self._spec

    def _kept_until(self, cluster: ClusterSeen, its: Marks) -> float:
        """Return until when a cluster is kept: no longer than it was idle before, if it is of no use."""
        useful = its.spec == self._spec and cluster.status in ("RUNNING", "RECONCILING")
        return its.idle_since + (self._options.keep_cluster_seconds if useful else 0.0)

    def _keeps(self, cluster: ClusterSeen) -> bool:
        return self._options.keep_cluster_seconds > 0 and self._is_as_made_now(cluster)

    def _empties(self, cluster: ClusterSeen, site: Site) -> bool:
        """Take the burst off its cluster, if that can be; say whether nothing of it is left there."""
        if not cluster.lives:
            return False
        ground = self._grounds.of(cluster, site.pool, site.pool)
        if not ground.cluster.answers():
            return False
        try:
            ground.remove(sights.find(ground.observe(), site.pool, site.generation) or site)
        except EffectError as exc:
            log.warning("%s goes with its whole cluster: %s", site.name, exc)
            return False
        return True

    def _keep(self, cluster: ClusterSeen) -> None:
        """Label a cluster as serving nobody."""
        for _ in self._pace.looks(LABEL_SECONDS):
            seen = self._again(cluster)
            if seen is None or seen.marks is None:
                return
            labels = marks.others(seen.labels) | seen.marks.idle(time.time()).labels()
            try:
                labelling = self._cloud.set_labels(seen, labels)
            except (Busy, Unsure) as exc:
                log.debug("%s", exc)
                continue
            self._operations.finish(labelling, f"labelling cluster {cluster.name}")
            return
        raise NotNow(f"cluster {cluster.name} could not be labelled as kept", troubles.BUSY_SECONDS)

    def _remove_kept(self, site: Site) -> None:
        for cluster in self._fleet.look().clusters:
            its = cluster.marks
            if (
                its is not None
                and its.serves is None
                and (its.pool, its.generation) == (site.pool, site.generation)
            ):
                self._delete(cluster)

    def _delete(self, cluster: ClusterSeen) -> None:
        """Delete a cluster, as long as it is the one that was found and serves whom it served then."""
        self._operations.delete(
            f"deleting cluster {cluster.name}",
            lambda: self._again(cluster) is not None,
            lambda: self._cloud.delete_cluster(cluster),
        )
        self._making.pop(cluster.name, None)

    def _again(self, cluster: ClusterSeen) -> ClusterSeen | None:
        """Look at a cluster once more; None: it is gone, is another, or serves somebody else now."""
        seen = self._cloud.cluster(cluster.location, cluster.name)
        same = seen is not None and seen.id == cluster.id and seen.marks == cluster.marks
        return seen if same else None


def _not_yet(cluster: ClusterSeen) -> Failure:
    return Failure(f"cluster {cluster.name} is {cluster.status.lower()}", troubles.BUSY_SECONDS)


def _since(base: Site, found: Site | None, cluster: ClusterSeen) -> Site:
    """A burst on a cluster that was kept is younger than the cluster, also before anything of it is there."""
    its = cluster.marks
    if its is None or its.serves is None or its.serves == its.generation:
        return base
    return replace(base, created=found.created if found is not None else born_by(its.serves))
