"""A lead of two hosts that are up, two that are not, and a pool of four that are not either."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import tomlkit

from burstd.core.errors import ConfigError, LeadError, LeadLost, NotNow, Problem
from burstd.core.hosts import expand, parse_idset
from burstd.core.model import Shape
from burstd.join import brokerconfig, curve
from burstd.join.papers import Declared, Join
from burstd.lead.connect import opener
from burstd.lead.handle import Handle
from burstd.plugins.local import launch, processes
from burstd.plugins.local.broker import Broker, FlavorName, executables
from burstd.stage import machine
from burstd.stage.flavor import choose

OWN_HOSTS = "flux-sample-[0-3]"
POOL = "burst-0"
POOL_HOSTS = "burst-0-[0-3]"
UP = ("flux-sample-0", "flux-sample-1")
QUEUES = {"batch": ("local",), POOL: (POOL,), "mixed": ()}
STARTED_QUEUES = ("batch", "mixed")

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_ORPHAN_SECONDS = 1.0
_KILL_SECONDS = 5.0
_RETRY_SECONDS = 0.02
_LATE = "not all of its hosts came online in time"

Sched = Literal["fifo", "easy", "fcfs"]


class Stage:
    """A lead on this machine, for as long as the context lasts.

    `cores` is what each of the lead's hosts declares, by default what this machine has; `pool_cores` is what
    each of the pool's does, by default the same: more than there are, and its brokers drain themselves.
    `fifo` is Flux's own sched-simple, `easy` and `fcfs` Fluxion with that queue policy. `queues`: the lead
    has the queues of QUEUES, `batch` the default, and its hosts the properties that these require; queues are
    stopped, as Flux's are at first, but with `start_queues` those for the lead's own jobs are started.
    `statedir`: jobs survive a restart of the lead. `uts`: whether each broker gets a host name of its own,
    where this is allowed.
    All files are under `directory`/lead, whose path should be short, for the sockets in it.
    """

    def __init__(
        self,
        directory: Path,
        flavor: FlavorName,
        *,
        sched: Sched = "fifo",
        cores: int | None = None,
        pool_cores: int | None = None,
        statedir: bool = False,
        queues: bool = False,
        start_queues: bool = False,
        uts: Literal["auto", "never"] = "auto",
    ) -> None:
        self.flavor = choose(flavor)
        self.sched: Sched = sched
        self.cores = cores or machine.cores()
        self.port = machine.free_port()
        self.declared = (
            Declared(OWN_HOSTS, Shape(self.cores, properties=frozenset({"local"} if queues else ()))),
            Declared(POOL_HOSTS, Shape(pool_cores or self.cores, properties=_pool_properties(queues))),
        )
        self.pool_hosts = expand(POOL_HOSTS)
        self._home = directory.resolve() / "lead"
        self._statedir = statedir
        self._queues = QUEUES if queues else {}
        self._started_queues = STARTED_QUEUES if queues and start_queues else ()
        self._uts = uts == "auto" and launch.can_name_hosts()
        _check(self.flavor.name, sched, self.cores)

    @property
    def curve_cert(self) -> Path:
        return self._home / "curve.cert"

    @property
    def uri(self) -> str:
        """Return what FLUX_URI must be to reach rank 0."""
        scheme = "local" if self.flavor.name == "real" else "embedded"
        return f"{scheme}://{self._broker(UP[0]).socket}"

    @property
    def join(self) -> Join:
        return Join("127.0.0.1", self.port, self.declared, self.curve_cert)

    @property
    def names_are_real(self) -> bool:
        """Whether each broker's own `hostname` is the name that the lead knows it by."""
        return self._uts

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the first two hosts and return when both are online. Raises NotNow or Never."""
        self.flavor.adopt()
        self._lay_papers()
        try:
            launch.start([self._broker(host) for host in UP], uts=self._uts)
            self._wait_up()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every broker and what its jobs left behind, and take every file away."""
        self._end(self._hosts(), self._patience())
        launch.remove_tree(self._home)

    def start_host(self, name: str) -> None:
        """Start the broker of one declared host; return once it runs, not joined."""
        self.start_hosts((name,))

    def start_hosts(self, names: Iterable[str]) -> None:
        """Start the brokers of declared hosts all at once; return once they run, not joined."""
        brokers = [self._broker(name) for name in names]
        launch.clear(brokers)
        launch.start(brokers, uts=self._uts)

    def stop_host(self, name: str) -> None:
        """End a host in order: SIGTERM, then SIGKILL."""
        self._end((name,), _STOP_SECONDS)

    def kill_host(self, name: str) -> None:
        """End a host as a crash would: SIGKILL at once."""
        processes.kill(lambda: self._running(name), _KILL_SECONDS)
        self._end((name,), _STOP_SECONDS)

    def kill_lead(self) -> None:
        """Kill rank 0; the other brokers live on."""
        self.kill_host(UP[0])

    def restart_lead(self) -> None:
        """End rank 0 if it runs, start it again, and return when the first two hosts are online.

        A broker that outlived its lead leaves when the lead is back, as Flux's do: the second host is started
        again too, the pool's are left alone.
        """
        self._end(UP, self._patience())
        self.start_hosts(UP)
        self._wait_up()

    def environment(self) -> dict[str, str]:
        """Return this process's environment as a child needs it to reach the lead."""
        return self.flavor.environment() | {"FLUX_URI": self.uri}

    def handle(self) -> Handle:
        """Return a handle to rank 0, for the calling thread. Raises LeadLost."""
        return opener(self.uri)()

    def wait_online(self, hosts: Iterable[str], seconds: float = _START_SECONDS) -> None:
        """Wait until these hosts are online at the lead. Raises NotNow when they are not in time."""
        names = [name for one in self.declared for name in expand(one.hosts)]
        missing = {names.index(host) for host in hosts}
        deadline = time.monotonic() + seconds
        while missing:
            cause: LeadError = LeadLost(_LATE)
            try:
                missing = self._wait_for_ranks(missing, deadline)
            except LeadError as exc:
                cause = exc
            if missing:
                self._give_up_if_late(deadline, cause)
                time.sleep(_RETRY_SECONDS)

    def _wait_up(self) -> None:
        """Wait until the first two hosts are online, and start the queues that are to be started."""
        self.wait_online(UP)
        with contextlib.closing(self.handle()) as handle:
            for name in self._started_queues:
                handle.rpc("job-manager.queue-start", {"name": name, "start": True, "all": False}, 0)

    def _wait_for_ranks(self, ranks: set[int], deadline: float) -> set[int]:
        """Follow the group of online brokers until all of the ranks are in it."""
        with contextlib.closing(self.handle()) as handle:
            stream = handle.stream("groups.get", {"name": "broker.online"}, 0)
            online: set[int] = set()
            while not ranks <= online:
                answer = stream.next(max(0.0, deadline - time.monotonic()))
                if answer is None:
                    raise LeadLost(_LATE)
                online = set(parse_idset(str(answer["members"])))
            # the resource service hears of it a moment after the group does
            status = handle.rpc("resource.status", {}, 0)
        return ranks - set(parse_idset(str(status["online"])))

    def _give_up_if_late(self, deadline: float, cause: LeadError) -> None:
        if time.monotonic() >= deadline or not self._running(UP[0]):
            words = launch.last_words(self._broker(UP[0]).log)
            raise NotNow(f"the lead did not come up: {cause}; its log ends with: {words}") from cause

    def _lay_papers(self) -> None:
        self._home.mkdir(mode=0o700, parents=True)
        for name in ("etc", "burst", "tmp"):
            (self._home / name).mkdir(mode=0o700)
        curve.write(self.curve_cert, "burstd-stage")
        (self._home / "etc" / "broker.toml").write_text(self.lead_toml())
        burst = brokerconfig.render_burst(self.join, str(self.curve_cert), ignore_hostname=not self._uts)
        (self._home / "burst" / "broker.toml").write_text(burst)

    def lead_toml(self) -> str:
        """Return the lead's broker.toml."""
        side = brokerconfig.LeadSide(
            curve_cert=str(self.curve_cert),
            host=UP[0],
            bind=self.join.lead_uri,
            connect=self.join.lead_uri,
            declared=self.declared,
            queues=self._queues,
            default_queue="batch" if self._queues else "",
        )
        return brokerconfig.merge_lead(tomlkit.dumps(self._tables()), side)

    def _tables(self) -> dict[str, object]:
        """Return what the lead's file says beside the hosts: the scheduler, and what cannot be verified."""
        fluxion = self.sched != "fifo"
        qmanager = {"queue-policy": self.sched}
        tables: dict[str, object] = {"sched-fluxion-qmanager": qmanager} if fluxion else {}
        if self.flavor.name == "real":
            scheduler, feasibility = _FLUXION if fluxion else ("sched-simple", "sched-simple")
            tables["modules"] = {"alternatives": {"sched": scheduler, "feasibility": feasibility}}
        if not self._uts:
            verify = {"default": "allow-extra", "gpu": "ignore", "hostname": "ignore"}
            tables["resource"] = {"verify": verify}
        return tables

    def _broker(self, host: str) -> Broker:
        etc = self._home / ("burst" if host in self.pool_hosts else "etc")
        is_lead = host == UP[0]
        variables = (("TMPDIR", str(self._home / "tmp")),) if is_lead else ()
        attributes = self._lead_attributes() if is_lead else ()
        name = self.flavor.name
        return Broker(name, etc, self._home / host, host, (*attributes, *self._core_attributes()), variables)

    def _lead_attributes(self) -> tuple[str, ...]:
        if self.flavor.name == "embedded":
            return (f"-Ssched={self.sched}",)
        state = (f"-Sstatedir={self._home / 'statedir'}", "-Sstatedir-cleanup=0") if self._statedir else ()
        return ("-Sbroker.rc2_none=1", "-Sbroker.quorum=1", *state)

    def _core_attributes(self) -> tuple[str, ...]:
        """A real broker counts the cores itself; an embedded one believes what it is told."""
        return (f"-Scores={self.cores}",) if self.flavor.name == "embedded" else ()

    def _hosts(self) -> tuple[str, ...]:
        return tuple(name for one in self.declared for name in expand(one.hosts))

    def _running(self, *hosts: str) -> list[processes.Process]:
        tokens = {self._broker(host).token for host in hosts}
        found = processes.find_by_argument(f"-Srundir={self._home}{os.sep}", executables())
        return [process for process in found if process.token in tokens]

    def _patience(self) -> float:
        """Return how long brokers may take to end: without their lead, real ones wait for it in vain."""
        return _STOP_SECONDS if self._running(UP[0]) else _ORPHAN_SECONDS

    def _end(self, hosts: Iterable[str], term_seconds: float) -> None:
        names = tuple(hosts)
        left = processes.stop(lambda: self._running(*names), term_seconds, _KILL_SECONDS)
        if left:
            raise NotNow(f"brokers of the stage do not end: pid {[process.pid for process in left]}")
        launch.clear([self._broker(name) for name in names])


_FLUXION = ("sched-fluxion-qmanager", "sched-fluxion-feasibility")


def _pool_properties(queues: bool) -> frozenset[str]:
    return frozenset({"burst", POOL} if queues else {"burst"})


def _check(flavor: FlavorName, sched: Sched, cores: int) -> None:
    if flavor == "real" and sched != "fifo" and not machine.has_fluxion():
        what = "this Flux has no Fluxion (no module sched-fluxion-qmanager)"
        raise ConfigError((Problem("sched", what, "install flux-sched, or use sched fifo"),))
    if flavor == "real" and cores > machine.cores():
        what = f"this machine has {machine.cores()}, not {cores}: a real lead would drain its own hosts"
        raise ConfigError((Problem("cores", what, "leave it out, or use the embedded instance"),))
