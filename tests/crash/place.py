"""Where the real provider of a run makes its sites, over real sockets.

What is there is mirrored into the run's cloud, so that every invariant looks at all providers alike.
"""

from __future__ import annotations

import re
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burstd.core.model import Pool, Verb
from burstd.join import curve
from burstd.join.papers import Declared, Join
from burstd.plugins.contract import Closes, Lease, Provider, Setting
from crash.cloud import Plot
from crash.clusters import Ear
from crash.points import Occurrence, Point

if TYPE_CHECKING:
    from crash.run import Run

IMAGE = "registry.example.org/flux:0.88.0"

ON_PLACE = (Verb.PROVISION, Verb.LAUNCH, Verb.RESIZE, Verb.REMOVE, Verb.RENEW)

SETTLED_SECONDS, DOUBTED_SECONDS = 2.0, 0.02
"""The longest that is waited for what is about to be there, or to go; and once that was in vain."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands under one name: for which burst, and which of its hosts run."""

    pool: str
    generation: int
    hosts: frozenset[str]


class Place(ABC):
    """A place, and what surrounds it: the certificate, the providers of a life, the strangers."""

    lease: Lease | None = None
    """What bursts have here."""

    def __init__(self, run: Run) -> None:
        self._run = run
        run.clock.offset = time.time() // 10 * 10 - run.clock.now  # what is made tells the real time
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="k-"))
        self._directory = Path(folder).resolve()
        curve.write(self._directory / "curve.cert", "matrix")
        self._ear = Ear(self._see_request)
        self._providers: list[Any] = []
        self._requests = 0
        self._patience_seconds = SETTLED_SECONDS
        self.loses_ledger = False
        """Whether the ledger is lost where burstd dies within a call."""
        self._under_way: Occurrence | None = None
        self._before: Any = None
        self._open()
        for number, owner in ((1, ""), (2, "somebody-else")):
            self.occupy(f"{run.prefix}-{self._pool.name}-g{number}", owner)

    @property
    def secret(self) -> str:
        """What must be told nowhere but in a Secret."""
        text = (self._directory / "curve.cert").read_text()
        return next(line.split('"')[1] for line in text.splitlines() if "secret-key" in line)

    @property
    def is_deaf(self) -> bool:
        """Whether burstd died within a call."""
        return self._ear.deaf

    def join(self, pool: Pool) -> Join:
        hosts = f"{pool.name}-[0-{pool.size - 1}]"
        declared = (Declared("lead-0", pool.shape), Declared(hosts, pool.shape))
        certificate = self._directory / "curve.cert"
        return Join("127.0.0.1", 8050, declared, certificate, version="0.88.0", image=IMAGE)

    def provider(self, owner: str, prefix: str) -> Provider:
        """Return a provider as a burstd that has just started has it."""
        setting = Setting(
            owner, prefix, self._directory, self._options(), "pools[0].options", lease=self.lease
        )
        made = self._make(setting)
        self._providers.append(made)
        return made

    def begin(self, one: Occurrence) -> None:
        """An effect is about to be made."""
        self._under_way, self._requests = one, 0

    def end_life(self) -> None:
        """Burstd is dead: its connections are gone, and who comes next is heard."""
        for provider in self._providers:
            if isinstance(provider, Closes):
                provider.close()
        self._providers.clear()
        self._ear.deaf = False
        self.mirror()

    def close(self) -> None:
        self.end_life()
        self._stack.close()

    def mirror(self) -> None:
        """Show what is there in the run's cloud."""
        self._settle()
        cloud, there = self._run.cloud, self._standing()
        for plot in [plot for plot in cloud.ours() if plot.name not in there]:
            cloud.drop(plot)
        for name, standing in there.items():
            plot = cloud.find(name)
            if plot is None:
                plot = Plot(name, cloud.owner, standing.pool, standing.generation, self._run.clock())
                cloud.add(plot)
            plot.pool, plot.generation = standing.pool, standing.generation
            self._mirror_hosts(plot, standing.hosts)

    def occupy(self, name: str, owner: str) -> None:
        """Have somebody else's there: without labels, or another owner's; what is there stays."""
        self._occupy(name, owner)
        self._before = self._strangers()

    def check(self) -> None:
        """Look at what only this place can tell."""
        if self._strangers() != self._before:
            self._run.say("nothing foreign is touched", "what is somebody else's was changed")
        for where in self._telling(self.secret):
            self._run.say("secrets", f"{where} has the secret key")

    @abstractmethod
    def _open(self) -> None:
        """Have the place be there, until the stack is closed."""

    @abstractmethod
    def _make(self, setting: Setting) -> Provider: ...

    @abstractmethod
    def _options(self) -> Mapping[str, Any]:
        """Return the options of the pool."""

    @abstractmethod
    def _standing(self) -> dict[str, Standing]:
        """Return what is the owner's here, by its name."""

    @abstractmethod
    def _is_settled(self) -> bool:
        """Say whether nothing is about to change by itself."""

    @abstractmethod
    def _occupy(self, name: str, owner: str) -> None: ...

    @abstractmethod
    def _strangers(self) -> Any:
        """Return all that is somebody else's, as it is now."""

    @abstractmethod
    def _telling(self, secret: str) -> Iterator[str]:
        """Yield where a secret stands that must not be there."""

    @property
    def _pool(self) -> Pool:
        return self._run.policy.pools[0]

    def _mirror_hosts(self, plot: Plot, running: frozenset[str]) -> None:
        for host in [host for host in plot.hosts if host not in running]:
            self._run.cloud.take_host(plot, host)
        for host in running - plot.hosts.keys():
            plot.hosts[host] = self._run.clock()
        plot.size = len(plot.hosts)

    def _settle(self) -> None:
        settled = self._wait_for(self._is_settled)
        self._patience_seconds = SETTLED_SECONDS if settled else DOUBTED_SECONDS

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait a while until something holds; say whether it does."""
        deadline = time.monotonic() + self._patience_seconds
        while not condition():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.002)
        return True

    def _see_request(self, about: str) -> bool:
        """Look at a request that names a burst, or none; say whether burstd dies with it."""
        one = self._under_way
        self._run.see_call(ON_PLACE, **self._named(about))
        if one is None:
            return False
        self._requests += 1
        half, fate = Occurrence(f"{one.what} request {self._requests}", one.number), self._run.fate
        dies = fate.meets(half, Point.HALF)
        self.loses_ledger = not dies and fate.meets(half, Point.HALF_ALONE)
        return dies or self.loses_ledger

    def _named(self, text: str) -> dict[str, Any]:
        """Return what an intent must name for a request within the burst that a text names."""
        for pool in self._run.policy.pools:
            found = re.search(rf"(?:^|/){self._run.prefix}-{pool.name}-g(\d+)(?:/|$)", text)
            if found:
                return {"pool": pool.name, "generation": int(found[1])}
        return {}
