"""Turns an action into the one call that does it, on the lead or on a provider."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from burstd.config.model import AUTO
from burstd.core.cwd import directories_for
from burstd.core.errors import Never, NotNow
from burstd.core.hosts import format_idset
from burstd.core.marks import BUSY, CHECKPOINT_KEY
from burstd.core.model import Action, Directory, JobState, Policy, Pool, Site, Verb
from burstd.core.text import shown
from burstd.join.directories import capped
from burstd.join.papers import Join
from burstd.lead.contract import Lead
from burstd.plugins.contract import Order, Provider, Renews

log = logging.getLogger("burstd")

BUSY_SECONDS = 1.0
"""Before a host that a job got to first is looked at again."""

PULSE_SECONDS = 10.0
"""The longest that a queue stays open under a scheduler that refuses what waits in it."""


COMPLAINTS = 10
"""Lines of what hosts say about directories that are passed on."""


class Performer:
    """Makes the calls; used by worker threads."""

    def __init__(
        self,
        lead: Lead,
        providers: Mapping[str, Provider],
        policy: Policy,
        join: Join,
        prefix: str,
        addressed: Callable[[Join], Join] = lambda join: join,
    ) -> None:
        self.policy = policy
        self.join = join
        self.changed = threading.Condition()
        self._lead = lead
        self._providers = providers
        self._prefix = prefix
        self._addressed = addressed
        self.keeper: Callable[[str], str | None] = lambda _: None
        """Tells which pool's provider shows a site, by the site's name: for pools no longer declared."""

    def perform(self, action: Action, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Do what the action says. Raises NotNow, Never, LeadLost or LeadRefused.

        `cancelled` is for what waits long: whether nobody waits for the outcome any more.
        """
        match action.verb:
            case Verb.PREPARE:
                self._prepare(action)
            case Verb.DRAIN:
                self._lead.drain(action.ranks, action.text)
            case Verb.UNDRAIN:
                self._lead.undrain(action.ranks, self.policy.owner)
            case Verb.TELL:
                self._lead.tell(action.job, action.text)
            case Verb.RAISE:
                self._lead.raise_exception(action.job, action.text)
            case Verb.HOLD:
                self._lead.hold(action.job, self.policy.owner)
            case Verb.UNHOLD:
                self._lead.unhold(action.job)
            case Verb.NUDGE:
                self._lead.nudge(action.job)
            case Verb.MOVE:
                self._lead.move(action.job, action.queue)
            case Verb.OPEN:
                self._lead.start_queue(action.queue)
            case Verb.CLOSE:
                self._lead.stop_queue(action.queue)
            case Verb.PULSE:
                self._pulse(action)
            case Verb.PROVISION:
                self._provider(action).provision(self._order(action, cancelled))
            case Verb.LAUNCH:
                self._provider(action).launch(self._order(action, cancelled))
            case Verb.RESIZE:
                self._look_once_more(action)
                self._provider(action).resize(self._order(action, cancelled))
            case Verb.REMOVE:
                self._look_once_more(action)
                self._provider(action).remove(self._site(action))
            case Verb.RENEW:
                self._renew(action)
            case Verb.CHECKPOINT:
                self._lead.store(CHECKPOINT_KEY.format(owner=self.policy.owner), action.text)

    def _prepare(self, action: Action) -> None:
        """Make directories on hosts; what those complain of is said here and stops nothing."""
        said = self._lead.make_directories(action.ranks, action.directories)
        lines = [(rank, line) for rank, text in said.items() for line in text.splitlines()]
        for rank, line in lines[:COMPLAINTS]:
            log.warning("rank %d: %s", rank, shown(line, 400))

    def _look_once_more(self, action: Action) -> None:
        """A job may have got to a host before its drain did, and its event may still be on the way."""
        busy = self._lead.allocated() & set(action.ranks) if action.ranks else ()
        if busy:
            ranks = format_idset(busy)
            raise NotNow(f"a job got to rank {ranks} before its drain; it is waited for", BUSY_SECONDS)

    def _renew(self, action: Action) -> None:
        provider = self._provider(action)
        if isinstance(provider, Renews):
            provider.renew(self._site(action), busy=action.text == BUSY)

    def _pulse(self, action: Action) -> None:
        """Open a queue until the jobs that it was opened for have their allocation, not long in any case."""
        self._lead.start_queue(action.queue)
        try:
            with self.changed:
                self.changed.wait_for(lambda: not self._waiting(action.jobs), PULSE_SECONDS)
        finally:
            self._lead.stop_queue(action.queue)

    def _waiting(self, jobs: tuple[int, ...]) -> bool:
        view = self._lead.view()
        return view is not None and any(
            job.id in jobs and job.state in (JobState.PRIORITY, JobState.SCHED) for job in view.jobs
        )

    def address(self) -> str:
        """Return where brokers of new bursts are told to reach the lead, as far as it is known."""
        return self.join.lead_uri

    def renew(self, policy: Policy, join: Join) -> None:
        """Work from now on with what holds for another generation of the lead."""
        before, self.policy = self.join, policy
        if join.lead_host == AUTO:
            join = replace(join, lead_host=before.lead_host, lead_port=before.lead_port)
        self.join = join
        self.readdress()

    def readdress(self) -> None:
        """Ask for the lead's address anew; while it cannot be told, the one before is kept."""
        with suppress(NotNow, Never):
            self.join = self._addressed(self.join)

    def note_change(self) -> None:
        """Say that the lead's view changed, to whoever waits for that here."""
        with self.changed:
            self.changed.notify_all()

    def _order(self, action: Action, cancelled: Callable[[], bool]) -> Order:
        pool = self.policy.pool(action.pool)
        if pool is None:
            raise Never(f"pool {action.pool} is not declared")
        self.join = self._addressed(self.join)
        return Order(
            self.policy.owner,
            self._name(action),
            pool,
            action.generation,
            action.size,
            self.join,
            self._directories(pool),
            cancelled,
        )

    def _directories(self, pool: Pool) -> tuple[Directory, ...]:
        """Return what the pool's hosts are to have when they come up, for the jobs that wait now."""
        view = self._lead.view()
        wanted = directories_for(pool, view.jobs if view is not None else (), self.policy)
        listed = capped(wanted)
        left = len({one.path for one in wanted}) - len(listed)
        if left:
            log.info("pool %s: %d directories of jobs have no room on the list of its hosts", pool.name, left)
        return listed

    def _site(self, action: Action) -> Site:
        pool = self.policy.pool(action.pool)
        hosts = pool.hosts[: action.size] if pool else ()
        return Site(self._name(action), action.pool, action.generation, hosts)

    def _name(self, action: Action) -> str:
        return site_name(self._prefix, action.pool, action.generation)

    def _provider(self, action: Action) -> Provider:
        name = self._name(action)
        keeper = action.pool if action.pool in self._providers else self.keeper(name)
        if keeper is None:
            raise Never(
                f"site {name} was made for pool {action.pool}, which is no longer declared: "
                "declare the pool again so that burstd can remove it, or remove it by hand"
            )
        return self._providers[keeper]


def site_name(prefix: str, pool: str, generation: int) -> str:
    """Return the external name of a burst's site: decided here, never received, never used twice."""
    return f"{prefix}-{pool}-g{generation}"
