"""The clusters of one owner: found by their labels, and by name where a list does not show them (yet)."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from burstd.core.errors import NotNow
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.seen import ClusterSeen


@dataclass(frozen=True, slots=True)
class Sighting:
    """The owner's clusters that were found; `complete` False: there may be more."""

    clusters: tuple[ClusterSeen, ...]
    complete: bool


class Fleet:
    """Finds the clusters of one owner, in whichever zone they were made. Used by worker threads."""

    def __init__(self, cloud: Cloud, owner: str, zone: str) -> None:
        self._cloud = cloud
        self._owner = owner
        self._zone = zone
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def owns(self, cluster: ClusterSeen) -> bool:
        """Say whether a cluster's labels are burstd's, and this owner's."""
        return cluster.marks is not None and cluster.marks.owner == self._owner

    def look(self) -> Sighting:
        """Return the owner's clusters. One that a list omits is asked for by name before it is gone."""
        with self._lock:
            known = dict(self._known)
        listed = self._cloud.clusters()
        omitted = known.keys() - {cluster.name for cluster in listed.clusters}
        asked = (self._cloud.cluster(known[name], name) for name in sorted(omitted))
        found = (*listed.clusters, *filter(None, asked))
        own = tuple(cluster for cluster in found if self.owns(cluster))
        self._learn(known, own)
        return Sighting(own, self._zone not in listed.missing_zones)

    def owners(self) -> frozenset[str]:
        """Return everybody whose labels a cluster bears. Raises NotNow where a list is not whole."""
        listed = self._cloud.clusters()
        if self._zone in listed.missing_zones:
            raise NotNow(f"GKE does not list the clusters of {self._zone} now")
        marks = (cluster.marks for cluster in listed.clusters)
        return frozenset(one.owner for one in marks if one is not None)

    def note(self, cluster: ClusterSeen) -> None:
        """Remember a cluster that is used from now on: a list may not show it yet."""
        with self._lock:
            self._known[cluster.name] = cluster.location

    def names(self) -> frozenset[str]:
        """Return the names of the clusters that are there as far as is known."""
        with self._lock:
            return frozenset(self._known)

    def serving(self, pool: str, generation: int, name: str) -> ClusterSeen | None:
        """Return the cluster that serves a burst, whose own name it most likely has.

        Raises NotNow where it may be one of those that a list does not show.
        """

        def serves(cluster: ClusterSeen) -> bool:
            marks = cluster.marks
            ours = marks is not None and self.owns(cluster)
            return ours and marks is not None and (marks.pool, marks.serves) == (pool, generation)

        namesake = self._cloud.cluster(self._zone, name)
        if namesake is not None and serves(namesake):
            return namesake
        sighting = self.look()
        found = next(filter(serves, sighting.clusters), None)
        if found is None and not sighting.complete:
            raise NotNow(
                f"GKE does not list the clusters of {self._zone} now, so {name} cannot be looked for"
            )
        return found

    def _learn(self, before: dict[str, str], found: tuple[ClusterSeen, ...]) -> None:
        """Forget what is gone, but not what was noted while the list was under way."""
        with self._lock:
            for name in before:
                self._known.pop(name, None)
            self._known |= {cluster.name: cluster.location for cluster in found}
