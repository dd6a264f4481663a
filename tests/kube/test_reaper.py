"""The reaper of a burst: with its own rights, on its own clock, it ends that burst and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.operator import Delays
from kube_venue import LEASE, Town, a_kubernetes, town

from burstd.core.errors import Never
from burstd.core.silence import Lease, LeaseTerms
from burstd.join.papers import Order
from burstd.kube import reaper
from burstd.kube.client import Access, Cluster, connect
from burstd.kube.kinds import NAMESPACE, POD, SECRET
from burstd.kube.reaping import Reaper
from burstd.kube.removal import Mine

TERMS = LeaseTerms(900.0, 86_400.0)
STEP_SECONDS = 30.0


@pytest.fixture
def place() -> Iterator[Town]:
    with town(delays=Delays(back_off=0.05, retry=0.05)) as made:
        yield made


class Clock:
    """The reaper's own clock: it goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 12345.0

    def __call__(self) -> float:
        return self.now


def account(place: Town, order: Order) -> Cluster:
    """Return a connection with the rights of the reaper of an order."""
    token = place.api.account_token(order.site_name, reaper.NAME)
    return connect(Access(place.api.url, token=lambda: token), patience_seconds=0.2)


def mine(order: Order) -> Mine:
    return Mine(order.site_name, order.owner, order.pool.name, order.generation)


def pass_time(watched: Reaper, clock: Clock, seconds: float) -> bool:
    for _ in range(round(seconds / STEP_SECONDS)):
        clock.now += STEP_SECONDS
        if watched.look():
            return True
    return False


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def minicluster(place: Town, order: Order) -> object:
    return place.api.store.get("miniclusters.flux-framework.org", order.site_name, order.pool.name)


@pytest.mark.process
def test_a_silent_burst_is_ended_with_the_reapers_own_rights(place: Town) -> None:
    """After the time for an idle burst its brokers and its namespace go, and another burst stays."""
    provider, order, other = a_kubernetes(place), place.order(1), place.order(1, generation=2)
    for one in (order, other):
        provider.launch(one)
    clock = Clock()
    with closing(account(place, order)) as cluster:
        watched = Reaper(cluster, mine(order), TERMS, clock)
        assert not watched.look()
        assert not pass_time(watched, clock, 870)
        assert minicluster(place, order)
        assert pass_time(watched, clock, 30)
    until(lambda: place.api.store.get("namespaces", "", order.site_name) is None)
    assert minicluster(place, other)
    assert [site.generation for site in provider.observe().sites] == [2]


def test_a_burst_that_is_renewed_stays(place: Town) -> None:
    """Each renewal begins the time anew, and says by itself whether the longer time counts."""
    provider, order, clock = a_kubernetes(place), place.order(1), Clock()
    provider.provision(order)
    (site,) = provider.observe().sites
    with closing(account(place, order)) as cluster:
        watched = Reaper(cluster, mine(order), TERMS, clock)
        for busy in (False, False, True):
            provider.renew(site, busy=busy)
            assert not pass_time(watched, clock, 870)
        assert not pass_time(watched, clock, 80_000)
        provider.renew(site, busy=False)
        assert pass_time(watched, clock, 960)


def test_a_server_that_does_not_answer_is_no_silence(place: Town, caplog: pytest.LogCaptureFixture) -> None:
    """What the API server cannot tell does not count, and is said once, not each time."""
    provider, order, clock = a_kubernetes(place), place.order(1), Clock()
    provider.provision(order)
    with closing(account(place, order)) as cluster:
        watched = Reaper(cluster, mine(order), TERMS, clock)
        assert not pass_time(watched, clock, 300)
        fault = place.api.faults.add(path="/leases/", status=403, times=None)
        assert not pass_time(watched, clock, 3000)
        place.api.faults.remove(fault)
        assert not pass_time(watched, clock, 600)
        assert pass_time(watched, clock, 60)
    assert caplog.text.count("tried again") == 1


def test_an_end_that_fails_is_tried_again(place: Town) -> None:
    """Where the MiniCluster cannot be deleted now, the reaper goes on, and ends the burst later."""
    provider, order, clock = a_kubernetes(place), place.order(1), Clock()
    provider.provision(order)
    with closing(account(place, order)) as cluster:
        watched = Reaper(cluster, mine(order), TERMS, clock)
        place.api.faults.add("DELETE", "/namespaces/", status=409)
        assert not pass_time(watched, clock, 930)
        assert pass_time(watched, clock, 60)


def test_a_lease_that_vanished_is_silence(place: Town) -> None:
    """Who takes the lease away does not keep the burst alive by it."""
    provider, order, clock = a_kubernetes(place), place.order(1), Clock()
    provider.provision(order)
    place.api.store.delete("leases.coordination.k8s.io", order.site_name, "burstd")
    with closing(account(place, order)) as cluster:
        assert pass_time(Reaper(cluster, mine(order), TERMS, clock), clock, 960)


def test_another_burst_is_left_alone(place: Town) -> None:
    """A reaper that is told another generation than its namespace bears deletes nothing."""
    provider, order, clock = a_kubernetes(place), place.order(1), Clock()
    provider.provision(order)
    with closing(account(place, order)) as cluster:
        wrong = Mine(order.site_name, order.owner, order.pool.name, order.generation + 1)
        assert pass_time(Reaper(cluster, wrong, TERMS, clock), clock, 960)
    assert place.api.store.get("namespaces", "", order.site_name)


def test_the_reaper_may_do_nothing_else(place: Town) -> None:
    """It reads no Secret, no pod and no other namespace, and lists nothing."""
    order, other = place.order(1), place.order(1, generation=2)
    for one in (order, other):
        a_kubernetes(place).provision(one)
    with closing(account(place, order)) as cluster:
        assert cluster.get(NAMESPACE, order.site_name)
        for refused in (
            lambda: cluster.get(SECRET, "burst-secrets", order.site_name),
            lambda: cluster.list(POD, order.site_name),
            lambda: cluster.list(NAMESPACE),
            lambda: cluster.get(NAMESPACE, other.site_name),
        ):
            with pytest.raises(Never, match=r"lacks the right to (get|list)"):
                refused()


@pytest.mark.parametrize("plural", ["leases", "serviceaccounts", "roles", "rolebindings", "deployments"])
def test_without_a_lease_nothing_is_brought_up(place: Town, plural: str) -> None:
    """Where any part of the switch cannot be made, bring-up stops before anything that costs."""
    place.api.faults.add("POST", f"/{plural}$", status=403, times=None)
    with pytest.raises(Never):
        a_kubernetes(place).launch(place.order(1))
    assert place.api.store.list("miniclusters.flux-framework.org") == []
    assert place.api.store.list("jobs.batch") == []


def test_without_an_image_there_is_a_lease_and_no_reaper(place: Town) -> None:
    """A burst for which no image is named shows when it was renewed, so that `burstd gc` finds it."""
    provider = a_kubernetes(place, lease=Lease(TERMS))
    provider.provision(place.order(1))
    assert place.api.store.list("deployments.apps", place.order(1).site_name) == []
    assert [site.renewed is not None for site in provider.observe().sites] == [True]


def test_a_paid_pool_needs_the_image_or_a_word(place: Town) -> None:
    """That nothing would end a paid burst is a problem, until somebody says that it is meant."""

    def told(lease: Lease | None, *, paid: bool) -> bool:
        problems = a_kubernetes(place, lease=lease, paid=paid).check(place.pool, place.join)
        return any("lease.image" in str(problem) for problem in problems)

    assert told(Lease(TERMS), paid=True)
    assert not told(Lease(TERMS), paid=False)
    assert not told(LEASE, paid=True)
    assert not told(None, paid=True)


def test_leases_that_cannot_be_read_hide_no_site(place: Town, caplog: pytest.LogCaptureFixture) -> None:
    """A listing without the right to read leases is complete; only when they were renewed is not told."""
    provider = a_kubernetes(place)
    provider.provision(place.order(1))
    place.api.faults.add("GET", "/leases", status=403, times=None)
    for _ in range(2):
        (site,) = provider.observe().sites
        assert site.renewed is None
    assert caplog.text.count("the leases of bursts cannot be read") == 1


def test_a_reaper_that_does_not_run_is_told_once(place: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Where its pod never comes up, renewing says that nothing would end the burst."""
    place.api.deployments_stay_down = True
    provider = a_kubernetes(place)
    provider.provision(place.order(1))
    (site,) = provider.observe().sites
    for _ in range(2):
        provider.renew(site, busy=False)
    assert caplog.text.count("the reaper that would end it if burstd were gone does not run") == 1


@pytest.mark.process
def test_the_program_ends_a_burst(place: Town, tmp_path: Path) -> None:
    """`burstd reap`, with the arguments and the rights of the Deployment, ends a silent burst and leaves."""
    terms = LeaseTerms(1.0, 600.0)
    provider, order = a_kubernetes(place, lease=Lease(terms, LEASE.image)), place.order(1)
    provider.launch(order)
    made = place.api.store.get("deployments.apps", order.site_name, reaper.NAME)
    assert made is not None
    (program, *words) = made["spec"]["template"]["spec"]["containers"][0]["command"]
    assert program == "burstd"
    token = place.api.account_token(order.site_name, reaper.NAME)
    file = place.api.write_kubeconfig(tmp_path / "config", token=token)
    command = [sys.executable, "-m", "burstd", *words, f"--kubeconfig={file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "nobody renewed its lease" in done.stderr
    until(lambda: place.api.store.get("namespaces", "", order.site_name) is None)
