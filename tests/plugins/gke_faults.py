"""Faults of GKE where each burst has a cluster of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.gke import Delays, TokenEndpoint
from fakes.gke.venue import Region, region, wait
from fault_table import Column, Fault, attempt, failure, site
from grpc import StatusCode

from burstd.core.errors import Never, NoRoom, NotNow
from burstd.plugins.contract import Order
from burstd.plugins.gke import Gke

BYSTANDER = "bystander"
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"


@dataclass
class Clusters:
    """A GKE with a cluster that a person made."""

    place: Region
    tokens: TokenEndpoint | None = None
    generation: int = 1
    before: object = None

    def provider(self, **options: Any) -> Gke:
        return self.place.provider(**options)

    def order(self, size: int = 1, **pool: Any) -> Order:
        return self.place.order(size, generation=self.generation, **pool)

    @property
    def name(self) -> str:
        return f"contract-burst-0-g{self.generation}"

    def ours(self) -> list[str]:
        """Return clusters, their node pools and machines that cost money, all but the bystander's."""
        paths = [path for path in self.place.gke.alive() if not self.is_foreign(path)]
        machines = [one for one in self.place.gke.machines if not self.is_foreign(one)]
        return paths + (machines if not paths else [])

    def is_foreign(self, path: str) -> bool:
        return BYSTANDER in path

    def whole(self) -> list[str]:
        path = f"clusters/{self.name}"
        return [path, f"{path}/nodePools/burst-0", f"{path}/nodePools/burstd-system"]

    def foreign(self) -> object:
        shown = self.place.gke.cluster(BYSTANDER).shown
        return dict(shown.resource_labels), shown.status, [pool.name for pool in shown.node_pools]

    def fail(self, method: str, code: StatusCode | None, **more: Any) -> None:
        self.place.gke.faults.add(method, code, **more)


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch, *, tokens: bool = False, **options: Any) -> Iterator[Clusters]:
    """Give a GKE; with `tokens` it lets in nobody without the latest of an account's."""
    if not tokens:
        with region(**options) as place:
            yield begun(Clusters(place))
        return
    with TokenEndpoint() as endpoint, region(token=endpoint.current, **options) as place:
        key = endpoint.write_key(Path(place.directory) / "key.json")
        monkeypatch.setenv(CREDENTIALS, str(key))
        yield begun(Clusters(place, endpoint))


def begun(made: Clusters) -> Clusters:
    made.place.gke.make_cluster(BYSTANDER, team="hpc")
    made.before = made.foreign()
    return made


CLUSTERS = Column("gke", world)
KEPT = {"keep_cluster_seconds": 600}


def meet(it: Clusters, method: str, code: StatusCode | None, **more: Any) -> None:
    """Let one call fail while a burst is made, kept or removed; what is raised may work later."""
    provider = it.provider(**(KEPT if method == "SetLabels" else {}))
    if method == "CreateCluster":
        it.fail(method, code, **more)
        attempt(lambda: provider.provision(it.order()), NotNow)
        return
    provider.provision(it.order())
    wait(lambda: not it.place.gke.cluster(it.name).operation)
    it.fail(method, code, **more)
    attempt(lambda: provider.remove(site(it.order())), NotNow)


def is_taken_up(it: Clusters) -> None:
    """See that a cluster is kept, and that the next burst moves in; then take it away."""
    provider = it.provider(**KEPT)
    wait(lambda: attempt(lambda: provider.observe(), NotNow) is None)
    assert provider.observe().sites[0].kept_until
    it.generation = 2
    provider.provision(it.order())
    assert len(it.place.gke.called("CreateCluster")) == 1
    it.provider().remove(site(it.order()))
    assert it.ours() == []


@CLUSTERS.on(Fault.TIMED_OUT, "CreateCluster", "DeleteCluster", "SetLabels")
def _timed_out(it: Clusters, call: str) -> None:
    """What was not done is asked for again: by the next attempt, or at once where nothing else is safe."""
    meet(it, call, StatusCode.DEADLINE_EXCEEDED)
    if call == "CreateCluster":
        assert it.ours() == []
    if call == "SetLabels":
        is_taken_up(it)


@CLUSTERS.on(Fault.TIMED_OUT_APPLIED, "CreateCluster", "DeleteCluster", "SetLabels")
def _timed_out_applied(it: Clusters, call: str) -> None:
    """What was done although no answer came is found by its name and labels, and not done again."""
    meet(it, call, StatusCode.DEADLINE_EXCEEDED, apply="after")
    assert len(it.place.gke.called("CreateCluster")) == 1
    if call == "DeleteCluster":
        assert it.ours() == []
    if call == "SetLabels":
        is_taken_up(it)


@CLUSTERS.on(Fault.EXISTS_MINE)
def _exists_mine(it: Clusters, _: str) -> None:
    """A cluster of the burst's that neither a look nor a list shows is taken when its name is in use."""
    it.provider().provision(it.order())
    it.place.gke.service.hidden_seconds = 60.0
    it.fail("GetCluster", StatusCode.NOT_FOUND)
    it.provider().provision(it.order())
    assert len(it.place.gke.called("CreateCluster")) == 2
    it.place.gke.service.hidden_seconds = 0.0


@CLUSTERS.on(Fault.EXISTS_FOREIGN)
def _exists_foreign(it: Clusters, _: str) -> None:
    """A cluster of the burst's name that somebody else made is a mistake to mend, and is left alone."""
    it.place.gke.make_cluster(it.name)
    failure(lambda: it.provider().provision(it.order()), Never, "which somebody else made; choose another")
    it.provider().remove(site(it.order()))
    assert it.place.gke.cluster(it.name).operation == ""
    it.place.gke.service.forget(it.name)


@CLUSTERS.on(Fault.QUOTA, "in the call", "in the operation")
def _quota(it: Clusters, call: str) -> None:
    """A quota that is used up is a lack of room for a quarter of an hour, and names the offer."""
    lacks_room(it, call, "quota", "Insufficient regional quota: resource C2_CPUS", 900.0)


@CLUSTERS.on(Fault.STOCKOUT, "in the call", "in the operation")
def _stockout(it: Clusters, call: str) -> None:
    """A zone without machines is a lack of room for five minutes; the broken cluster is listed, and goes."""
    lacks_room(it, call, "stockout", "ZONE_RESOURCE_POOL_EXHAUSTED", 300.0)


def lacks_room(it: Clusters, call: str, trouble: Any, text: str, seconds: float) -> None:
    if call == "in the call":
        it.fail("CreateCluster", StatusCode.RESOURCE_EXHAUSTED, text=text)
    else:
        it.place.gke.delays.api = 0.3
        it.place.gke.faults.fail_making(trouble)
    provider = it.provider()
    error = failure(lambda: provider.provision(it.order()), NoRoom)
    assert isinstance(error, NoRoom)
    offer = "c2-standard-4 in us-central1-a"
    assert (error.retry_after, error.offer) == (seconds, offer)
    if call == "in the call":
        assert it.ours() == []
        return
    found = it.provider().observe().sites[0].failure or provider.observe().sites[0].failure
    assert found is not None
    assert (found.retry_after, found.offer) == (seconds, offer)
    it.provider().remove(site(it.order()))
    assert it.ours() == []
    it.generation = 2


@CLUSTERS.on(Fault.CLUSTER_IN_ERROR)
def _cluster_in_error(it: Clusters, _: str) -> None:
    """A cluster that breaks down is listed as failed, with GKE's words, and is deleted like any other."""
    provider = it.provider()
    provider.provision(it.order())
    wait(lambda: not it.place.gke.cluster(it.name).operation)
    it.place.gke.service.break_down(it.name, "the control plane is unhealthy")
    shown = it.provider().observe().sites[0]
    assert shown.failure is not None
    assert "the control plane is unhealthy" in shown.failure.text
    failure(lambda: it.provider().provision(it.order()), NotNow, "the control plane is unhealthy")
    provider.remove(shown)
    assert it.ours() == []
    it.generation = 2


@CLUSTERS.on(Fault.UNAUTHENTICATED, "CreateCluster", "ListClusters")
def _unauthenticated(it: Clusters, call: str) -> None:
    """Credentials that are refused twice are a person's to renew; what to do is said, and nothing is made."""
    it.fail(call, StatusCode.UNAUTHENTICATED, text="invalid authentication credentials", times=2)
    said = "credentials for Google Cloud are not accepted; renew them"
    failure(lambda: it.provider().provision(it.order()), Never, said)
    assert it.ours() == []


PERMISSIONS = {
    "CreateCluster": "container.clusters.create",
    "DeleteCluster": "container.clusters.delete",
    "GetOperation": "container.operations.get",
    "ListClusters": "container.clusters.list",
    "SetLabels": "container.clusters.update",
}


@CLUSTERS.on(Fault.FORBIDDEN, *PERMISSIONS)
def _forbidden(it: Clusters, call: str) -> None:
    """The permission that is missing is named, and the role that has it; once it is given, work goes on."""
    permission = PERMISSIONS[call]
    text = f'Required "{permission}" permission(s) for "projects/test-project".'
    said = f"lack the permission {permission} in project test-project; give their account roles/container"
    if call in ("DeleteCluster", "SetLabels"):
        provider = it.provider(**(KEPT if call == "SetLabels" else {}))
        provider.provision(it.order())
        wait(lambda: not it.place.gke.cluster(it.name).operation)
        it.fail(call, StatusCode.PERMISSION_DENIED, text=text)
        failure(lambda: provider.remove(site(it.order())), Never, said)
        return
    it.place.gke.delays.api = 0.2
    it.fail(call, StatusCode.PERMISSION_DENIED, text=text)
    failure(lambda: it.provider().provision(it.order()), Never, said)


@CLUSTERS.on(Fault.DELETED)
def _deleted(it: Clusters, _: str) -> None:
    """A cluster that somebody deleted is no longer listed; launching says so, and removing is no error."""
    provider = it.provider()
    provider.provision(it.order())
    wait(lambda: not it.place.gke.cluster(it.name).operation)
    it.place.gke.service.forget(it.name)
    listing = provider.observe()
    assert (listing.sites, listing.complete) == ((), True)
    failure(lambda: provider.launch(it.order()), NotNow, "is not there any more")
    provider.remove(site(it.order()))


@CLUSTERS.on(Fault.MISSING)
def _missing(it: Clusters, _: str) -> None:
    """A cluster that lists leave out is listed by whom made it, and found by name by whom did not."""
    it.place.gke.service.hidden_seconds = 600.0
    provider = it.provider()
    provider.provision(it.order())
    assert [one.name for one in provider.observe().sites] == [it.name]
    it.provider().provision(it.order())
    assert len(it.place.gke.called("CreateCluster")) == 1
    it.provider().remove(site(it.order()))
    assert it.ours() == []
    it.place.gke.service.hidden_seconds = 0.0


@CLUSTERS.on(Fault.PARTIAL)
def _partial(it: Clusters, _: str) -> None:
    """A list that leaves out the zone is incomplete; on its word nothing is made, and nothing is gone."""
    it.place.gke.service.missing_zones = {"us-central1-a"}
    assert not it.provider().observe().complete
    failure(lambda: it.provider().provision(it.order()), NotNow, "GKE does not list the clusters of")
    assert it.ours() == []
    failure(lambda: it.provider().remove(site(it.order())), NotNow, "GKE does not list the clusters of")
    it.place.gke.service.missing_zones = set()


@CLUSTERS.on(Fault.STALE, "after the creation", "after the deletion")
def _stale(it: Clusters, call: str) -> None:
    """Whatever old state is read, a cluster is not made twice, and a deletion comes to its end."""
    provider, service = it.provider(), it.place.gke.service
    if call == "after the creation":
        service.look_back()
        failure(lambda: provider.provision(it.order()), NotNow, "was there a moment ago and is not now")
        failure(lambda: it.provider().provision(it.order()), NotNow, "was there a moment ago and is not now")
        assert it.ours() == it.whole()
    else:
        provider.provision(it.order())
        wait(lambda: not it.place.gke.cluster(it.name).operation)
        service.look_back()
        provider.remove(site(it.order()))
        assert it.ours() == []
    service.look_now()


@CLUSTERS.on(Fault.FEWER, operator=True)
def _fewer(it: Clusters, _: str) -> None:
    """The hosts that got machines run; the listing says how many lack one, and why, and is no failure."""
    it.place.gke.faults.machines_left = 1
    provider = it.provider()
    provider.provision(it.order(2))
    provider.launch(it.order(2))
    said = "1 of 2 hosts run; 1 wait for a machine (FailedScaleUp: Node scale up in zones"
    wait(lambda: said in provider.observe().sites[0].pending)
    assert provider.observe().sites[0].failure is None
    it.place.gke.faults.machines_left = None


USUAL_SECONDS = 0.05


@CLUSTERS.on(Fault.STUCK, delays=Delays(api=47 * USUAL_SECONDS, create=47 * USUAL_SECONDS))
def _stuck(it: Clusters, _: str) -> None:
    """A creation is waited for as long as the pool says; the deletion is asked for until it is taken."""
    provider, order = it.provider(), it.order(provision_seconds=10 * USUAL_SECONDS)
    failure(lambda: provider.provision(order), NotNow, r"did not answer within 0\.5 s")
    assert provider.observe().sites[0].pending == "its cluster is being made"
    it.provider().remove(site(order))
    assert it.ours() == []
    assert len(it.place.gke.called("DeleteCluster")) > 1
    it.place.gke.delays.api = it.place.gke.delays.create = USUAL_SECONDS


@CLUSTERS.on(Fault.DELETE_REFUSED)
def _delete_refused(it: Clusters, _: str) -> None:
    """A deletion that GKE refuses while something runs on the cluster is asked for until it is taken."""
    it.place.gke.delays.create = 0.6
    it.provider().provision(it.order())
    assert it.place.gke.cluster(it.name).operation
    it.provider().remove(site(it.order()))
    assert it.ours() == []
    assert len(it.place.gke.called("DeleteCluster")) > 1


@CLUSTERS.on(Fault.UNKNOWN)
def _unknown(it: Clusters, _: str) -> None:
    """States that a later GKE may invent keep no burst from being made, shown and removed."""
    it.place.gke.delays.create = 0.3
    it.place.gke.service.unknown_states = True
    provider = it.provider()
    provider.provision(it.order())
    shown = provider.observe().sites[0]
    assert (shown.name, shown.failure) == (it.name, None)
    provider.remove(shown)
    assert it.ours() == []
    it.place.gke.service.unknown_states = False


@CLUSTERS.on(Fault.RESET, "CreateCluster", "DeleteCluster", "SetLabels", "GetCluster", "ListClusters")
def _reset(it: Clusters, call: str) -> None:
    """A connection that breaks says nothing about what was asked for: that is looked at before the next."""
    if call in ("GetCluster", "ListClusters"):
        it.fail(call, None)
        attempt(lambda: it.provider().provision(it.order()), NotNow)
        return
    meet(it, call, None, apply="after")
    assert len(it.place.gke.called("CreateCluster")) == 1
    if call == "SetLabels":
        is_taken_up(it)


@CLUSTERS.on(Fault.EXPIRED, tokens=True)
def _expired(it: Clusters, _: str) -> None:
    """A token that ended on the way is replaced, and the call made with another: nothing fails."""
    assert it.tokens is not None
    provider = it.provider()
    assert provider.observe().complete
    it.tokens.given.append("a token that somebody else got meanwhile")
    provider.provision(it.order())
    it.tokens.given.append("and another")
    assert provider.observe().complete or provider.observe().complete


@CLUSTERS.on(Fault.RECLAIMED, operator=True)
def _reclaimed(it: Clusters, _: str) -> None:
    """A machine that Google takes back is named before it goes; its host comes back on another."""
    provider = it.provider(spot=True)
    provider.provision(it.order(1))
    provider.launch(it.order(1))
    wait(lambda: not provider.observe().sites[0].pending)
    machines = it.place.gke.cluster(it.name).machines
    (mine,) = [one for one in it.place.gke.machines if "burst-0-" in one and "system" not in one]
    machines.take_back(mine, 0.5)
    wait(lambda: provider.observe().sites[0].reclaimed == ("burst-0-0",))
    wait(lambda: mine not in it.place.gke.machines)
    wait(lambda: not provider.observe().sites[0].pending and not provider.observe().sites[0].reclaimed)
