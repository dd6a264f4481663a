"""Faults of kind, the program, and of the Docker under it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fakes.gke.venue import wait
from fault_table import Column, Fault, failure, site
from kind_venue import Town, town

from burstd.core.errors import Never, NotNow
from burstd.plugins.contract import Order
from burstd.plugins.kind import Kind

BYSTANDER = "bystander"
SECONDS = 30.0


@dataclass
class Machine:
    """A machine with Docker, and a cluster that a person made."""

    place: Town
    generation: int = 1
    before: object = None

    def provider(self, **options: Any) -> Kind:
        return self.place.provider(**options)

    def order(self, size: int = 1, **pool: Any) -> Order:
        order = self.place.order(size, generation=self.generation)
        return replace(order, pool=replace(order.pool, **pool))

    @property
    def name(self) -> str:
        return f"contract-burst-0-g{self.generation}"

    def ours(self) -> list[str]:
        return [name for name in self.place.kind.clusters() if name != BYSTANDER]

    def whole(self) -> list[str]:
        return [self.name]

    def foreign(self) -> object:
        return [name for name in self.place.kind.clusters() if name == BYSTANDER]


@contextmanager
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Give a machine with somebody else's cluster, of which there is no more than its directory."""
    with town(monkeypatch) as place:
        place.kind.cluster(BYSTANDER).path.mkdir(parents=True)
        made = Machine(place)
        made.before = made.foreign()
        yield made


KIND = Column("kind", world)

OWN_KEY = (
    "kind gives out a certificate of the cluster's administrator, made with the cluster and never refused."
)
OWN_DOCKER = "Docker on this machine tells at once, and all, of what there is: there is one daemon."


@KIND.on(Fault.TIMED_OUT, "create", "delete")
def _timed_out(it: Machine, call: str) -> None:
    """What Docker did not do is asked for again; what may be there still is not forgotten."""
    provider = it.provider()
    if call == "create":
        it.place.kind.set_fault("docker")
        failure(lambda: provider.provision(it.order()), NotNow, "Is the docker daemon running")
        it.place.kind.clear_fault("docker")
        assert it.ours() == []
        return
    provider.provision(it.order())
    it.place.kind.set_fault("delete", "context deadline exceeded")
    failure(lambda: provider.remove(site(it.order())), NotNow, "context deadline exceeded")
    assert len(provider.observe().sites) == 1
    it.place.kind.clear_fault("delete")


@KIND.on(Fault.TIMED_OUT_APPLIED)
def _timed_out_applied(it: Machine, _: str) -> None:
    """A creation that is ended for the time it took leaves nothing, whatever it had made."""
    it.place.kind.set_fault("hang")
    order = it.order(provision_seconds=1.0)
    failure(lambda: it.provider().provision(order), NotNow, "was not done after 1 s")
    assert it.place.kind.creating()
    assert it.ours() == []
    it.place.kind.clear_fault("hang")


@KIND.on(Fault.EXISTS_MINE)
def _exists_mine(it: Machine, _: str) -> None:
    """A cluster that an earlier burstd made is found by its mark and its nodes' labels."""
    it.provider().provision(it.order())
    made = it.place.kind.creating()
    it.provider().provision(it.order())
    assert it.place.kind.creating() == made


@KIND.on(Fault.EXISTS_FOREIGN)
def _exists_foreign(it: Machine, _: str) -> None:
    """A cluster of the burst's name that somebody else made is a mistake to mend, and is left alone."""
    command = ["kind", "create", "cluster", "--name", it.name, "--kubeconfig", it.place.directory / "theirs"]
    subprocess.run(command, check=True, capture_output=True)
    failure(lambda: it.provider().provision(it.order()), Never, "which somebody else made; choose another")
    it.provider().remove(site(it.order()))
    assert it.ours() == [it.name]
    it.place.kind.cluster(it.name).remove()


KIND.never(Fault.QUOTA, "Docker on this machine has no quota of clusters, of machines or of pods.")
KIND.never(Fault.STOCKOUT, "The hosts are containers on this machine, and there is no operation to fail.")


@KIND.on(Fault.CLUSTER_IN_ERROR)
def _cluster_in_error(it: Machine, _: str) -> None:
    """A cluster whose API server is dead is still listed, or makes the listing incomplete, and is removed."""
    provider = it.provider()
    provider.provision(it.order())
    it.place.kind.cluster(it.name).end(signal.SIGKILL)
    listing = it.provider().observe()
    assert not listing.complete or listing.sites
    it.provider().remove(site(it.order()))
    assert it.ours() == []


KIND.never(Fault.UNAUTHENTICATED, OWN_KEY)
KIND.never(Fault.FORBIDDEN, OWN_KEY)


@KIND.on(Fault.DELETED)
def _deleted(it: Machine, _: str) -> None:
    """A cluster that somebody deleted is not listed any more; removing is no error, and forgets it."""
    provider = it.provider()
    provider.provision(it.order())
    it.place.kind.cluster(it.name).remove()
    listing = provider.observe()
    assert (listing.sites, listing.complete) == ((), True)
    failure(lambda: provider.launch(it.order()), NotNow, "is not there any more")
    provider.remove(site(it.order()))
    assert not it.place.files_of(it.name).exists()


KIND.never(Fault.MISSING, OWN_DOCKER)
KIND.never(Fault.PARTIAL, OWN_DOCKER)
KIND.never(Fault.STALE, OWN_DOCKER)
KIND.never(
    Fault.FEWER,
    "kind makes all the nodes of a cluster or fails; what one that was broken off left is made anew.",
)


@KIND.on(Fault.STUCK)
def _stuck(it: Machine, _: str) -> None:
    """A creation of another burstd's is waited for as long as the pool says, and not ended."""
    it.place.kind.set_fault("hang")
    with ThreadPoolExecutor(1) as worker:
        first = worker.submit(it.provider().provision, it.order())
        wait(it.place.kind.creating)
        pid = it.place.kind.creating()
        order = it.order(provision_seconds=1.0)
        failure(lambda: it.provider().provision(order), NotNow, "an earlier `kind create` is still making")
        it.place.kind.clear_fault("hang")
        first.result(SECONDS)
    assert it.place.kind.creating() == pid


@KIND.on(Fault.DELETE_REFUSED)
def _delete_refused(it: Machine, _: str) -> None:
    """While `kind create` runs, whoever began it, the cluster is not deleted; afterwards it is."""
    it.place.kind.set_fault("hang")
    with ThreadPoolExecutor(1) as worker:
        first = worker.submit(it.provider().provision, it.order())
        wait(it.place.kind.creating)
        failure(lambda: it.provider().remove(site(it.order())), NotNow, "it is deleted after that")
        it.place.kind.clear_fault("hang")
        first.result(SECONDS)
    it.provider().remove(site(it.order()))
    assert it.ours() == []


@KIND.on(Fault.UNKNOWN)
def _unknown(it: Machine, _: str) -> None:
    """A mark that says what nobody understands counts for nothing: the nodes' labels tell."""
    it.provider().provision(it.order())
    (it.place.files_of(it.name) / "mark.json").write_text('{"owner": 7, "made": "perhaps"}')
    assert [one.name for one in it.provider().observe().sites] == [it.name]


@KIND.on(Fault.RESET)
def _reset(it: Machine, _: str) -> None:
    """A `kind create` that somebody kills leaves nothing behind, and is begun anew."""
    it.place.kind.set_fault("hang")
    with ThreadPoolExecutor(1) as worker:
        first = worker.submit(it.provider().provision, it.order())
        wait(it.place.kind.creating)
        os.kill(it.place.kind.creating() or 0, signal.SIGKILL)
        assert isinstance(first.exception(SECONDS), NotNow)
    assert it.ours() == []
    it.place.kind.clear_fault("hang")


KIND.never(Fault.EXPIRED, OWN_KEY)
KIND.never(Fault.RECLAIMED, "The machine is the one that burstd itself runs on, and nobody takes it back.")
