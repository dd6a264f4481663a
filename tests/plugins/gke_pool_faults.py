"""Faults of GKE where each burst is a node pool of a cluster that is there already."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.gke import Delays, TokenEndpoint
from fakes.gke.venue import region, wait
from fault_table import Column, Fault, attempt, failure, site
from gke_faults import CREDENTIALS, USUAL_SECONDS, Clusters
from google.cloud import container_v1
from grpc import StatusCode

from burstd.core.errors import Never, NoRoom, NotNow
from burstd.plugins.gke import Gke

MINE = "mine"
"""The person's cluster, of which nothing but the burst's node pool is touched."""

POOLS = f"clusters/{MINE}/nodePools/"


@dataclass
class NodePools(Clusters):
    """A GKE with a cluster that a person made, on which burstd may make node pools."""

    def provider(self, **options: Any) -> Gke:
        operator = self.place.options()["operator"] | {"install": True}
        return self.place.provider(**({"cluster": MINE, "operator": operator} | options))

    def is_foreign(self, path: str) -> bool:
        own = f"{POOLS}contract-" in path or f"gke-{MINE}-contract-" in path
        return not own

    def whole(self) -> list[str]:
        return [f"{POOLS}{self.name}"]

    def foreign(self) -> object:
        shown = self.place.gke.cluster(MINE).shown
        pools = [pool.name for pool in shown.node_pools if not pool.name.startswith("contract-")]
        return dict(shown.resource_labels), pools


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch, *, tokens: bool = False, **options: Any) -> Iterator[NodePools]:
    """Give a GKE; with `tokens` it lets in nobody without the latest of an account's."""
    if not tokens:
        with region(**options) as place:
            yield begun(NodePools(place))
        return
    with TokenEndpoint() as endpoint, region(token=endpoint.current, **options) as place:
        key = endpoint.write_key(Path(place.directory) / "key.json")
        monkeypatch.setenv(CREDENTIALS, str(key))
        yield begun(NodePools(place, endpoint))


def begun(made: NodePools) -> NodePools:
    made.place.gke.make_cluster(MINE, team="hpc")
    made.before = made.foreign()
    return made


NODE_POOLS = Column("gke on an existing cluster", world)
BOTH = ("CreateNodePool", "DeleteNodePool")


def meet(it: NodePools, method: str, code: StatusCode | None, **more: Any) -> None:
    """Let one call fail while a burst is made or removed; what is raised may work later."""
    provider = it.provider()
    if method == "CreateNodePool":
        it.fail(method, code, **more)
        attempt(lambda: provider.provision(it.order()), NotNow)
        return
    provider.provision(it.order())
    idle(it)
    it.fail(method, code, **more)
    attempt(lambda: provider.remove(site(it.order())), NotNow)


def idle(it: NodePools) -> None:
    """Wait until GKE does nothing with the cluster."""
    wait(lambda: not it.place.gke.cluster(MINE).operation)


@NODE_POOLS.on(Fault.TIMED_OUT, *BOTH)
def _timed_out(it: NodePools, call: str) -> None:
    """What was not done is asked for again, in the same call."""
    meet(it, call, StatusCode.DEADLINE_EXCEEDED)
    assert len(it.place.gke.called(call)) == 2
    assert it.ours() == (it.whole() if call == "CreateNodePool" else [])


@NODE_POOLS.on(Fault.TIMED_OUT_APPLIED, *BOTH)
def _timed_out_applied(it: NodePools, call: str) -> None:
    """What was done although no answer came is found by its name and labels."""
    meet(it, call, StatusCode.DEADLINE_EXCEEDED, apply="after")
    assert it.ours() == (it.whole() if call == "CreateNodePool" else [])
    assert len(it.place.gke.called("CreateNodePool")) == 1


@NODE_POOLS.on(Fault.EXISTS_MINE)
def _exists_mine(it: NodePools, _: str) -> None:
    """Where the name is in use and the node pool turns out to be the burst's, it is taken."""
    it.place.gke.service.look_back()
    it.provider().provision(it.order())
    threading.Timer(0.3, it.place.gke.service.look_now).start()
    it.provider().provision(it.order())
    assert len(it.place.gke.called("CreateNodePool")) > 1
    assert it.ours() == it.whole()


@NODE_POOLS.on(Fault.EXISTS_FOREIGN)
def _exists_foreign(it: NodePools, _: str) -> None:
    """A node pool of the burst's name that somebody else made is a mistake to mend, and is left alone."""
    service = it.place.gke.service
    parent = f"projects/test-project/locations/us-central1-a/clusters/{MINE}"
    pool = container_v1.NodePool(name=it.name, config={"machine_type": "e2-standard-4"})
    request = container_v1.CreateNodePoolRequest(parent=parent, node_pool=pool)
    service.create_node_pool(container_v1.CreateNodePoolRequest.pb(request))
    idle(it)
    failure(lambda: it.provider().provision(it.order()), Never, "which is not this burst's; choose another")
    it.provider().remove(site(it.order()))
    assert f"{POOLS}{it.name}" in it.place.gke.alive()
    service.forget_pool(MINE, it.name)


@NODE_POOLS.on(Fault.QUOTA, "in the call", "in the operation")
def _quota(it: NodePools, call: str) -> None:
    """A quota that is used up is a lack of room for a quarter of an hour, and names the offer."""
    lacks_room(it, call, "quota", "Insufficient regional quota: resource C2_CPUS", 900.0)


@NODE_POOLS.on(Fault.STOCKOUT, "in the call", "in the operation")
def _stockout(it: NodePools, call: str) -> None:
    """A zone without machines is a lack of room for five minutes; the broken pool is listed, and goes."""
    lacks_room(it, call, "stockout", "ZONE_RESOURCE_POOL_EXHAUSTED", 300.0)


def lacks_room(it: NodePools, call: str, trouble: Any, text: str, seconds: float) -> None:
    offer = "c2-standard-4 in us-central1-a"
    provider = it.provider()
    if call == "in the call":
        it.fail("CreateNodePool", StatusCode.RESOURCE_EXHAUSTED, text=text)
    else:
        it.place.gke.faults.fail_making(trouble)
        provider.provision(it.order())
        wait(lambda: provider.observe().sites[0].failure)
        found = provider.observe().sites[0].failure
        assert found is not None
        assert (found.retry_after, found.offer) == (seconds, offer)
    error = failure(lambda: provider.provision(it.order()), NoRoom)
    assert isinstance(error, NoRoom)
    assert (error.retry_after, error.offer) == (seconds, offer)
    provider.remove(site(it.order()))
    assert it.ours() == []
    it.generation = 2


@NODE_POOLS.on(Fault.CLUSTER_IN_ERROR)
def _cluster_in_error(it: NodePools, _: str) -> None:
    """On a cluster that broke down nothing is made, and a listing proves nothing; its owner mends it."""
    it.place.gke.service.break_down(MINE, "the control plane is unhealthy")
    failure(lambda: it.provider().provision(it.order()), NotNow, f"the cluster {MINE} is error")
    assert not it.provider().observe().complete
    assert it.ours() == []
    shown = it.place.gke.cluster(MINE).shown
    shown.status = int(container_v1.Cluster.Status.RUNNING)
    del shown.conditions[:]


@NODE_POOLS.on(Fault.UNAUTHENTICATED, *BOTH)
def _unauthenticated(it: NodePools, call: str) -> None:
    """Credentials that are refused twice are a person's to renew; what to do is said."""
    said = "credentials for Google Cloud are not accepted; renew them"
    refused(it, call, StatusCode.UNAUTHENTICATED, "invalid authentication credentials", said, times=2)


@NODE_POOLS.on(Fault.FORBIDDEN, *BOTH)
def _forbidden(it: NodePools, call: str) -> None:
    """The permission that is missing is named, and the role that has it; once it is given, work goes on."""
    permission = "container.clusters.update"
    text = f'Required "{permission}" permission(s) for "projects/test-project".'
    said = f"lack the permission {permission} in project test-project; give their account roles/container"
    refused(it, call, StatusCode.PERMISSION_DENIED, text, said)


def refused(it: NodePools, call: str, code: StatusCode, text: str, said: str, times: int = 1) -> None:
    provider = it.provider()
    if call == "CreateNodePool":
        it.fail(call, code, text=text, times=times)
        failure(lambda: provider.provision(it.order()), Never, said)
        assert it.ours() == []
        return
    provider.provision(it.order())
    idle(it)
    it.fail(call, code, text=text, times=times)
    failure(lambda: provider.remove(site(it.order())), Never, said)


@NODE_POOLS.on(Fault.DELETED)
def _deleted(it: NodePools, _: str) -> None:
    """A node pool that somebody deleted is listed as long as the burst's namespace is, and goes with it."""
    provider = it.provider()
    provider.provision(it.order())
    idle(it)
    it.place.gke.service.forget_pool(MINE, it.name)
    (shown,) = provider.observe().sites
    provider.remove(shown)
    listing = provider.observe()
    assert (listing.sites, listing.complete) == ((), True)


NODE_POOLS.never(
    Fault.MISSING, "A node pool is seen by looking at its cluster by name: no list of clusters is asked for."
)
NODE_POOLS.never(
    Fault.PARTIAL, "The node pools of a cluster come with the cluster itself, all of them or none."
)


@NODE_POOLS.on(Fault.STALE, "after the creation", "after the deletion")
def _stale(it: NodePools, call: str) -> None:
    """Whatever old state is read, a node pool is not made twice, and a deletion comes to its end."""
    provider, service = it.provider(), it.place.gke.service
    if call == "after the creation":
        service.look_back()
        provider.provision(it.order())
        failure(lambda: it.provider().provision(it.order(provision_seconds=0.2)), NotNow, "Already exists")
        assert it.ours() == it.whole()
    else:
        provider.provision(it.order())
        idle(it)
        service.look_back()
        provider.remove(site(it.order()))
        assert it.ours() == []
    service.look_now()


@NODE_POOLS.on(Fault.FEWER, "by the autoscaler", "in the operation", operator=True)
def _fewer(it: NodePools, call: str) -> None:
    """The hosts that got machines run; the listing says how many lack one, and why, and is no failure."""
    it.place.gke.faults.machines_left = 1
    if call == "in the operation":
        it.place.gke.faults.fail_making("stockout")
    provider = it.provider()
    provider.provision(it.order(2))
    provider.launch(it.order(2))
    said = "1 of 2 hosts run; 1 wait for a machine (FailedScaleUp: Node scale up in zones"
    wait(lambda: said in provider.observe().sites[0].pending)
    shown = provider.observe().sites[0]
    assert shown.failure is None
    assert ("a stockout, not a quota" in shown.pending) == (call == "in the operation")
    provider.remove(shown)
    it.place.gke.faults.machines_left = None
    it.generation = 2


@NODE_POOLS.on(Fault.STUCK, delays=Delays(pool=47 * USUAL_SECONDS))
def _stuck(it: NodePools, _: str) -> None:
    """What comes while GKE is busy with the cluster waits as long as its pool says, and may work later."""
    provider = it.provider()
    provider.provision(it.order())
    it.generation = 2
    order = it.order(provision_seconds=10 * USUAL_SECONDS)
    failure(lambda: provider.provision(order), NotNow, "please wait")
    it.generation = 1
    it.provider().remove(site(it.order()))
    assert it.ours() == []
    it.place.gke.delays.pool = USUAL_SECONDS


@NODE_POOLS.on(Fault.DELETE_REFUSED)
def _delete_refused(it: NodePools, _: str) -> None:
    """A deletion that GKE refuses while something runs on the cluster is asked for until it is taken."""
    it.place.gke.delays.pool = 0.4
    it.provider().provision(it.order())
    it.provider().remove(site(it.order()))
    assert it.ours() == []
    assert len(it.place.gke.called("DeleteNodePool")) > 1


@NODE_POOLS.on(Fault.UNKNOWN)
def _unknown(it: NodePools, _: str) -> None:
    """States that a later GKE may invent keep no burst from being made, shown and removed."""
    it.place.gke.service.unknown_states = True
    provider = it.provider()
    provider.provision(it.order())
    shown = provider.observe().sites[0]
    assert (shown.name, shown.failure) == (it.name, None)
    provider.remove(shown)
    assert it.ours() == []
    it.place.gke.service.unknown_states = False


@NODE_POOLS.on(Fault.RESET, *BOTH, "GetCluster")
def _reset(it: NodePools, call: str) -> None:
    """A connection that breaks says nothing about what was asked for: that is looked at before the next."""
    if call == "GetCluster":
        it.fail(call, None)
        attempt(lambda: it.provider().provision(it.order()), NotNow)
        return
    meet(it, call, None, apply="after")
    wait(lambda: attempt(lambda: it.provider().observe(), NotNow) is None)


@NODE_POOLS.on(Fault.EXPIRED, tokens=True)
def _expired(it: NodePools, _: str) -> None:
    """A token that ended on the way is replaced, and the call made with another: nothing fails."""
    assert it.tokens is not None
    provider = it.provider()
    assert provider.observe().complete
    it.tokens.given.append("a token that somebody else got meanwhile")
    provider.provision(it.order())


@NODE_POOLS.on(Fault.RECLAIMED, operator=True)
def _reclaimed(it: NodePools, _: str) -> None:
    """A machine that Google takes back is named before it goes; its host comes back on another."""
    provider = it.provider(spot=True)
    provider.provision(it.order(1))
    provider.launch(it.order(1))
    wait(lambda: not provider.observe().sites[0].pending)
    (mine,) = [one for one in it.place.gke.machines if not it.is_foreign(one)]
    it.place.gke.cluster(MINE).machines.take_back(mine, 0.5)
    wait(lambda: provider.observe().sites[0].reclaimed == ("burst-0-0",))
    wait(lambda: mine not in it.place.gke.machines)
    wait(lambda: not provider.observe().sites[0].pending and not provider.observe().sites[0].reclaimed)
