"""The provider `local`: what it knows its own by, what it leaves, and what it says when it cannot."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from burstd.core.errors import ConfigError, Never, NotNow
from burstd.core.model import Pool, Shape, Site
from burstd.join.papers import Declared, Join
from burstd.plugins.contract import Setting
from burstd.plugins.local import make

LIVE = "import sys; print(flush=True); sys.stdin.read()"
"""A program that says that it runs, and then runs until its standard input ends."""

Sleeper = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """Start a Python that does nothing, with further arguments and environment, until the test ends."""
    with ExitStack() as stack:

        def start(
            *arguments: str, program: str = sys.executable, **variables: str
        ) -> subprocess.Popen[bytes]:
            child = subprocess.Popen(
                [program, "-c", LIVE, *arguments],
                env=os.environ | variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            assert child.stdout is not None
            child.stdout.readline()
            return child

        yield start


def a_setting(**options: object) -> Setting:
    return Setting("tester", "contract", Path("/nonexistent"), options, "pools[0].options")


def a_pool(name: str = "burst-0") -> Pool:
    return Pool(name, "local", (f"{name}-0",), (1,), Shape(1))


def ended(pid: int, seconds: float = 10.0) -> bool:
    """Wait until a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], seconds)[0])
    finally:
        os.close(pidfd)


def pids(token: str) -> list[int]:
    """Return the processes with an argument, by a scan of the test's own."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found += [int(path.name)] if token.encode() in words else []
    return found


def test_every_bad_option_has_its_path() -> None:
    """Options that do not exist or make no sense are reported together, each with its path."""
    with pytest.raises(ConfigError) as caught:
        make(a_setting(flux="maybe", color="red"))
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"pools[0].options.flux", "pools[0].options.color"}


def test_a_long_directory_is_reported(tmp_path: Path) -> None:
    """A state_dir in which the brokers' sockets would have too long a path is a problem."""
    setting = Setting("tester", "contract", tmp_path / ("x" * 90), {"flux": "embedded"})
    join = Join("127.0.0.1", 1, (Declared("lead-0,burst-0-0", Shape(1)),), tmp_path / "none")
    texts = [str(problem) for problem in make(setting).check(a_pool(), join)]
    assert any("longer than the 99 bytes" in text and "shorter state_dir" in text for text in texts)


def test_a_missing_certificate_is_reported(tmp_path: Path) -> None:
    """A certificate that is not there is a problem, and provisioning without it fails for good."""
    setting = Setting("tester", "contract", tmp_path, {"flux": "embedded"})
    join = Join("127.0.0.1", 1, (Declared("lead-0,burst-0-0", Shape(1)),), tmp_path / "none")
    texts = [str(problem) for problem in make(setting).check(a_pool(), join)]
    assert any("none: no such file" in text for text in texts)


def test_real_brokers_need_a_flux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no flux is on PATH, asking for real brokers is a problem that names the way out."""
    monkeypatch.setenv("PATH", "/nonexistent")
    setting = Setting("tester", "contract", tmp_path, {"flux": "real"})
    join = Join("127.0.0.1", 1, (Declared("lead-0,burst-0-0", Shape(1)),), tmp_path / "none")
    problems = make(setting).check(a_pool(), join)
    assert [problem for problem in problems if problem.path == "options.flux" and "embedded" in problem.hint]


def test_the_kind_of_broker_follows_the_lead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With `auto` a lead that is the embedded instance needs no flux."""
    monkeypatch.setenv("PATH", "/nonexistent")
    setting = Setting("tester", "contract", tmp_path, {}, lead_uri="embedded:///run/x")
    join = Join("127.0.0.1", 1, (Declared("lead-0,burst-0-0", Shape(1)),), tmp_path / "none")
    assert not [one for one in make(setting).check(a_pool(), join) if one.path == "options.flux"]


@pytest.mark.process
def test_nothing_secret_is_open_to_others(embedded_venue) -> None:
    """Neither the certificate's copy nor any other file of a burst can be read by others."""
    order = embedded_venue.order(1)
    embedded_venue.bring_up(embedded_venue.make("tester"), order)
    state = embedded_venue.directory / "state" / "tester"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert (state / "burst-0-g1" / "etc" / "curve.cert") in files
    assert [path for path in files if "etc" in path.parts and stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.process
def test_twice_is_one_process(embedded_venue) -> None:
    """Launching again starts no second process for a host, and remove leaves neither process nor file."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(2)
    site = embedded_venue.bring_up(provider, order)
    directory = embedded_venue.directory / "state" / "tester" / "burst-0-g1"
    before = [pids(f"-Srundir={directory / host}") for host in order.hosts]
    embedded_venue.bring_up(provider, order)
    assert [pids(f"-Srundir={directory / host}") for host in order.hosts] == before
    assert [len(found) for found in before] == [1, 1]
    provider.remove(site)
    assert not directory.exists()
    assert all(ended(pid) for found in before for pid in found)


@pytest.mark.process
def test_a_similar_process_is_not_touched(embedded_venue, sleeper: Sleeper) -> None:
    """Only the exact argument makes a process ours: a longer path, another form or a mention does not."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(1)
    site = embedded_venue.bring_up(provider, order)
    rundir = embedded_venue.directory / "state" / "tester" / "burst-0-g1" / "burst-0-0"
    strangers = [
        sleeper(f"-Srundir={rundir}/deeper"),
        sleeper("-S", f"rundir={rundir}"),
        sleeper(f"see -Srundir={rundir}"),
        sleeper(f"--rundir={rundir}"),
    ]
    assert embedded_venue.shown(provider, order) == site
    provider.remove(site)
    assert [child.poll() for child in strangers] == [None] * len(strangers)


@pytest.mark.process
def test_another_program_with_our_argument_is_not_touched(embedded_venue) -> None:
    """A process that is not a broker's program is not ours, even with exactly our argument."""
    rundir = embedded_venue.directory / "state" / "tester" / "burst-0-g1" / "burst-0-0"
    script = ["sh", "-c", "read line", "sh", f"-Srundir={rundir}"]
    with subprocess.Popen(script, stdin=subprocess.PIPE) as stranger:
        provider = embedded_venue.make("tester")
        assert provider.observe().sites == ()
        provider.remove(Site("contract-burst-0-g1", "burst-0", 1, ("burst-0-0",)))
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.process
def test_what_jobs_left_behind_is_ended(embedded_venue, sleeper: Sleeper) -> None:
    """A job's process that names a removed broker is ended; another broker's, or no job's, is not."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(1)
    site = embedded_venue.bring_up(provider, order)
    rundir = embedded_venue.directory / "state" / "tester" / "burst-0-g1" / "burst-0-0"
    uri = f"local://{rundir}/local"
    ours = [sleeper(FLUX_URI=uri, FLUX_JOB_ID="f1"), sleeper(BURSTD_RUNDIR=str(rundir), FLUX_JOB_ID="f1")]
    others = [sleeper(BURSTD_RUNDIR=f"{rundir}1", FLUX_JOB_ID="f1"), sleeper(FLUX_URI=uri)]
    provider.remove(site)
    assert [child.wait(10) for child in ours] == [-signal.SIGTERM] * 2
    assert [child.poll() for child in others] == [None, None]


@pytest.mark.process
def test_brokers_survive_the_process_that_started_them(embedded_venue) -> None:
    """After kill -9 of the launching process its brokers run on, are found, and are not started again."""
    order = embedded_venue.order(2)
    embedded_venue.make("tester").provision(order)
    program = f"""
import os, signal
from pathlib import Path
from burstd.core.model import Pool, Shape
from burstd.join.papers import Declared, Join
from burstd.plugins.contract import Order, Setting
from burstd.plugins.local import make
shape = Shape({order.pool.shape.cores})
declared = (Declared("lead-0", shape), Declared("burst-0-[0-3]", shape))
join = Join("127.0.0.1", {order.join.lead_port}, declared, Path({str(order.join.curve_cert)!r}))
pool = Pool("burst-0", "local", {order.pool.hosts!r}, (1, 2, 3, 4), shape)
state = Path({str(embedded_venue.directory / "state")!r})
setting = Setting("tester", "contract", state, {{"flux": "embedded"}})
make(setting).launch(Order("tester", "contract-burst-0-g1", pool, 1, 2, join))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    provider = embedded_venue.make("tester")
    embedded_venue.shown(provider, order)
    directory = embedded_venue.directory / "state" / "tester" / "burst-0-g1"
    before = [pids(f"-Srundir={directory / host}") for host in order.hosts]
    provider.launch(order)
    assert [pids(f"-Srundir={directory / host}") for host in order.hosts] == before


@pytest.mark.process
def test_a_dead_host_is_started_again(embedded_venue) -> None:
    """A broker that was killed does not show, and the next launch starts that one alone."""
    provider, order = embedded_venue.make("tester"), embedded_venue.order(2)
    embedded_venue.bring_up(provider, order)
    directory = embedded_venue.directory / "state" / "tester" / "burst-0-g1"
    living, dead = (pids(f"-Srundir={directory / host}") for host in order.hosts)
    os.kill(dead[0], signal.SIGKILL)
    assert ended(dead[0])
    assert [site.hosts for site in provider.observe().sites] == [("burst-0-0",)]
    embedded_venue.bring_up(provider, order)
    assert pids(f"-Srundir={directory / order.hosts[0]}") == living


@pytest.mark.process
def test_a_broker_that_ends_at_once_is_told_with_its_last_words(embedded_venue) -> None:
    """Where a broker cannot use its papers, launch fails for good with what the broker itself said."""
    order = embedded_venue.order(1)
    declared = (Declared("lead-0,other-0", Shape(1)),)
    join = Join("127.0.0.1", order.join.lead_port, declared, order.join.curve_cert)
    wrong = type(order)(order.owner, order.site_name, order.pool, 1, 1, join)
    with pytest.raises((Never, NotNow), match=r"burst-0-0: its broker ended at once: .*not found in hosts"):
        embedded_venue.make("tester").launch(wrong)


@pytest.mark.process
@pytest.mark.real_flux
def test_a_real_broker_that_ends_at_once_is_told_with_its_last_words(real_venue) -> None:
    """A real broker's own error is the reason of the failure."""
    order = real_venue.order(1)
    declared = (Declared("lead-0,other-0", Shape(1)),)
    join = Join("127.0.0.1", order.join.lead_port, declared, order.join.curve_cert)
    wrong = type(order)(order.owner, order.site_name, order.pool, 1, 1, join)
    with pytest.raises(Never, match=r"burst-0-0: its broker ended at once: .*not found in hosts"):
        real_venue.make("tester").launch(wrong)
