"""The world of a run: a lead, a cloud, time, and all that happens there without burstd."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from crash.clock import BEGIN, Clock
from crash.cloud import Cloud, Plot
from crash.scripts import OWNER, Script, lead_of

if TYPE_CHECKING:
    from crash.run import Run


class World:
    """What is there before burstd is, and goes on while it is not."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.violations: list[str] = []
        self.clock = Clock()
        self.policy = script.policy
        self.lead = lead_of(script, self.clock)
        self.cloud = Cloud(self.clock, OWNER)
        self.jobs: dict[str, int] = {}
        self.foreign: list[Plot] = []
        self.by_world = False
        """Whether what happens now is not burstd's doing."""
        self._laters: list[tuple[float, Callable[[], None]]] = []
        self._happenings = sorted(script.happenings, key=lambda one: one[0])

    def say(self, invariant: str, text: str) -> None:
        """Note a violation, once."""
        sentence = f"{invariant}: {text}"
        if sentence not in self.violations:
            self.violations.append(sentence)

    @property
    def seconds(self) -> float:
        return self.clock.now - BEGIN

    def _next_of_world(self) -> float | None:
        times = [self.lead.next_event(), self.cloud.next_event()]
        times += [BEGIN + at for at, _ in self._happenings[:1]]
        times += [at for at, _ in self._laters]
        return min((moment for moment in times if moment is not None), default=None)

    def pass_time(self, seconds: float) -> None:
        """Let the world go on for so long without burstd."""
        until = self.clock.now + seconds
        while (event := self._next_of_world()) is not None and event < until:
            self.clock.now = max(event, self.clock.now)
            self._let_happen()
        self.clock.now = until
        self._let_happen()

    def _let_happen(self) -> None:
        by_world, self.by_world = self.by_world, True
        try:
            self.cloud.advance()
            self.lead.advance()
            while self._happenings and BEGIN + self._happenings[0][0] <= self.clock.now:
                self._happenings.pop(0)[1](cast("Run", self))
            due = [one for one in self._laters if one[0] <= self.clock.now]
            self._laters = [one for one in self._laters if one[0] > self.clock.now]
            for _, happening in due:
                happening()
        finally:
            self.by_world = by_world

    def later(self, seconds: float, happening: Callable[[], None]) -> None:
        self._laters.append((self.clock.now + seconds, happening))

    def add_foreign(self, name: str, owner: str = "") -> None:
        """Have somebody else's site there, which looks like one of burstd's."""
        pool = self.policy.pools[0]
        plot = Plot(name, owner, pool.name, 1, self.clock(), {pool.hosts[0]: self.clock()})
        self.foreign.append(plot)
        self.cloud.add(plot)

    def delete_behind(self, plot: Plot) -> None:
        """Have somebody delete a site of burstd's."""
        by_world, self.by_world = self.by_world, True
        if plot.name in self.cloud.made:  # that it was made is not to be known any more
            self.cloud.made.remove(plot.name)
        self.cloud.drop(plot)
        self.by_world = by_world

    def reclaim(self, name: str) -> None:
        """Have the cloud take back the last host of a site, and give it back a minute later."""
        plot = self.cloud.find(name)
        if plot is None or not plot.hosts:
            return
        host = list(plot.hosts)[-1]
        self.cloud.take_host(plot, host)

    def lead_back(self) -> None:
        self.lead.unreachable = False
        self.lead.changed = True

    def _join(self, host: str) -> None:
        self.lead.join(host)
