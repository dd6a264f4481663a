"""`burstd doctor` beside a lead: what is well, what is not, and why hosts of a burst do not join."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from burstd.config import Config
from burstd.config.model import LeadConfig, PoolConfig
from burstd.core.errors import EffectError
from burstd.core.findings import Check, Finding, State
from burstd.core.model import Pool
from burstd.doctor.leadchecks import judged_quorum
from burstd.doctor.looks import examine
from burstd.doctor.scene import Scene
from burstd.join import curve
from burstd.join.papers import Declared, Order
from burstd.plugins.contract import Setting
from burstd.plugins.local import make
from burstd.stage import leavings, machine
from burstd.stage.lead import POOL, Sched, Stage

pytestmark = pytest.mark.process

SECONDS = 30.0

LOOKS = 20


@dataclass
class Ward:
    """A lead, the configuration of a burstd that need not run, and findings."""

    stage: Stage
    directory: Path
    config: Config

    def found(self, *, burst: bool = False) -> list[Finding]:
        """Return what the doctor finds; nothing was changed at the lead by it.

        Brokers that come up change something by themselves: once nothing else moves, nothing does.
        """
        for _ in range(LOOKS):
            before = self.seen()
            with Scene(self.config) as scene:
                found = list(examine(scene, burst=burst))
            if self.seen() == before:
                return found
        raise AssertionError(f"each look changed something: {before}, {self.seen()}")

    def seen(self) -> object:
        """Return what the doctor might have changed: drains, queues, files."""
        with closing(self.stage.handle()) as handle:
            drains = handle.rpc("resource.status", {}, 0).get("drain")
            names = handle.rpc("job-manager.queue-list", {}, 0)["queues"]
            queues = [handle.rpc("job-manager.queue-status", {"name": name}, 0) for name in sorted(names)]
        files = sorted(self.directory.glob("s/**/*"))
        return drains, queues, [path for path in files if path.suffix != ".log" and "local" not in path.name]

    def of(self, check: Check, *, burst: bool = False) -> list[Finding]:
        return [one for one in self.found(burst=burst) if one.check == check]

    def launch(self, size: int = 1, **join: object) -> None:
        """Start a burst with papers that are changed so; that its brokers end at once is no error here."""
        pool_hosts = tuple(f"{POOL}-{index}" for index in range(4))
        shape = self.stage.declared[1].shape
        pool = Pool(POOL, "local", pool_hosts, (4, 5, 6, 7), shape)
        papers = replace(self.stage.join, **join)
        order = Order("ward", f"ward-{POOL}-g1", pool, 1, size, papers)
        provider = make(Setting("ward", "ward", self.directory / "s", {}, lead_uri=self.stage.uri))
        with suppress(EffectError):
            provider.launch(order)

    def cause(self, words: str) -> Finding:
        """Wait until a cause with these words is told, and return it."""
        deadline = time.monotonic() + SECONDS
        while True:
            found = self.of(Check.JOIN, burst=True)
            told = [one for one in found if words in one.sentence]
            if told:
                return told[0]
            assert time.monotonic() < deadline, found


@dataclass
class Wards:
    """Makes leads of one flavor."""

    flavor: str
    stack: ExitStack

    def ward(self, *, sched: Sched = "fifo", **options: object) -> Ward:
        if self.flavor == "real" and sched != "fifo" and not machine.has_fluxion():
            pytest.skip("this Flux has no Fluxion")
        directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="ward-")))
        stage = self.stack.enter_context(Stage(directory / "l", self.flavor, sched=sched, **options))  # type: ignore[arg-type]
        config = Config(
            owner="ward",
            state_dir=directory / "s",
            lead=LeadConfig(uri=stage.uri),
            pools=(PoolConfig(name=POOL, provider="local"),),
        )
        self.stack.callback(leavings.sweep, stage, "ward", directory / "s")
        return Ward(stage, directory, config)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def wards(request: pytest.FixtureRequest) -> Iterator[Wards]:
    with ExitStack() as stack:
        yield Wards(request.param, stack)


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def shared(request: pytest.FixtureRequest) -> Iterator[Ward]:
    """A lead with queues, for what only looks at it."""
    with ExitStack() as stack:
        yield Wards(request.param, stack).ward(queues=True)


@pytest.fixture
def ward(shared: Ward) -> Ward:
    """The same, with a configuration of its own to each test."""
    return replace(shared)


def states(found: list[Finding]) -> dict[str, State]:
    return {one.check: one.state for one in found}


def test_a_lead_that_is_well(wards: Wards) -> None:
    """Beside a lead with queues and a good scheduler nothing fails, and each check has its line."""
    ward = wards.ward(sched="easy", queues=True, start_queues=True, statedir=True)
    found = ward.found()
    real = wards.flavor == "real"
    assert states(found) == {
        Check.STATE_DIR: State.OK,
        Check.DAEMON: State.WARNING,
        Check.LEAD: State.OK,
        Check.RANK: State.OK,
        Check.STATEDIR: State.OK if real else State.WARNING,
        Check.QUORUM: State.OK if real else State.NOT_CHECKED,
        Check.HOSTS: State.OK,
        Check.SCHEDULER: State.OK,
        Check.QUEUES: State.OK,
        Check.CLOCK: State.OK,
        Check.CERTIFICATE: State.OK,
        Check.HANDSHAKE: State.OK,
        Check.CREDENTIALS: State.OK,
        Check.OPTIONS: State.OK,
    }


def test_schedulers_that_refuse_or_block(wards: Wards) -> None:
    """Fluxion's fcfs without a queue for the pool refuses jobs, and that is wrong."""
    ward = wards.ward(sched="fcfs")
    assert [one.state for one in ward.of(Check.SCHEDULER)] == [State.FAILED]
    assert [one.state for one in ward.of(Check.QUEUES)] == [State.WARNING]
    assert "no queue for burst-0" in ward.of(Check.QUEUES)[0].sentence


def test_queues_that_start_no_jobs(ward: Ward) -> None:
    """Queues are stopped at first: each that is no pool's is told, with the command that starts it."""
    found = ward.of(Check.QUEUES)
    assert [one.remedy.partition(",")[0] for one in found] == [
        "`flux queue start batch`",
        "`flux queue start mixed`",
    ]


def test_pools_that_the_lead_does_not_declare(ward: Ward) -> None:
    """A pool that is not in the lead's list fails, what builds on it was not checked, the rest was."""
    pools = (PoolConfig(name="cloud", provider="local", size=3),)
    ward.config = ward.config.model_copy(update={"pools": pools})
    found = ward.found()
    assert states(found)[Check.HOSTS] is State.FAILED
    assert states(found)[Check.OPTIONS] is State.NOT_CHECKED
    assert states(found)[Check.HANDSHAKE] is State.OK
    assert "render lead-toml" in next(one.remedy for one in found if one.check == Check.HOSTS)


def test_a_certificate_that_others_can_read(ward: Ward) -> None:
    """A certificate with a wrong mode fails with the command that mends it, and nobody knocks with it."""
    ward.stage.curve_cert.chmod(0o644)
    try:
        found = {one.check: one for one in ward.found()}
    finally:
        ward.stage.curve_cert.chmod(0o600)
    assert found[Check.CERTIFICATE].state is State.FAILED
    assert "chmod 600" in found[Check.CERTIFICATE].remedy
    assert found[Check.HANDSHAKE].state is State.NOT_CHECKED
    assert found[Check.OPTIONS].sentence == "what is wrong is told above"


def test_an_address_and_a_certificate_that_are_not_the_leads(ward: Ward) -> None:
    """A handshake at a closed port, or with another lead's certificate, fails with what to do."""
    curve.write(ward.directory / "other.cert", "other")
    for lead, words in (
        ({"host": "127.0.0.1", "port": machine.free_port()}, "nothing answers at tcp://127.0.0.1:"),
        ({"curve_cert": ward.directory / "other.cert"}, "refuses this certificate"),
    ):
        settings = LeadConfig(uri=ward.stage.uri, **lead)
        ward.config = ward.config.model_copy(update={"lead": settings})
        (found,) = ward.of(Check.HANDSHAKE)
        assert (found.state, words in found.sentence) == (State.FAILED, True)
        assert found.remedy


def test_a_lead_that_is_gone(wards: Wards) -> None:
    """Without a lead it is told once, what it would tell was not checked, and the provider's part was."""
    ward = wards.ward()
    ward.stage.stop()
    with Scene(ward.config) as scene:
        found = list(examine(scene, burst=True))
    assert [one.check for one in found if one.state is State.FAILED] == [Check.LEAD]
    assert states(found)[Check.CREDENTIALS] is State.OK
    assert states(found)[Check.BURST] is State.OK


def test_a_burst_that_is_in(wards: Wards) -> None:
    """Of hosts that joined it is said that they did."""
    ward = wards.ward()
    ward.launch(2)
    ward.stage.wait_online(("burst-0-0", "burst-0-1"))
    found = ward.cause("the lead has all that run: burst-0-[0-1]")
    assert found.state is State.OK
    assert [one.state for one in ward.of(Check.BURST, burst=True)] == [State.OK]


def test_a_burst_with_another_certificate(wards: Wards) -> None:
    """Brokers with another certificate are silent: that it is another is seen by comparing."""
    ward = wards.ward()
    curve.write(ward.directory / "other.cert", "other")
    ward.launch(2, curve_cert=ward.directory / "other.cert")
    found = ward.cause("is not answered: its certificate is not the lead's")
    assert (found.state, found.about) == (State.FAILED, "ward-burst-0-g1")
    assert found.sentence.startswith("burst-0-[0-1]: ")


def test_a_burst_that_knocks_elsewhere(wards: Wards) -> None:
    """Brokers that knock where nobody is wait; from here the lead is reached, so the way is told."""
    ward = wards.ward()
    ward.launch(1, lead_port=machine.free_port())
    found = ward.cause("lets brokers in from here, so the way from there is closed")
    assert "firewall" in found.remedy


def test_a_burst_with_another_list_of_hosts(wards: Wards) -> None:
    """A broker whose rank is another's by the lead's list is told so, with the line that shows it."""
    ward = wards.ward()
    own, pool = ward.stage.declared
    ward.launch(1, declared=(own, Declared("burst-0-[1-3],burst-0-0", pool.shape)))
    found = ward.cause("has another list of hosts than the lead")
    assert found.proof


def test_a_burst_that_has_less_than_declared(wards: Wards) -> None:
    """A host that lacks cores drains itself; that is the cause, also while it is online."""
    ward = wards.ward(pool_cores=64)
    ward.launch(1)
    found = ward.cause("drained itself")
    assert "missing resources: core[" in found.proof


@pytest.mark.real_flux
def test_a_burst_whose_hosts_are_not_declared() -> None:
    """A broker whose name is in no list ends at once, and its last words are the cause."""
    with ExitStack() as stack:
        ward = Wards("real", stack).ward()
        own, pool = ward.stage.declared
        ward.launch(1, declared=(own, Declared("burst-0-[1-3]", pool.shape)))
        assert "burst-0-0 not found in hosts" in ward.cause("which no host of the lead's list is").proof


@pytest.mark.real_flux
def test_a_name_that_cannot_be_resolved() -> None:
    """A lead's name that the hosts cannot resolve is told by their own warning."""
    with ExitStack() as stack:
        ward = Wards("real", stack).ward()
        ward.launch(1, lead_host="no-such-host.invalid")
        assert ward.cause("cannot resolve the lead's name no-such-host.invalid").state is State.FAILED


@pytest.mark.parametrize(
    ("state", "wanted", "words"),
    [
        ("run", 4, "the lead starts with 4 of its 4 own hosts"),
        ("run", 8, "at its next start the lead would wait for 8 brokers, and only 4 are its own"),
        ("quorum", 8, "the lead has not started: it waits until 8 brokers are up"),
    ],
)
def test_quorums(state: str, wanted: int, words: str) -> None:
    """A quorum that counts hosts of a pool keeps the lead from starting, now or the next time."""
    found = judged_quorum(state, wanted, 4)
    assert words in found.sentence
    assert (found.state is State.OK) == (not found.remedy)
