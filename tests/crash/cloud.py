"""A cloud in memory, with a bill, and the provider that makes sites there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from burstd.core.errors import Never, NotNow, Problem
from burstd.core.model import Failure, Pool, Shape, Shrinks, Site, Verb
from burstd.join.papers import Join, Order
from burstd.plugins.contract import Listing

RENEWAL_SECONDS = 60.0

BOOT_SECONDS = 20.0
"""From the start of a host until its broker joins."""

CLUSTER_PER_HOUR, HOST_PER_HOUR = 0.10, 2.0
"""What a site costs in an hour, and each of its hosts, in dollars."""


@dataclass(eq=False)
class Plot:
    """What is there under one name. `owner` is its label; "" for what has none."""

    name: str
    owner: str
    pool: str
    generation: int
    created: float
    hosts: dict[str, float] = field(default_factory=dict)
    """When the broker of each host joins."""
    failure: Failure | None = None
    reclaimed: tuple[str, ...] = ()
    renewed: float | None = None
    size: int = 1
    """For how many hosts it has machines, which cost whether brokers run there or not."""
    touched: int = 0
    """How often somebody changed it by the provider."""


@dataclass
class Bill:
    """Dollars spent until `at`, and what is spent in an hour from then on."""

    at: float
    spent: float = 0.0
    rate: float = 0.0

    def turn(self, now: float, rate: float) -> None:
        self.spent += self.rate * (now - self.at) / 3600
        self.at, self.rate = now, rate


class Cloud:
    """Every site that there is, whosever it is."""

    def __init__(self, clock: Callable[[], float], owner: str) -> None:
        self._clock = clock
        self.owner = owner
        self.plots: list[Plot] = []
        self.made: list[str] = []
        """Every name under which something of the owner's was made, as often as it was."""
        self.bill = Bill(clock())
        self.witness: Callable[..., None] = lambda *_, **__: None
        self.step: Callable[[], None] = lambda: None
        self.joined: Callable[[str], None] = lambda _: None
        self.left: Callable[[str], None] = lambda _: None
        self.hidden_until: dict[str, float] = {}
        self.partial_until = 0.0
        self.stale_until = 0.0
        self.away_until = 0.0
        self.away: Callable[[], Exception] = lambda: NotNow("the cloud does not answer")
        self.asked_at = clock()
        """When the call under way was sent: what it makes costs from then on."""
        self.duds: set[str] = set()
        """Hosts that never come up."""
        self._shown_stale: tuple[Site, ...] = ()

    @property
    def now(self) -> float:
        return self._clock()

    def ours(self) -> list[Plot]:
        return [plot for plot in self.plots if plot.owner == self.owner]

    def find(self, name: str) -> Plot | None:
        return next((plot for plot in self.plots if plot.name == name), None)

    def add(self, plot: Plot) -> None:
        before = self.bill.rate
        self.plots.append(plot)
        if plot.owner == self.owner:
            self.made.append(plot.name)
        self._turn()
        self.bill.spent += (self.bill.rate - before) * (self.now - self.asked_at) / 3600

    def drop(self, plot: Plot) -> None:
        """Have a site be gone, with its brokers."""
        for host in list(plot.hosts):
            self.take_host(plot, host)
        if plot in self.plots:
            self.plots.remove(plot)
        self._turn()

    def take_host(self, plot: Plot, host: str) -> None:
        joined = plot.hosts.pop(host, math.inf) <= self._clock()
        if joined and plot.owner == self.owner:
            self.left(host)
        self._turn()

    def start_host(self, plot: Plot, host: str) -> None:
        plot.hosts[host] = math.inf if host in self.duds else self._clock() + BOOT_SECONDS
        self._turn()

    def make_stale(self, seconds: float) -> None:
        """Have listings show for so long what is there now."""
        self._shown_stale = tuple(self._sites())
        self.stale_until = self._clock() + seconds

    def next_event(self) -> float | None:
        now = self._clock()
        times = [at for plot in self.ours() for at in plot.hosts.values() if now < at < math.inf]
        return min(times, default=None)

    def advance(self) -> None:
        """Have the brokers join whose hosts are up."""
        for plot in self.ours():
            for host, at in plot.hosts.items():
                if at <= self._clock():
                    self.joined(host)

    def listing(self) -> Listing:
        now = self._clock()
        if now < self.away_until:
            raise self.away()
        sites = self._shown_stale if now < self.stale_until else tuple(self._sites())
        seen = tuple(site for site in sites if self.hidden_until.get(site.name, 0.0) <= now)
        if now < self.partial_until:
            return Listing((), complete=False)
        return Listing(seen)

    def _sites(self) -> Iterator[Site]:
        for plot in self.ours():
            waits = sum(at > self._clock() for at in plot.hosts.values())
            pending = f"{waits} hosts boot" if waits else "" if plot.hosts else "nothing is launched yet"
            yield Site(
                plot.name,
                plot.pool,
                plot.generation,
                tuple(plot.hosts),
                plot.created,
                pending,
                plot.failure,
                renewed=plot.renewed,
                reclaimed=plot.reclaimed,
            )

    def _turn(self) -> None:
        ours = self.ours()
        rate = sum(CLUSTER_PER_HOUR + HOST_PER_HOUR * plot.size for plot in ours)
        self.bill.turn(self._clock(), rate)


class MemoryProvider:
    """Implements burstd.plugins.contract.Provider for one pool of a cloud."""

    paid = True
    shape: Shape | None = None
    shrinks: Shrinks = "top"
    listing_seconds = 5.0

    def __init__(self, cloud: Cloud, pool: str, listed: Callable[[str, Listing], None]) -> None:
        self._cloud = cloud
        self._pool = pool
        self._listed = listed

    def check(self, _pool: Pool, _join: Join) -> tuple[Problem, ...]:
        return ()

    def observe(self) -> Listing:
        listing = self._cloud.listing()
        self._listed(self._pool, listing)
        return listing

    def provision(self, order: Order) -> None:
        self._witness(Verb.PROVISION, order.pool.name, order.generation)
        found = self._cloud.find(order.site_name)
        if found is None:
            name, pool = order.site_name, order.pool.name
            plot = Plot(name, order.owner, pool, order.generation, self._cloud.now, size=order.size)
            self._cloud.add(plot)
            return
        if (found.owner, found.pool, found.generation) != (order.owner, order.pool.name, order.generation):
            raise Never(f"{order.site_name} is somebody else's")

    def launch(self, order: Order) -> None:
        self._witness(Verb.LAUNCH, order.pool.name, order.generation)
        self._start(self._its(order.site_name, order.pool.name, order.generation), order)

    def resize(self, order: Order) -> None:
        self._witness(Verb.RESIZE, order.pool.name, order.generation)
        plot = self._its(order.site_name, order.pool.name, order.generation)
        plot.size = order.size
        for host in [host for host in plot.hosts if host not in order.hosts]:
            self._cloud.take_host(plot, host)
        self._cloud.step()
        self._start(plot, order)

    def remove(self, site: Site) -> None:
        self._witness(Verb.REMOVE, site.pool, site.generation)
        plot = self._cloud.find(site.name)
        if plot is None or (plot.owner, plot.pool, plot.generation) != (
            self._cloud.owner,
            site.pool,
            site.generation,
        ):
            return
        plot.touched += 1
        for host in list(plot.hosts):
            self._cloud.take_host(plot, host)
        self._cloud.step()
        self._cloud.drop(plot)

    @property
    def renewal_seconds(self) -> float:
        return RENEWAL_SECONDS

    def renew(self, site: Site, *, busy: bool) -> None:  # noqa: ARG002 - as the contract names it
        self._witness(Verb.RENEW, site.pool, site.generation)
        self._its(site.name, site.pool, site.generation).renewed = self._cloud.now

    def _start(self, plot: Plot, order: Order) -> None:
        plot.touched += 1
        plot.size = max(plot.size, order.size)
        for index, host in enumerate(order.hosts):
            if host not in plot.hosts:
                self._cloud.start_host(plot, host)
            if index == 0:
                self._cloud.step()

    def _its(self, name: str, pool: str, generation: int) -> Plot:
        plot = self._cloud.find(name)
        if plot is None:
            raise NotNow(f"{name} is not there any more", 60.0)
        if (plot.owner, plot.pool, plot.generation) != (self._cloud.owner, pool, generation):
            raise Never(f"{name} is somebody else's")
        return plot

    def _witness(self, verb: Verb, pool: str, generation: int) -> None:
        self._cloud.witness((verb,), pool=pool, generation=generation)
