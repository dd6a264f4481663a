"""What burstd has on one cluster: a namespace for each burst, and in it all that makes its brokers run.

Every object bears the owner's labels and is looked at before it is changed: one that does not bear them is
somebody else's. Every call may come twice, and from another burstd after a crash.
"""

from __future__ import annotations

import base64
import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from burstd.core.errors import CertificateError, Never, NotNow
from burstd.core.model import Failure, Site
from burstd.core.silence import Lease
from burstd.join import curve
from burstd.join.papers import Order
from burstd.kube import extras, labels, minicluster, operator, reclaims, removal, scaleups
from burstd.kube.client import Cluster
from burstd.kube.kinds import EVENT, JOB, MINICLUSTER, NAMESPACE, POD, SECRET, Manifest
from burstd.kube.lease import Told
from burstd.kube.leases import Leases
from burstd.kube.minicluster import Machine
from burstd.kube.nodes import Nodes
from burstd.kube.options import KubeOptions
from burstd.kube.pods import crashed, judge, waits_for_machine
from burstd.kube.refusals import Exists
from burstd.kube.removal import Mine
from burstd.kube.scaleups import Note
from burstd.kube.watcher import Watcher

__all__ = ["Ground", "Machine"]

log = logging.getLogger(__name__)


class Ground:
    """The bursts of one owner on one cluster. Used by worker threads."""

    def __init__(
        self,
        cluster: Cluster,
        owner: str,
        options: KubeOptions,
        machine: Machine,
        *,
        made: bool,
        changed: Callable[[], None] = lambda: None,
        lease: Lease | None = None,
    ) -> None:
        """Take a connection. `made`: burstd made the cluster, so the operator may be installed.

        `changed` is called when `observe` would show something else than before. `lease` is what bursts have;
        None: they have none.
        """
        self.cluster = cluster
        self._owner = owner
        self._leases = Leases(cluster, owner, options, lease)
        self._marks = {labels.OWNER: owner}
        self._options = options
        self._machine = machine
        self._may_install = made or options.operator.install
        self._watcher = Watcher(cluster, POD, self._marks, changed)
        self._nodes = Nodes(cluster, self._selector, changed)

    def heeding(self, order: Order) -> Ground:
        """Return the same ground, on which nothing is waited for any more once the order is cancelled."""
        other = copy.copy(self)
        other.cluster = self.cluster.heeding(order.raise_if_cancelled)
        return other

    def close(self) -> None:
        self._watcher.close()
        self._nodes.close()
        self.cluster.close()

    def prepare(self, order: Order) -> None:
        """Make the burst's namespace and Secret, have its images pulled, and the operator installed.

        What ends the burst when nobody cares for it any more comes before all that costs. Raises Never where
        the namespace is somebody else's, where the certificate cannot be used, NotNow.
        """
        self._make_namespace(order)
        self._leases.make(order)
        self.cluster.apply(self._secret(order))
        for extra in extras.load(self._options.manifests):
            self._apply_extra(extra, order)
        if self._options.prepull:
            self._make_once(minicluster.prepull(order, self._options, self._machine))
        operator.ensure(self.cluster, self._options.operator_chosen, allowed=self._may_install)

    def launch(self, order: Order) -> None:
        """Have the order's brokers started: those that run are left alone."""
        self.prepare(order)
        if self._minicluster(order) is None:
            self._make_once(minicluster.minicluster(order, self._options, self._machine))
        found = self._minicluster(order)
        if found is None:
            raise NotNow(f"the MiniCluster of {order.site_name} is gone again; somebody took it away")
        if found["spec"]["size"] != order.size:
            self._scale(order, found)

    def resize(self, order: Order) -> None:
        """Make exactly the order's brokers run: an Indexed Job grows and shrinks at its end."""
        self.launch(order)

    def observe(self, troubles: Mapping[str, Failure] | None = None) -> tuple[Site, ...]:
        """Return each burst that has a namespace here, and have changes told from now on.

        `troubles` has, by the site's name, what is wrong with the machines of a burst.
        """
        namespaces = self.cluster.list(NAMESPACE, labels=self._marks).items
        if not namespaces:
            return ()
        pods = self.cluster.list(POD, labels=self._marks)
        taken = self._nodes.taken(_homes(pods.items))
        told, leases = troubles or {}, self._leases.told(self._marks)
        sites = tuple(
            _leased(self._site(one, pods.items, taken, told.get(one["metadata"]["name"])), leases)
            for one in namespaces
            if labels.generation(one) and labels.read(one).get(labels.POOL)
        )
        self._watcher.resume(pods.version)
        return sites

    def remove(self, site: Site) -> None:
        """Remove the burst and all that is in its namespace; returns once it is gone. Raises NotNow."""
        removal.remove(self.cluster, Mine(site.name, self._owner, site.pool, site.generation))

    def renew(self, site: Site, *, busy: bool) -> None:
        """Say that the burst is still wanted, if it is there and ours. Raises NotNow, Never."""
        found = self.cluster.get(NAMESPACE, site.name)
        if found is not None and self._is_of(found, site.pool, site.generation):
            self._leases.renew(site, busy=busy)

    def owners(self) -> frozenset[str]:
        """Return everybody who has a burst here. Raises NotNow, Never."""
        found = self.cluster.list(NAMESPACE, labels={labels.OWNER: None}).items
        return frozenset(labels.read(one)[labels.OWNER] for one in found if labels.generation(one))

    def _make_namespace(self, order: Order) -> None:
        wanted = minicluster.namespace(order)
        try:
            found = self.cluster.create(wanted)
        except Exists:
            found = self.cluster.get(NAMESPACE, order.site_name) or wanted
        if not self._is_of(found, order.pool.name, order.generation):
            raise Never(
                f"the namespace {order.site_name} on {self.cluster.url} is somebody else's: it does not bear "
                f"burstd's labels for {order.pool.name}; choose another cluster_name"
            )
        if "deletionTimestamp" in found["metadata"]:
            raise NotNow(f"the namespace {order.site_name} is being deleted; burstd waits until it is gone")

    def _apply_extra(self, extra: Manifest, order: Order) -> None:
        if not self.cluster.kind(extra).namespaced:
            what = f"{extra['kind']} {extra['metadata']['name']}"
            raise Never(f"{what} is not of a namespace; burstd applies only what goes with its burst")
        self.cluster.apply(extras.placed(extra, order))

    def _secret(self, order: Order) -> Manifest:
        certificate = self._bytes(order.join.curve_cert_secret, "curve.cert") or _read_certificate(order)
        return minicluster.secret(order, certificate, self._munge_key(order))

    def _munge_key(self, order: Order) -> bytes | None:
        path = order.join.munge_key
        kept = self._bytes(order.join.munge_key_secret, "munge.key")
        if kept is not None or path is None:
            return kept
        try:
            return path.read_bytes()
        except OSError as exc:
            raise Never(f"the munge key {path} cannot be read: {exc.strerror}") from exc

    def _bytes(self, name: str, key: str) -> bytes | None:
        """Return what a Secret that is there already holds; None where none is named."""
        if not name:
            return None
        where = self._options.secret_namespace
        found = self.cluster.get(SECRET, name, where)
        if found is None or key not in (found.get("data") or {}):
            raise Never(
                f"on {self.cluster.url} no Secret {where}/{name} has a {key}: make it, or name a file"
            )
        return base64.b64decode(found["data"][key])

    def _make_once(self, manifest: Manifest) -> None:
        """Make an object that is not changed later: it may be there already, or have done its work."""
        try:
            self.cluster.create(manifest)
        except Exists:
            log.debug("%s is there already", manifest["metadata"]["name"])

    def _minicluster(self, order: Order) -> Manifest | None:
        found = self.cluster.get(MINICLUSTER, order.pool.name, order.site_name)
        if found is not None and not self._is_of(found, order.pool.name, order.generation):
            raise Never(
                f"the MiniCluster {order.pool.name} in {order.site_name} is not burstd's; remove it by hand"
            )
        if found is not None and "deletionTimestamp" in found["metadata"]:
            raise NotNow(f"the MiniCluster of {order.site_name} is being deleted")
        return found

    def _scale(self, order: Order, found: Manifest) -> None:
        most = (found.get("status") or {}).get("maximumSize") or found["spec"].get("maxSize") or order.size
        if order.size > most:
            raise Never(f"{order.site_name} was made for {most} hosts at most and cannot have {order.size}")
        change = {"metadata": {"uid": found["metadata"]["uid"]}, "spec": {"size": order.size}}
        self.cluster.merge(MINICLUSTER, order.pool.name, order.site_name, change)

    def _site(
        self,
        namespace: Manifest,
        pods: tuple[Manifest, ...],
        taken: frozenset[str],
        trouble: Failure | None,
    ) -> Site:
        name = namespace["metadata"]["name"]
        pool = labels.read(namespace).get(labels.POOL, "")
        made = self.cluster.get(MINICLUSTER, pool, name)
        mine = [pod for pod in pods if pod["metadata"]["namespace"] == name]
        brokers = [pod for pod in mine if labels.bears(pod, {labels.PART: labels.BROKER})]
        size = int(made["spec"]["size"]) if made else 0
        most = max(size, int(made["spec"].get("maxSize", 0)) if made else 0, 1)
        hosts = tuple(f"{pool}-{index}" for index in range(most))
        job = self.cluster.get(JOB, pool, name) if made else None
        notes = self._notes(name, brokers, size if job else 0)
        logs = self._logs(name, brokers)
        judged = judge(hosts, size, brokers, notes, job, logs, self._offer, trouble)
        return Site(
            name=name,
            pool=pool,
            generation=labels.generation(namespace),
            hosts=judged.hosts,
            created=_created(namespace),
            pending=self._pending(made, job, judged.pending),
            failure=judged.failure,
            lead=(namespace["metadata"].get("annotations") or {}).get(labels.LEAD, ""),
            reclaimed=reclaims.hosts_of(hosts, brokers, taken),
        )

    def _pending(self, made: Manifest | None, job: Manifest | None, pods: str) -> str:
        if made is None:
            return "its MiniCluster is not made yet"
        if job is None:
            return operator.state(self.cluster) or "the Flux Operator has not taken it up yet"
        return pods

    @property
    def _selector(self) -> Mapping[str, str]:
        """The labels of each Node on which brokers can be."""
        chosen = {**self._machine.node_selector, **self._options.node_selector}
        return {key: value for key, value in chosen.items() if value}

    @property
    def _offer(self) -> str:
        if self._machine.offer:
            return self._machine.offer
        chosen = ", ".join(f"{key}={value}" for key, value in sorted(self._options.node_selector.items()))
        return f"a machine{f' with {chosen}' if chosen else ''} on {self.cluster.url}"

    def _notes(self, namespace: str, pods: list[Manifest], size: int) -> Mapping[str, Note]:
        """Return what events say about pods that wait for a machine, or that are missing."""
        if len(pods) >= size and not any(waits_for_machine(pod) for pod in pods):
            return {}
        return scaleups.about(self.cluster.list(EVENT, namespace).items)

    def _logs(self, namespace: str, pods: list[Manifest]) -> Mapping[str, str]:
        """Return the last words of the containers that keep ending, by pod."""
        ending = {pod["metadata"]["name"]: name for pod in pods if (name := crashed(pod))}
        return {pod: self.cluster.log(namespace, pod, container) for pod, container in ending.items()}

    def _is_of(self, found: Manifest, pool: str, generation: int) -> bool:
        return Mine("", self._owner, pool, generation).is_of(found)


def _leased(site: Site, leases: Mapping[str, Told]) -> Site:
    """Return a site with what its lease says."""
    told = leases.get(site.name)
    return replace(site, renewed=told.renewed, busy=told.busy) if told is not None else site


def _read_certificate(order: Order) -> bytes:
    try:
        curve.read(order.join.curve_cert)
        return order.join.curve_cert.read_bytes()
    except (CertificateError, OSError) as exc:
        raise Never(str(exc)) from exc


def _homes(pods: tuple[Manifest, ...]) -> frozenset[str]:
    """Return the Nodes on which brokers are."""
    brokers = (pod for pod in pods if labels.bears(pod, {labels.PART: labels.BROKER}))
    return frozenset(filter(None, (pod["spec"].get("nodeName") for pod in brokers)))


def _created(manifest: Manifest) -> float:
    text = manifest["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else 0.0
