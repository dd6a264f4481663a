"""Faults of a Kubernetes cluster that is there already."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes.gke.venue import wait
from fakes.kube import Refused
from fakes.operator import reclaims
from fault_table import Column, Fault, attempt, failure, site
from kube_venue import Town, a_kubernetes, town

from burstd.core.errors import Never, NoRoom, NotNow
from burstd.plugins.contract import Order, Provider

MINICLUSTERS = "miniclusters.flux-framework.org"
BYSTANDER = "bystander"


@dataclass
class Cluster:
    """A cluster with the operator on it, and a namespace that a person made."""

    place: Town
    generation: int = 1
    before: object = None
    providers: list[Any] = field(default_factory=list)

    def provider(self, **options: Any) -> Provider:
        made = a_kubernetes(self.place, **({"patience_seconds": 0.3, "prepull": False} | options))
        self.providers.append(made)
        return made

    def order(self, size: int = 1) -> Order:
        return self.place.order(size, generation=self.generation)

    @property
    def name(self) -> str:
        return f"contract-burst-0-g{self.generation}"

    def ours(self) -> list[str]:
        store = self.place.api.store
        namespaces = store.list("namespaces", labels={"burstd.dev/owner": "tester"})
        return [one["metadata"]["name"] for one in namespaces]

    def whole(self) -> list[str]:
        return [self.name]

    def foreign(self) -> object:
        """Return the versions of everything that is neither burstd's, nor of its namespaces, nor an event."""
        return {
            (resource, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
            for resource, one in self.place.api.store.everything()
            if BYSTANDER in (one["metadata"]["name"], one["metadata"].get("namespace"))
        }

    @property
    def faults(self) -> Any:
        return self.place.api.faults


@contextmanager
def world(_: pytest.MonkeyPatch, **options: Any) -> Iterator[Cluster]:
    """Give a cluster on which the operator is installed, with something of somebody else's."""
    with town(**options) as place:
        made = Cluster(place)
        store = place.api.store
        store.create("namespaces", {"metadata": {"name": BYSTANDER}})
        store.create("configmaps", {"metadata": {"name": "theirs", "namespace": BYSTANDER}, "data": {}})
        made.generation = 99
        made.provider().provision(made.order())
        made.provider().remove(site(made.order()))
        made.generation = 1
        made.before = made.foreign()
        try:
            yield made
        finally:
            for provider in made.providers:
                provider.close()


KUBERNETES = Column("kubernetes", world)

CALLS = {
    "make the namespace": ("POST", "/namespaces$"),
    "write the Secret": ("PATCH", "/secrets/burst-secrets"),
    "make the MiniCluster": ("POST", "/miniclusters$"),
    "resize": ("PATCH", "/miniclusters/burst-0"),
    "delete the MiniCluster": ("DELETE", "/miniclusters/burst-0"),
    "delete the namespace": ("DELETE", "/namespaces/[^/]+$"),
}


def meet(it: Cluster, call: str, **fault: Any) -> BaseException | None:
    """Let a call fail, however often it is tried, while a burst is launched, resized and removed."""
    provider = it.provider()
    if call not in ("make the namespace", "write the Secret", "make the MiniCluster"):
        provider.launch(it.order(1))
    befalls = it.faults.add(*CALLS[call], **({"times": None} | fault))
    if call.startswith("delete"):
        error = attempt(lambda: provider.remove(site(it.order())), NotNow)
    else:
        error = attempt(lambda: provider.launch(it.order(2)), NotNow)
    it.faults.remove(befalls)
    assert befalls.hits
    return error


@KUBERNETES.on(Fault.TIMED_OUT, *CALLS)
def _timed_out(it: Cluster, call: str) -> None:
    """A call that the server never got is tried for a while, and then fails so that it may work later."""
    assert meet(it, call, drop="before") is not None


@KUBERNETES.on(Fault.TIMED_OUT_APPLIED, *CALLS)
def _timed_out_applied(it: Cluster, call: str) -> None:
    """What was done although no answer came is found by its name and labels, and not done again."""
    meet(it, call, drop="after")
    if call == "make the MiniCluster":
        assert it.place.api.store.get(MINICLUSTERS, it.name, "burst-0") is not None


@KUBERNETES.on(Fault.EXISTS_MINE)
def _exists_mine(it: Cluster, _: str) -> None:
    """What an earlier burstd made of the burst is found, and left as it is."""
    it.provider().launch(it.order())
    made = it.place.api.store.get(MINICLUSTERS, it.name, "burst-0")
    it.provider().launch(it.order())
    again = it.place.api.store.get(MINICLUSTERS, it.name, "burst-0")
    assert made is not None
    assert again is not None
    assert made["metadata"]["uid"] == again["metadata"]["uid"]


@KUBERNETES.on(Fault.EXISTS_FOREIGN)
def _exists_foreign(it: Cluster, _: str) -> None:
    """A namespace of the burst's name that somebody else made is a mistake to mend, and is left alone."""
    it.place.api.store.create("namespaces", {"metadata": {"name": it.name}})
    failure(lambda: it.provider().provision(it.order()), Never, "is somebody else's: it does not bear")
    it.provider().remove(site(it.order()))
    found = it.place.api.store.get("namespaces", "", it.name)
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"]
    it.place.api.store.delete("namespaces", "", it.name)
    wait(lambda: it.place.api.store.get("namespaces", "", it.name) is None)


@KUBERNETES.on(Fault.QUOTA, "of objects", "of pods")
def _quota(it: Cluster, call: str) -> None:
    """A quota is a lack of room for a quarter of an hour, though Kubernetes calls it forbidden."""
    provider = it.provider()
    if call == "of objects":
        text = 'miniclusters "burst-0" is forbidden: exceeded quota: small, requested: count=1, used: count=1'
        it.faults.add("POST", "/miniclusters$", status=403, body=Refused(403, text).body())
        error = failure(lambda: provider.launch(it.order()), NoRoom, "exceeded quota: small")
        assert isinstance(error, NoRoom)
        assert (error.retry_after, error.offer) == (900.0, f"the quota small on {it.place.api.url}")
        return
    provider.provision(it.order())
    event = an_event(it, "burst-0", "FailedCreate", "exceeded quota: small")
    it.place.api.store.create("events", event)
    fault = it.faults.add("GET", "/api/v1/pods", status=200, body=NOTHING, times=None)
    provider.launch(it.order())
    wait(lambda: provider.observe().sites[0].failure)
    found = provider.observe().sites[0].failure
    assert found is not None
    assert (found.retry_after, bool(found.offer)) == (900.0, True)
    it.faults.remove(fault)


NOTHING = {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}


def an_event(it: Cluster, about: str, reason: str, text: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{about}.{reason.lower()}", "namespace": it.name},
        "involvedObject": {"name": about, "namespace": it.name},
        "reason": reason,
        "message": text,
        "lastTimestamp": "2099-01-01T00:00:00Z",
    }


@KUBERNETES.on(Fault.STOCKOUT)
def _stockout(it: Cluster, _: str) -> None:
    """Where an autoscaler finds no machine for any host, the burst fails, and what it asked for is named."""
    a_node(it, "small", cpu="1")
    provider = it.provider(node_selector={"size": "xxl"})
    provider.launch(it.order())
    wait(lambda: "wait for a machine" in provider.observe().sites[0].pending)
    (pod,) = it.place.api.store.list("pods", it.name)
    text = "pod didn't trigger scale-up: 1 in backoff after failed scale-up"
    it.place.api.store.create("events", an_event(it, pod["metadata"]["name"], "NotTriggerScaleUp", text))
    wait(lambda: provider.observe().sites[0].failure)
    found = provider.observe().sites[0].failure
    assert found is not None
    assert found.retry_after == 300.0
    assert found.offer == f"a machine with size=xxl on {it.place.api.url}"


def a_node(it: Cluster, name: str, cpu: str = "64") -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": cpu}}
    it.place.api.store.create("nodes", {"metadata": {"name": name}, "spec": {}})
    it.place.api.store.set_status("nodes", "", name, ready)


@KUBERNETES.on(Fault.CLUSTER_IN_ERROR)
def _cluster_in_error(it: Cluster, _: str) -> None:
    """A control plane that answers with errors proves nothing: a listing fails, and nothing is gone."""
    provider = it.provider()
    provider.provision(it.order())
    fault = it.faults.add(status=500, body=Refused(500, "etcdserver: no leader").body(), times=None)
    failure(lambda: it.provider().observe(), NotNow, "etcdserver: no leader")
    failure(lambda: it.provider().provision(it.order()), NotNow, "etcdserver: no leader")
    it.faults.remove(fault)
    assert [one.name for one in provider.observe().sites] == [it.name]


@KUBERNETES.on(Fault.UNAUTHENTICATED, *CALLS)
def _unauthenticated(it: Cluster, call: str) -> None:
    """Credentials that are refused may be renewed at any time: it is said, and tried again later."""
    error = meet(it, call, status=401)
    assert "does not accept burstd's credentials" in str(error)


@KUBERNETES.on(Fault.FORBIDDEN, *CALLS)
def _forbidden(it: Cluster, call: str) -> None:
    """The right that is missing is named as a role would be written; once it is given, work goes on."""
    verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[CALLS[call][0]]
    text = f'x is forbidden: User "burstd" cannot {verb} resource "things" in API group "example.org"'
    said = f"user burstd lacks the right to {verb} things.example.org; give it that"
    failure(lambda: meet(it, call, status=403, body=Refused(403, text).body()), Never, said)
    it.faults.clear()


@KUBERNETES.on(Fault.DELETED)
def _deleted(it: Cluster, _: str) -> None:
    """A namespace that somebody deleted is no longer listed once it is gone, and removing is no error."""
    provider = it.provider()
    provider.provision(it.order())
    it.place.api.store.delete("namespaces", "", it.name)
    wait(lambda: provider.observe().sites == ())
    provider.remove(site(it.order()))


KUBERNETES.never(
    Fault.MISSING,
    "A list without a resourceVersion is read from etcd by quorum, so it shows what was made before it.",
)
KUBERNETES.never(Fault.PARTIAL, "Lists are asked for without a limit, and then the server gives them whole.")


@KUBERNETES.on(Fault.STALE, "the namespace", "the MiniCluster")
def _stale(it: Cluster, call: str) -> None:
    """What is deleted is exactly what was looked at: another of its name is spared, and looked at anew."""
    provider, store = it.provider(), it.place.api.store
    provider.launch(it.order())
    resource, namespace, name = (
        ("namespaces", "", it.name) if call == "the namespace" else (MINICLUSTERS, it.name, "burst-0")
    )
    old = store.get(resource, namespace, name)
    assert old is not None
    old["metadata"]["uid"] = "of-one-that-is-gone"
    path = f"/namespaces/{it.name}" + ("$" if call == "the namespace" else "/miniclusters/burst-0$")
    it.faults.add("GET", path, status=200, body=old)
    failure(lambda: provider.remove(site(it.order())), NotNow, "Precondition failed: UID")
    found = store.get(resource, namespace, name)
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"] or call == "the MiniCluster"


@KUBERNETES.on(Fault.FEWER)
def _fewer(it: Cluster, _: str) -> None:
    """The hosts that have a machine run; the listing says how many wait for one, and is no failure."""
    a_node(it, "one", cpu="3")
    provider = it.provider(requests={"cpu": "2"})
    provider.launch(it.order(2))
    wait(lambda: "1 of 2 hosts run; 1 wait for a machine (" in provider.observe().sites[0].pending)
    assert provider.observe().sites[0].failure is None


@KUBERNETES.on(Fault.STUCK)
def _stuck(it: Cluster, _: str) -> None:
    """A namespace that is long in going is waited for, and nothing is made in it meanwhile."""
    provider = it.provider()
    provider.provision(it.order())
    store = it.place.api.store
    hold(it, ["example.org/wait"])
    with_ease = threading.Timer(47 * 0.02, hold, (it, []))
    with_ease.start()
    store.delete("namespaces", "", it.name)
    failure(lambda: it.provider().provision(it.order()), NotNow, "is being deleted; burstd waits")
    provider.remove(site(it.order()))
    assert it.ours() == []
    with_ease.join()


def hold(it: Cluster, finalizers: list[str]) -> None:
    """Keep the burst's Secret, and so its namespace, from going; or let it go."""
    it.place.api.store.edit(
        "secrets", it.name, "burst-secrets", lambda one: one["metadata"].update(finalizers=finalizers)
    )


@KUBERNETES.on(Fault.DELETE_REFUSED)
def _delete_refused(it: Cluster, _: str) -> None:
    """A deletion that conflicts with what goes on may work later, and does."""
    text = "Operation cannot be fulfilled on namespaces: the system is ensuring all content is removed"
    error = meet(it, "delete the namespace", status=409, body=Refused(409, text).body())
    assert "ensuring all content" in str(error)


@KUBERNETES.on(Fault.UNKNOWN, "no JSON", "no object", "a phase")
def _unknown(it: Cluster, call: str) -> None:
    """An answer that is none proves nothing, and is asked for again; unknown words stop nothing."""
    provider = it.provider()
    if call == "a phase":
        provider.launch(it.order())
        wait(lambda: not provider.observe().sites[0].pending)
        (pod,) = it.place.api.store.list("pods", it.name)
        odd = pod["status"] | {"phase": "Resting", "qosClass": "Odd"}
        it.place.api.store.set_status("pods", it.name, pod["metadata"]["name"], odd)
        assert provider.observe().sites[0].hosts == ("burst-0-0",)
        return
    body = "<html>a proxy's own page</html>" if call == "no JSON" else "[]"
    fault = it.faults.add(status=200, body=body, times=None)
    failure(lambda: provider.provision(it.order()), NotNow, "is no answer of a Kubernetes API server")
    failure(lambda: provider.observe(), NotNow, "is no answer of a Kubernetes API server")
    it.faults.remove(fault)


@KUBERNETES.on(Fault.RESET, *CALLS, "list")
def _reset(it: Cluster, call: str) -> None:
    """An answer that breaks off in its middle proves nothing: the call is made again, and finds it done."""
    if call == "list":
        it.faults.add("GET", "/api/v1/namespaces", drop="within")
        assert it.provider().observe().complete
        return
    meet(it, call, drop="within", times=1)


@KUBERNETES.on(Fault.EXPIRED)
def _expired(it: Cluster, _: str) -> None:
    """Credentials that ended are read again from the kubeconfig, by the same burstd."""
    provider = it.provider()
    assert provider.observe().complete
    it.place.api.__dict__["_token"] = "a new one"
    failure(lambda: provider.provision(it.order()), NotNow, "they are read again for the next call")
    it.place.api.write_kubeconfig(it.place.kubeconfig)
    provider.provision(it.order())


@KUBERNETES.on(Fault.RECLAIMED)
def _reclaimed(it: Cluster, _: str) -> None:
    """A machine that is taken back is named before it goes; its host comes back on another."""
    a_node(it, "one")
    provider = it.provider()
    provider.launch(it.order())
    wait(lambda: not provider.observe().sites[0].pending)
    a_node(it, "two")
    reclaims.take_back(it.place.api.store, "one", 0.4, "AWS")
    wait(lambda: provider.observe().sites[0].reclaimed == ("burst-0-0",))
    wait(lambda: not provider.observe().sites[0].pending and not provider.observe().sites[0].reclaimed)
