"""One run: a world, the real daemon with its real gate, performer and ledger, and what befalls them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burstd.core.errors import LeadLost, TurnLost
from burstd.core.model import Action, LeadView
from burstd.engine.daemon import Daemon, Terms
from burstd.engine.ledger import Ledger, open_or_set_aside
from burstd.engine.performer import Performer, site_name
from burstd.engine.turn import Turn
from burstd.join.papers import Join
from crash import invariants
from crash.calls import SLOW, Calls
from crash.cloud import CLUSTER_PER_HOUR, HOST_PER_HOUR, MemoryProvider
from crash.connection import Connection
from crash.crew import Crew
from crash.disk import DISK, Image
from crash.fate import Case
from crash.ledgers import FragileLedger
from crash.listening import Listened, Listening
from crash.places import MEMORY, PLACES
from crash.points import Death, Point
from crash.scripts import OF_PLACES, OWNER, PREFIX, SCRIPTS, Script
from crash.witness import Witness

RESTART_SECONDS = 1.0
"""From burstd's death until it is started again."""

QUIET_SECONDS = 140.0
"""How long a world is watched once nothing is wanted and nothing is there: longer than two quiet listings."""

HORIZON_SECONDS = 4 * 3600.0
"""By then everything that was wanted must have been, and everything be gone."""

PAUSE_SECONDS = 50.0
"""How long a burstd stands still whose turn another takes meanwhile."""

SAME_LEDGER, OWN_LEDGER = "with its ledger", "with a ledger of its own"

ROUNDS = 60
"""Ticks at one moment, before it is said that burstd spins."""

SECRET = "planted-secret-4f1d"
"""What is in the certificate: it must be found nowhere else."""


@dataclass
class Life:
    """One burstd, from its start to its death."""

    daemon: Daemon
    ledger: FragileLedger
    real: Ledger
    crew: Crew
    connection: Connection


class Run(Calls):
    """Runs one case; `violations` tells what must not have been."""

    def __init__(self, case: Case, script: Script | None = None) -> None:
        super().__init__(case, script or (SCRIPTS | OF_PLACES)[case.script])
        self.log: list[str] = []
        self.unanswered: set[int] = set()
        """Intents whose outcome nobody can know: burstd died with them."""
        self.ledger_lost = False
        self.down_seconds = 0.0
        """How long burstd was down, or its calls on their way without it."""
        self.top_rate = CLUSTER_PER_HOUR + HOST_PER_HOUR * self.policy.max_hosts
        self._quiet_since: float | None = None
        self._mended = False
        self._horizon = HORIZON_SECONDS
        self._paused: Life | None = None
        self.fate.usurp = self.take_over
        self._open: list[tuple[Ledger, Connection]] = []
        self.witness = Witness(self.path)
        self._handler = Listening(self.log)
        self.prefix = PREFIX
        self._wire()
        if case.provider != MEMORY:
            self.place, self.interfered = PLACES[case.provider](self), True

    def _wire(self) -> None:
        self.lead.wall = self.clock.wall
        self.lead.witness = self.cloud.witness = self.see_call
        self.cloud.joined = self._join
        self.cloud.left = self._leave
        for owner in ("", "somebody-else"):
            self.add_foreign(f"{PREFIX}-{self.policy.pools[0].name}-g1{owner[:1]}", owner)

    # the run as a whole

    def go(self) -> Run:
        """Run to the end; look at everything on the way and at last."""
        random.seed(str(self.case))  # retries wait with jitter
        try:
            self.enter()
            self._live()
            invariants.at_the_end(self)
        finally:
            self.leave()
        return self

    def enter(self) -> None:
        """Begin: burstd starts, and the world is looked at from now on."""
        DISK.install()
        self._handler.__enter__()
        try:
            self._begin_life()
        except Death as death:
            self.revive(death.image)

    def leave(self) -> None:
        """End whatever is left of the world."""
        self._handler.__exit__()
        self._end_life()
        if self.place is not None:
            self.place.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def go_on(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            try:
                self._tick()
                self._pass(min(self._next_event(), until))
            except Death as death:
                self.revive(death.image)

    def fail_next(self, how: str, count: int) -> None:
        """Have the next calls on sites fail."""
        self._failing = [how] * count

    def calm(self) -> None:
        """Let nothing go wrong any more, and everything come to its end."""
        self._failing.clear()
        self.fate.countdown = 0
        self.cloud.partial_until = self.cloud.stale_until = self.cloud.away_until = 0.0
        self._horizon = self.seconds + HORIZON_SECONDS
        self._live()

    @property
    def secret(self) -> str:
        return self.place.secret if self.place is not None else SECRET

    def file(self, part: str) -> bytes:
        """Return what one of the ledger's files holds."""
        return DISK.present(self.path).get(part, b"")

    def _live(self) -> None:
        while not self._over():
            self.fenced = False
            try:
                self.step()
                self._mend()
            except Death as death:
                self.revive(death.image)
            except TurnLost:
                assert self.fenced, "only one whose turn another has taken may lose it"
                self._paused = None

    def step(self) -> None:
        """Tick until nothing more follows, then let time pass until the next thing happens."""
        self._tick()
        self._pass(self._next_event())
        self._let_paused_go_on()

    def take_over(self) -> None:
        """Have another burstd serve for a while: the broker has lost the connection of the present one."""
        self._paused, self.interfered = self.life, True
        self.lead.disconnect()
        if self.case.takeover == OWN_LEDGER:
            self.path = self.path.with_name("other.db")
            self.witness = Witness(self.path)
        self._begin_life()
        until = self.clock.now + PAUSE_SECONDS
        while self.clock.now < until:
            self._tick()
            self._pass(min(self._next_event(), until))
        self.fenced = True

    def _let_paused_go_on(self) -> None:
        """Let the one that was paused do what it would: it must come to nothing."""
        if self._paused is None:
            return
        self.fenced = True
        self._paused.crew.advance()
        self._paused.daemon.tick()
        self.fenced = False

    def revive(self, image: Image) -> None:
        """Take away all that burstd had in memory, put the disk into this state, and start it again."""
        self._end_life()
        DISK.restore(self.path, image)
        self.ledger_lost = self.ledger_lost or not image
        self.pass_time(RESTART_SECONDS)
        self.down_seconds += RESTART_SECONDS + self._unanswered()
        try:
            self._begin_life()
        except Death as death:
            self.revive(death.image)

    def _unanswered(self) -> float:
        """Return how long the slowest call may have been under way that burstd died with."""
        return max(SLOW.values())

    def _tick(self) -> None:
        life = self.life
        for _ in range(ROUNDS):
            self.life.crew.worked = self.lead.changed = False
            self._wake = self.life.daemon.tick()
            invariants.at_any_time(self)
            if self.place is not None:
                self.place.check()
            if life is not self.life:
                self.fenced = False  # the paused one stands still again: what follows is the other's doing
                return
            if not (self.life.crew.worked or self.lead.changed):
                return
        self.say("liveness", f"it ticks {ROUNDS} times and more at one moment, {self.seconds:.0f} s")

    def _next_event(self) -> float:
        wake = self._wake - self.clock.offset if self._wake is not None else None
        own = (wake, self.life.crew.next_event(), self._next_of_world())
        times = [moment for moment in own if moment is not None]
        return max(min(times, default=self.clock.now + 60.0), self.clock.now + 0.01)

    def _pass(self, until: float) -> None:
        self.clock.now = until
        self._let_happen()
        self.life.crew.advance()

    def _over(self) -> bool:
        if self.seconds > self._horizon:
            return True
        if not self._quiet():
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = self.clock.now
        return self.clock.now >= self._quiet_since + QUIET_SECONDS

    def _quiet(self) -> bool:
        """Say whether nothing is wanted, and nothing there."""
        waits = any(not work.ended for work in self.lead.works.values())
        busy = self._happenings or self._laters or self.life.crew.next_event() is not None
        return not (waits or busy or self.cloud.ours() or self.life.real.bursts())

    def _mend(self) -> None:
        """A fault that closes a pool is mended by somebody, who then starts burstd again."""
        if self.fault and self.fault.closes and not self._mended and self.seconds > self._horizon / 2:
            self._mended = True
            self.revive(DISK.durable(self.path))

    # one life

    def _begin_life(self) -> None:
        real, told = open_or_set_aside(self.path, self.clock.wall())
        if told:
            self.say("ledger", told)
        self.unanswered |= {intent.id for intent in real.open_intents()}
        ledger = FragileLedger(real, self.fate, self._see_write)
        crew = Crew(self.clock, lambda task: SLOW.get(task[1].verb, 0.0))
        connection = Connection(self.lead)
        self._open.append((real, connection))
        providers, join = self._providers(), self._join_papers()
        performer = Performer(connection, providers, self.policy, join, PREFIX)  # type: ignore[arg-type]

        def perform(action: Action, cancelled: Callable[[], bool]) -> None:
            self._perform(ledger, action, lambda: performer.perform(action, cancelled))

        def renew(_view: LeadView) -> Terms:
            performer.renew(self.policy, join)
            return Terms(self.policy, self.lead.sched.kind)

        def submitting(task: Any) -> None:
            self._sent_at[task[1].key] = self.clock.now
            self._meet(ledger.under_way[task[1].key], Point.UNSENT)

        crew.submitting = submitting
        turn = self._taken_turn(connection, ledger)
        daemon = Daemon(
            connection,  # type: ignore[arg-type]
            self.policy,
            providers,
            ledger,  # type: ignore[arg-type]
            perform,
            renew,
            self.clock.wall,
            turn=turn,
            workers=crew.hire,
            pause=self.pass_time,
        )
        performer.keeper = daemon.keeper
        self.lead.start(performer.note_change)
        self.life = Life(daemon, ledger, real, crew, connection)

    def occupy(self, name: str, owner: str) -> None:
        """Have somebody else's site there under a name, unless there is one already."""
        if self.place is not None:
            self.place.occupy(name, owner)
        elif self.cloud.find(name) is None:
            self.add_foreign(name, owner)

    def _providers(self) -> dict[str, Any]:
        place, see = self.place, self._see_listing
        if place is None:
            return {pool.name: MemoryProvider(self.cloud, pool.name, see) for pool in self.policy.pools}
        made = {pool.name: place.provider(OWNER, PREFIX) for pool in self.policy.pools}
        return {name: Listened(provider, name, see) for name, provider in made.items()}

    def _join_papers(self) -> Join:
        if self.place is not None:
            return self.place.join(self.policy.pools[0])
        return Join("lead.example.org", 8050, (), Path("/nowhere/curve.cert"), version="0.88.0")

    def _taken_turn(self, connection: Connection, ledger: FragileLedger) -> Turn:
        """Take the turn, as soon as the lead answers."""
        turn = Turn(connection, ledger, OWNER)  # type: ignore[arg-type]
        while True:
            try:
                turn.take()
            except LeadLost:
                self.pass_time(5.0)
            else:
                return turn

    def _end_life(self) -> None:
        for real, connection in self._open:
            real.close()
            connection.close()
        self._open.clear()
        if self.place is not None:
            self.place.end_life()

    def site_name(self, action: Action) -> str:
        return site_name(PREFIX, action.pool, action.generation)
