"""The watchdog of a burst on this machine: what it ends, what it spares, and who looks after it."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.errors import NotNow
from burstd.core.silence import LeaseTerms
from burstd.plugins.local import lease, watchdogs
from burstd.plugins.local.lease import LocalLease
from burstd.plugins.local.site import Place
from burstd.plugins.local.watchdog import Watchdog

TERMS = LeaseTerms(idle_seconds=100.0, with_jobs_seconds=1000.0)
_ANY = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.integers(-1, 10))
_LEASES = st.fixed_dictionaries(
    {
        "renewed": st.one_of(st.just(1.0), _ANY),
        "busy": _ANY,
        "terms": st.one_of(_ANY, st.fixed_dictionaries({"idle_seconds": _ANY, "with_jobs_seconds": _ANY})),
        "stop_seconds": st.one_of(st.just(1.0), _ANY),
    }
)
SOON = LeaseTerms(idle_seconds=0.5, with_jobs_seconds=600.0)


@pytest.fixture
def place() -> Iterator[Place]:
    """The directory of a burst without brokers."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        made = Place(Path(folder).resolve() / "tester", "burst-0", 1)
        made.etc.mkdir(parents=True)
        made.watch.mkdir()
        yield made


class Clock:
    """Another machine's idea of time, or this one's: it goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 5e6

    def __call__(self) -> float:
        return self.now


def renew(place: Place, renewed: float, *, busy: bool = False) -> None:
    lease.write(place, LocalLease(renewed, busy, TERMS, 1.0))


def pass_time(watchdog: Watchdog, clock: Clock, seconds: float) -> bool:
    """Let time pass as the watchdog sees it, looking as often as it does; say whether it ended the burst."""
    for _ in range(round(seconds)):
        clock.now += 1
        if watchdog.look():
            return True
    return False


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_silent_burst_is_ended(place: Place) -> None:
    """After the time for an idle burst, and no sooner, everything of it is taken away."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    renew(place, renewed=1.0)
    watchdog.look()
    assert not pass_time(watchdog, clock, 99)
    assert place.directory.exists()
    assert pass_time(watchdog, clock, 1)
    assert not place.directory.exists()


def test_a_burst_that_is_renewed_stays(place: Place) -> None:
    """Each renewal begins the time anew, whatever the owner's clock says."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    for renewed in (9e9, 1.0, 2.0, 1.0):
        renew(place, renewed)
        assert not pass_time(watchdog, clock, 80)
    assert pass_time(watchdog, clock, 21)


def test_a_burst_with_jobs_gets_its_time(place: Place) -> None:
    """Where the owner last said that jobs run, the longer time counts."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    renew(place, 1.0, busy=True)
    assert not pass_time(watchdog, clock, 999)
    assert pass_time(watchdog, clock, 2)


def test_a_lease_that_vanished_is_silence(place: Place) -> None:
    """A lease that somebody took away is not renewed; its last terms count."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    renew(place, 1.0)
    watchdog.look()
    (place.watch / "lease.json").unlink()
    assert pass_time(watchdog, clock, 102)


@given(st.one_of(st.binary(max_size=200), _LEASES.map(lambda one: json.dumps(one).encode())))
def test_a_lease_is_read_whole_or_not_at_all(content: bytes) -> None:
    """Whatever stands in the file, it is a lease by whose terms time can pass, or none."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as folder:
        place = Place(Path(folder), "burst-0", 1)
        place.watch.mkdir(parents=True)
        (place.watch / "lease.json").write_bytes(content)
        found = lease.read(place)
        if found is not None:
            assert 0 < found.terms.idle_seconds < math.inf
            assert not Watchdog(place, Clock()).look()


def test_a_watchdog_that_was_stopped_gives_the_owner_time(place: Place) -> None:
    """Time in which it did not look, as while the machine was frozen, is no silence."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    renew(place, 1.0)
    watchdog.look()
    clock.now += 1e6
    assert not watchdog.look()


@pytest.mark.process
def test_a_running_job_spares_the_burst(place: Place) -> None:
    """A job that began after the owner's last word is seen by its process, and gets the longer time."""
    clock = Clock()
    watchdog = Watchdog(place, clock)
    renew(place, 1.0)
    rundir = place.rundir("burst-0-0")
    rundir.mkdir()
    environment = os.environ | {"BURSTD_RUNDIR": str(rundir), "FLUX_JOB_ID": "f1"}
    script = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(script, env=environment, stdin=subprocess.PIPE) as job:
        assert not pass_time(watchdog, clock, 500)
        job.communicate(b"")
    assert pass_time(watchdog, clock, 1)


@pytest.mark.process
def test_bursts_of_a_burstd_that_is_gone_end_by_themselves(embedded_venue) -> None:
    """Where nobody renews, brokers, files and at last the watchdog are gone, and the owner's log says it."""
    provider, order = embedded_venue.make_with(SOON), embedded_venue.order(2)
    provider.launch(order)
    burst = Place(embedded_venue.directory / "state" / "tester", "burst-0", 1)
    assert len(watchdogs.find(burst)) == 1
    until(lambda: not burst.directory.exists())
    until(lambda: not watchdogs.find(burst))
    assert provider.observe().sites == ()
    assert "nobody renewed its lease" in (burst.root / "watchdog.log").read_text()


@pytest.mark.process
def test_it_goes_with_its_burst(embedded_venue) -> None:
    """Removing a burst ends its watchdog, and no other's."""
    provider, orders = (
        embedded_venue.make("tester"),
        [embedded_venue.order(1, generation=one) for one in (1, 2)],
    )
    first, second = (embedded_venue.bring_up(provider, order) for order in orders)
    places = [Place(embedded_venue.directory / "state" / "tester", "burst-0", one) for one in (1, 2)]
    provider.remove(first)
    assert [len(watchdogs.find(one)) for one in places] == [0, 1]
    provider.remove(second)
    assert watchdogs.find(places[1]) == []


@pytest.mark.process
def test_one_that_ended_is_started_again(embedded_venue) -> None:
    """Renewing brings a watchdog back that somebody killed, and starts no second one."""
    provider = embedded_venue.make("tester")
    site = embedded_venue.bring_up(provider, embedded_venue.order(1))
    place = Place(embedded_venue.directory / "state" / "tester", "burst-0", 1)
    (before,) = watchdogs.find(place)
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: not watchdogs.find(place))
    for _ in range(2):
        provider.renew(site, busy=False)
    (after,) = watchdogs.find(place)
    assert after.pid != before.pid


@pytest.mark.process
def test_no_broker_without_a_watchdog(embedded_venue) -> None:
    """Where the watchdog cannot be started, nothing is brought up, and its words are told."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(1)
    place = Place(embedded_venue.directory / "state" / "tester", "burst-0", 1)
    (place.watch / "watchdog.lock").mkdir(parents=True)
    with pytest.raises(NotNow, match=r"its watchdog does not start: IsADirectoryError"):
        provider.launch(order)
    assert place.running() == {}


@pytest.mark.process
def test_another_burst_at_the_same_place_is_not_its_own(embedded_venue) -> None:
    """When the directory is another one, made later under the same name, the earlier watchdog leaves."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(1)
    provider.provision(order)
    place = Place(embedded_venue.directory / "state" / "tester", "burst-0", 1)
    (first,) = watchdogs.find(place)
    place.directory.rename(place.root / "aside")
    until(lambda: not watchdogs.find(place))
    provider.provision(order)
    (second,) = watchdogs.find(place)
    assert first.pid != second.pid
