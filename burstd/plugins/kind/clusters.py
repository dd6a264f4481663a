"""Sites that are kind clusters: made for a burst, found again by their marks, deleted with it.

Whose a cluster is its nodes' labels say once its API server answers, and they count more than the mark on
disk, which is what there is until then. One of which neither is known is never changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from burstd.core.errors import EffectError, Never, NotNow
from burstd.core.model import Site
from burstd.kube import patience
from burstd.kube.client import Cluster
from burstd.kube.ground import Ground
from burstd.kube.kinds import NODE
from burstd.kube.sighting import with_shown
from burstd.plugins.contract import Listing, Order, Setting
from burstd.plugins.kind import program, request
from burstd.plugins.kind.grounds import Grounds
from burstd.plugins.kind.marks import Mark, Marks, borne
from burstd.plugins.kind.options import KindOptions

log = logging.getLogger(__name__)

T = TypeVar("T")

SILENT_SECONDS = 120.0
"""How long an API server may be silent, as after Docker restarted, before its hosts count as not running."""

UNSURE_SECONDS = 15.0
"""Before a cluster is asked again whose it is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A cluster as it was seen: what is on it where it answers (with `nodes`), and whose it is."""

    name: str
    ground: Ground | None
    mark: Mark | None
    nodes: int = 0


class Clusters:
    """The kind clusters of one owner on this machine. Used by worker threads."""

    def __init__(self, setting: Setting, options: KindOptions, own: Mapping[str, Any]) -> None:
        """`own` is the configuration of kind that the clusters are made by."""
        self._owner = setting.owner
        self._prefix = setting.prefix
        self._options = options
        self._own = own
        self._marks = Marks(setting)
        self._grounds = Grounds(setting, options)
        self._told: set[str] = set()

    def close(self) -> None:
        """Drop every connection; nothing is taken away."""
        self._grounds.drop(self._grounds.names())

    def observe(self) -> Listing:
        before = self._grounds.names()
        names = tuple(name for name in program.clusters() if name.startswith(f"{self._prefix}-"))
        self._grounds.drop(before - set(names))
        sights = [self._sight(name) for name in names]
        sites = tuple(sight for sight in sights if isinstance(sight, Site))
        return Listing(sites, complete=all(sight is not _UNKNOWN for sight in sights))

    def provision(self, order: Order) -> None:
        """Make the cluster or find it; return once it has what the brokers need."""
        deadline = time.monotonic() + order.pool.provision_seconds
        name = order.site_name
        if name in program.clusters() and not self._is_whole(order, deadline):
            log.info("the making of cluster %s was broken off; it is made anew", name)
            self._delete(name)
        if name not in program.clusters():
            self._create(order, deadline)
        ground = self._answering(order, deadline)
        if self._options.load_images:
            program.load(name, self._options.load_images, _left(deadline), order.raise_if_cancelled)
        ground.prepare(order)

    def ground(self, order: Order) -> Ground:
        """Return what is on an order's cluster. Raises NotNow while that does not answer, Never."""
        seen = self._look(order.site_name)
        if seen.ground is None:
            raise NotNow(f"the cluster {order.site_name} does not answer, or is not there any more")
        self._check_own(seen, order)
        return seen.ground.heeding(order)

    def remove(self, site: Site) -> None:
        """Take the burst off its cluster, then delete that, then forget it."""
        if site.name not in program.clusters():
            self._forget(site)
            return
        seen = self._look(site.name)
        if seen.mark is None and seen.ground is None:
            raise _unsure(site.name)
        if seen.mark is None or not seen.mark.is_of(self._owner, site.pool, site.generation):
            return
        if self._marks.is_making(site.name):
            raise NotNow(f"`kind create` is still making {site.name}; it is deleted after that", 5.0)
        _empty(seen, site)
        self._delete(site.name)

    def renew(self, site: Site, *, busy: bool) -> None:
        """Renew the lease of a burst that is there and the owner's. Raises NotNow, Never."""
        if site.name not in program.clusters():
            return
        seen = self._look(site.name)
        if seen.ground is None:
            raise NotNow(f"the cluster {site.name} does not answer, so its lease is not renewed")
        if seen.mark is not None and seen.mark.is_of(self._owner, site.pool, site.generation):
            seen.ground.renew(site, busy=busy)

    def owners(self) -> set[str]:
        """Return whose clusters there are, as their nodes say, or the marks of those that do not answer."""
        named = {name: self._look(name).mark for name in program.clusters()}
        own = {mark.owner for mark in named.values() if mark is not None}
        return own.union(*(self._marks.owners(name) for name, mark in named.items() if mark is None))

    def cluster_of(self, site: Site) -> Cluster:
        """Return a connection to the cluster of a burst of the owner's. Raises NotNow, Never."""
        seen = self._look(site.name)
        if seen.ground is None:
            raise NotNow(f"the cluster {site.name} does not answer, or is not there any more")
        if seen.mark is None or not seen.mark.is_of(self._owner, site.pool, site.generation):
            raise _taken(site.name, "somebody else made")
        return seen.ground.cluster

    def kubeconfig(self, site: Site) -> str:
        """Return the kubeconfig of a site's cluster, as kind has it."""
        text = program.kubeconfig(site.name)
        if text is None:
            raise NotNow(f"there is no cluster {site.name}, or it is not made so far")
        return text

    def _look(self, name: str) -> Seen:
        """Return how a cluster is; one whose nodes are not yet registered does not answer."""
        mark = self._marks.read(name)
        ground = self._grounds.answering(name)
        nodes = _on(name, lambda: ground.cluster.list(NODE).items) if ground is not None else None
        if not nodes:
            return Seen(name, None, mark)
        told = borne(nodes)
        if told is None or mark is None or not mark.is_of(told.owner, told.pool, told.generation):
            return Seen(name, ground, told, len(nodes))
        return Seen(name, ground, mark, len(nodes))

    def _sight(self, name: str) -> Site | _Nothing:
        """Return what is to be listed of a cluster."""
        try:
            seen = self._look(name)
        except EffectError as exc:
            log.warning("whose cluster %s is cannot be seen: %s", name, exc)
            return _UNKNOWN
        silence = self._grounds.silence(name, answers=seen.ground is not None)
        mark = seen.mark
        if mark is None:
            return _NOT_OURS if seen.ground is not None else self._unmarked(name, silence)
        if mark.owner != self._owner or name != f"{self._prefix}-{mark.pool}-g{mark.generation}":
            return _NOT_OURS
        base = Site(name, mark.pool, mark.generation, (), mark.created)
        if seen.ground is not None:
            return _on_it(seen.ground, base)
        if not mark.made:
            return replace(base, pending="its cluster is being made")
        waiting = f"the API server of cluster {name} does not answer"
        return replace(base, pending=waiting) if silence > SILENT_SECONDS else _UNKNOWN

    def _unmarked(self, name: str, silence: float) -> _Nothing:
        """A cluster that may be ours makes a listing incomplete, but not for ever."""
        if silence <= SILENT_SECONDS:
            return _UNKNOWN
        if name not in self._told:
            self._told.add(name)
            log.warning("nothing says whose cluster %s is, and it does not answer; it is left alone", name)
        return _NOT_OURS

    def _is_whole(self, order: Order, deadline: float) -> bool:
        """Say whether the order's cluster is one that was made to its end, once nobody makes it any more.

        Raises Never where it is somebody else's, NotNow where that is not known, or it is still being made.
        """
        name = order.site_name
        done = patience.until(
            lambda: not self._marks.is_making(name), _left(deadline), order.raise_if_cancelled
        )
        if not done:
            raise NotNow(f"an earlier `kind create` is still making {name}", UNSURE_SECONDS)
        seen = self._look(name)
        self._check_own(seen, order)
        assert seen.mark is not None, "one without a mark is not the owner's"
        whole = seen.mark.made or seen.nodes >= request.node_count(order, self._options)
        if whole:
            self._marks.write(name, replace(seen.mark, made=True))
        return whole

    def _check_own(self, seen: Seen, order: Order) -> None:
        mark = seen.mark
        if mark is None and seen.ground is None:
            raise _unsure(seen.name)
        if mark is None or not mark.is_of(order.owner, order.pool.name, order.generation):
            whose = "somebody else made" if mark is None else f"the burstd of {mark.owner} made"
            raise _taken(seen.name, whose)

    def _create(self, order: Order, deadline: float) -> None:
        order.raise_if_cancelled()
        name = order.site_name
        mark = Mark(order.owner, order.pool.name, order.generation, time.time(), made=False)
        config = request.configuration(order, self._options, self._own)
        with self._marks.making(name) as held:
            self._marks.write(name, mark)
            try:
                file, image = self._marks.kubeconfig(name), self._options.node_image
                program.create(name, config, file, image, _left(deadline), held, order.raise_if_cancelled)
            except EffectError as exc:
                self._clear(name, exc)
                raise
            self._marks.write(name, replace(mark, made=True))

    def _clear(self, name: str, error: EffectError) -> None:
        """Take away what a create left that failed: kind does so itself, unless it was broken off."""
        try:
            if isinstance(error, program.Taken):
                self._marks.forget(name)
                raise _taken(name, "somebody else has just made") from error
            if isinstance(error, program.BrokenOff):
                program.delete(name, self._marks.kubeconfig(name))
            if name not in program.clusters():
                self._marks.forget(name)
        except NotNow as exc:
            log.warning("what is left of cluster %s is removed later: %s", name, exc)

    def _answering(self, order: Order, deadline: float) -> Ground:
        """Wait until the API server answers."""
        found: list[Seen] = []

        def look() -> bool:
            found.append(self._look(order.site_name))
            return found[-1].ground is not None

        if not patience.until(look, _left(deadline), order.raise_if_cancelled):
            raise NotNow(f"the API server of cluster {order.site_name} does not answer", UNSURE_SECONDS)
        self._check_own(found[-1], order)
        assert found[-1].ground is not None, "it was waited for"
        return found[-1].ground.heeding(order)

    def _delete(self, name: str) -> None:
        """Delete a cluster that is ours, see that it is gone, then forget it."""
        self._grounds.drop((name,))
        program.delete(name, self._marks.kubeconfig(name))
        if name in program.clusters():
            raise NotNow(f"the cluster {name} is still there after `kind delete cluster`")
        self._marks.forget(name)

    def _forget(self, site: Site) -> None:
        mark = self._marks.read(site.name)
        if mark is None or mark.is_of(self._owner, site.pool, site.generation):
            self._grounds.drop((site.name,))
            self._marks.forget(site.name)


@dataclass(frozen=True, slots=True)
class _Nothing:
    """What is listed of a cluster that is not shown: why."""

    why: str


_NOT_OURS = _Nothing("not ours")
_UNKNOWN = _Nothing("not known now")


def _on_it(ground: Ground, base: Site) -> Site | _Nothing:
    """Return the site with what its cluster shows of it."""
    sites = _on(base.name, ground.observe)
    if sites is None:
        return _UNKNOWN
    found = next((one for one in sites if (one.pool, one.generation) == (base.pool, base.generation)), None)
    if found is None:
        return replace(base, pending="nothing is launched there yet")
    return with_shown(base, found)


def _on(name: str, ask: Callable[[], T]) -> T | None:
    """Return what a cluster answers, None where it does not."""
    try:
        return ask()
    except EffectError as exc:
        log.warning("what is on cluster %s cannot be seen: %s", name, exc)
        return None


def _empty(seen: Seen, site: Site) -> None:
    """Let the brokers end in good order; a cluster that does not answer, or fails, goes as it is."""
    if seen.ground is None:
        return
    try:
        seen.ground.remove(site)
    except EffectError as exc:
        log.warning("%s goes with its whole cluster: %s", site.name, exc)


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 1.0)


def _unsure(name: str) -> NotNow:
    text = f"there is a cluster {name} that does not answer, and nothing says whose it is"
    return NotNow(f"{text}; if nobody needs it, `kind delete cluster --name {name}`", UNSURE_SECONDS)


def _taken(name: str, whose: str) -> Never:
    return Never(f"there is a cluster {name} already, which {whose}; choose another cluster_name")
