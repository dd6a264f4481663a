"""The loop: observe, plan, apply. Level-triggered: events only wake it, every tick reads everything.

The thread that runs the loop is the only one that plans and that writes the ledger.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from burstd.core.adoption import adopt, resumed, sight
from burstd.core.errors import ConfigError, LeadError, TurnLost
from burstd.core.lifecycle import begun, ended
from burstd.core.model import (
    Action,
    Burst,
    LeadView,
    Phase,
    Plan,
    Policy,
    Queue,
    Scheduling,
    Site,
    Snapshot,
    Verb,
)
from burstd.core.money import metered
from burstd.core.planner import plan
from burstd.engine.accounts import Accounts
from burstd.engine.callers import Callers
from burstd.engine.control import Call
from burstd.engine.desk import Desk
from burstd.engine.effects import Gate, Perform
from burstd.engine.ledger import Ledger
from burstd.engine.memory import Memory
from burstd.engine.observer import Observer, Seen
from burstd.engine.orders import Orders
from burstd.engine.queues import QueueBook
from burstd.engine.records import Records
from burstd.engine.sentences import adopted, not_listed, started
from burstd.engine.teller import Teller
from burstd.engine.terms import Terms
from burstd.engine.turn import UNRIVALLED, Turn, Unrivalled
from burstd.engine.witness import Audience, Tick
from burstd.engine.workers import Workers, threads
from burstd.lead.contract import Lead
from burstd.plugins.contract import Provider

log = logging.getLogger("burstd")

GATHER_SECONDS = 0.02
"""Events that come together are answered together: the loop waits this long after the first."""

AGAIN_SECONDS = 0.5
"""Before a lead that is only coming back is looked at again: what it lacks yet no event tells."""


class Daemon:
    """One burstd serving one lead.

    `renew` returns the terms of another generation of the lead's broker, whose ranks may be others. It
    raises ConfigError when the configuration no longer fits, LeadError when the lead is gone again.
    """

    def __init__(
        self,
        lead: Lead,
        policy: Policy,
        providers: Mapping[str, Provider],
        ledger: Ledger,
        perform: Perform,
        renew: Callable[[LeadView], Terms],
        clock: Callable[[], float] = time.time,
        *,
        turn: Turn | Unrivalled = UNRIVALLED,
        workers: Workers = threads,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self.policy = policy
        self._lead = lead
        self._ledger = ledger
        self._clock = clock
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._stopping = False
        self._gate = Gate(ledger, perform, clock, self.wake, turn=turn.check, workers=workers, pause=pause)
        self._observer = Observer(providers, clock, self.wake, workers)
        self.audience = Audience()
        self._records = Records(ledger, self.audience)
        self._started = clock()
        self._turn = turn
        self._cooldowns = ledger.cooldowns(self._started, policy.close_after)
        self._teller = Teller()
        self._memory = Memory()
        self._accounts = Accounts(ledger, lead, self._started)
        self._orders = Orders(ledger)
        self._leaving = False
        self._callers = Callers()
        self.desk = Desk()
        self.audience.join(self.desk)
        self.calls: Callable[[], Iterable[Call]] = lambda: ()
        """Tells which orders came in since the last time; whoever made this may listen for some."""
        self._lead_was_seen = True
        self._renew = renew
        self._generation = ""
        self._lead_since = 0.0
        self._scheduling = Scheduling.UNKNOWN
        self._queues = QueueBook(lead, clock, self.wake, workers)
        self.address: Callable[[], str] = lambda: ""
        """Tells where brokers of new bursts reach the lead; "": whoever made this does not say."""

    @property
    def stopping(self) -> bool:
        return self._stopping or self._leaving

    def keeper(self, site_name: str) -> str | None:
        """Return the pool whose provider showed a site last."""
        return self._observer.keeper(site_name)

    def note_change(self, pool: str) -> None:
        """Look at a pool's sites again soon: its provider says that they changed; from any thread."""
        self._observer.note_change(pool)

    def wake(self) -> None:
        """Make the loop look again; may be called from any thread, and from a signal handler.

        A SimpleQueue may be put to while the same thread is inside it, an Event may not be set so.
        """
        self._bell.put(None)

    def stop(self) -> None:
        """Let the loop end after its present tick; may be called from a signal handler."""
        self._stopping = True
        self.wake()

    def leave(self) -> None:
        """Take every burst down, then stop; may be called from a signal handler."""
        self._leaving = True
        self.wake()

    def run(self) -> None:
        """Serve until stopped; effects under way then finish, the rest is left to the next start.

        Raises TurnLost once another burstd serves the lead.
        """
        for burst in self._records.bursts.values():
            log.info("%s: was %s when burstd last ran; taking it up again", burst.name, burst.phase)
        while not self._stopping:
            wake_at = self.tick()
            self.audience.turned(self._known(self._clock()))
            self.desk.answer(self._known, self.policy, self._clock())
            self._wait(wake_at)
        self._finish()
        if self._turn.lost:
            raise TurnLost("another burstd serves this lead by now; this one made no call since, and ends")

    def close(self) -> None:
        """End the threads, once the calls under way are over; for where `run` broke off, harmless else."""
        self._gate.close()
        self._observer.close()
        self._queues.close()

    def tick(self) -> float | None:
        """Observe, plan, apply once; return when to look again with no event, in epoch seconds."""
        now = self._clock()
        self._take_outcomes()
        if self._turn.lost:
            self.stop()
            return None
        self._take_orders(now)
        self._take_listings(now)
        next_listing = self._observer.ask(self._records.bursts.values(), now)
        view = self._view()
        if view is None or not self._observer.answered():
            return next_listing
        if not self._knows(view, now):
            return min(now + AGAIN_SECONDS, next_listing or now + AGAIN_SECONDS)
        next_reading = self._queues.refresh(now)
        queues = self._queues.known
        if queues is None:
            return min(next_reading, next_listing or next_reading)
        self._teller.tell_refusals(view, self.policy, queues)
        self._accounts.note_uses(self._records.bursts.values(), view, self.policy, now)
        snapshot = self.snapshot(view, queues, now)
        result = plan(snapshot, self.policy, now)
        self._apply(result, now)
        self.audience.ticked(Tick(snapshot, result, self.policy, now, self._clock() - now))
        look_again = self._end_orders(now)
        times = (next_listing, next_reading, result.wake_at, self._gate.next_rest_end(), look_again)
        return min((moment for moment in times if moment is not None), default=None)

    def _end_orders(self, now: float) -> float | None:
        """Answer who waits, leave if that was ordered; return when to look for what is kept, which goes."""
        pools = [pool.name for pool in self.policy.pools]
        bursts = tuple(self._records.bursts.values())
        unseen = self._callers.answer(pools, bursts, self._teller.order, self._observer.shows)
        if self._leaving and not bursts and not any(map(self._observer.shows, pools)):
            self.stop()
        elif unseen or (self._leaving and not bursts):
            return self._observer.look_again(bursts, now)
        return None

    def snapshot(self, view: LeadView, queues: tuple[Queue, ...], now: float) -> Snapshot:
        """Return everything a plan is made from, as it is now."""
        return replace(
            self._known(now),
            hosts=view.hosts,
            jobs=view.jobs,
            in_flight=self._gate.in_flight(now),
            queues=queues,
            scheduling=self._scheduling,
            lead_since=self._lead_since,
            proven=self._records.proven,
            **self._memory.fields(view),
        )

    def _known(self, now: float) -> Snapshot:
        """Return what is known without the lead."""
        return Snapshot(
            (),
            (),
            tuple(self._records.bursts.values()),
            self._cooldowns,
            tuple(sorted(self._records.generations.items())),
            started=self._started,
            unseen=self._observer.unseen(),
            starts=self._records.starts(),
            by_hand=replace(self._orders.standing, leaving=self._leaving),
            **self._accounts.fields(now),
        )

    def _wait(self, wake_at: float | None) -> None:
        timeout = None if wake_at is None else max(wake_at - self._clock(), 0.0)
        try:
            self._bell.get(timeout=timeout)
        except queue.Empty:
            return
        if not self._stopping:
            time.sleep(GATHER_SECONDS)
        while not self._bell.empty():
            self._bell.get_nowait()

    def _finish(self) -> None:
        busy = sorted(self._gate.in_flight(self._clock()))
        if busy:
            log.info("stopping: waiting for what is under way (%s)", ", ".join(busy))
        self._gate.close()
        self._take_outcomes()
        self.close()
        left = ", ".join(f"{burst.name} ({burst.phase})" for burst in self._records.bursts.values())
        log.info("stopped; %s", f"the next start takes up {left}" if left else "nothing is left behind")

    def _view(self) -> LeadView | None:
        view = self._lead.view()
        if (view is not None) != self._lead_was_seen:
            log.info("the lead answers again" if view else "the lead does not answer; burstd waits for it")
            self.audience.met(view is not None)
        self._lead_was_seen = view is not None
        return view

    def _knows(self, view: LeadView, now: float) -> bool:
        """Hold the configuration against each new generation of the lead: a restart may change its ranks."""
        if view.generation == self._generation:
            return True
        try:
            self._turn.confirm()
            self._accounts.recover(self.policy.owner)
            terms = self._renew(view)
            self.policy, self._scheduling = terms.policy, terms.scheduling
        except ConfigError as exc:
            text = "the lead was restarted and no longer fits the configuration; every burst is released"
            log.error("%s: %s", text, "; ".join(map(str, exc.problems)))
            self.policy = replace(self.policy, pools=())
        except LeadError as exc:
            log.info("the lead is gone again: %s", exc)
            return False
        except TurnLost:
            self.wake()
            return False
        self._lead_since = now if self._generation else 0.0
        self._generation = view.generation
        self._queues.forget(now)
        self._observer.hurry()
        self._memory.forget_lead()
        return True

    def _take_outcomes(self) -> None:
        for one in self._gate.collect():
            burst = self._records.bursts.get(one.action.key) if one.sent else None
            if burst is not None:
                burst = self._records.put(ended(burst, one.outcome), self._clock())
            self._gate.conclude(one, burst)
            if one.sent:
                self._queues.note(one)
                self._memory.note(one)
            self._teller.tell_outcome(one)
            self.audience.ended(one)

    def _take_listings(self, now: float) -> None:
        for seen in self._observer.collect():
            self.audience.listed(seen)
            if seen.listing is None:
                self._teller.tell_error(f"observe:{seen.pool}", not_listed(seen))
                continue
            self._teller.settle(f"observe:{seen.pool}")
            self._sight(seen, now)

    def _sight(self, seen: Seen, now: float) -> None:
        listing = seen.listing
        if listing is None:
            return
        busy = self._gate.in_flight(now)
        for burst in list(self._records.bursts.values()):
            ours = burst.pool == seen.pool or self.policy.pool(burst.pool) is None
            if ours and burst.name not in busy:
                known = sight(burst, listing.sites, complete=listing.complete, begun=seen.begun)
                self._records.put(known, now)
                self._teller.tell_old_address(known, self.address())
        self._adopt(seen, now)

    def _adopt(self, seen: Seen, now: float) -> None:
        sites = [site for site in seen.listing.sites if self._judges(seen, site)] if seen.listing else []
        for site in sites:
            if site.kept_until is not None:  # its generation is used, whether the ledger knows it or not
                self._records.generations[site.pool] = max(
                    site.generation, self._records.generations.get(site.pool, 0)
                )
        found = adopt(
            sites,
            tuple(self._records.bursts.values()),
            self._orders.open_pools(self.policy.pools, self._leaving),
            self._records.generations,
            now,
        )
        if found:
            known = [resumed(burst, self._ledger.gone(burst.name)) for burst in found]
            priced = [metered(None, burst, self.policy.pool(burst.pool)) for burst in known]
            self._write(priced, map(adopted, found), now)
            for burst in priced:
                self._accounts.note_back(burst)
            if self._accounts.is_unknown([burst.site for burst in found if burst.site], self.policy):
                self._orders.mark_unknown_spend()

    def _judges(self, seen: Seen, site: Site) -> bool:
        """A site is judged by its own pool's listing, or by any where its pool is no longer declared.

        A listing begun before the burst was verified gone is stale.
        """
        own = site.pool == seen.pool or self.policy.pool(site.pool) is None
        return own and self._records.gone.get(f"{site.pool}-g{site.generation}", 0.0) < seen.begun

    def _apply(self, result: Plan, now: float) -> None:
        if result.bursts or result.sentences:
            self._write(result.bursts, result.sentences, now)
            self._cancel(result.bursts)
        for action in result.actions:
            self._start(action, now)
        self._teller.tell_plan(result)
        self._memory.forget_jobs(self._teller.waiting)

    def _cancel(self, bursts: Iterable[Burst]) -> None:
        """What makes a burst waits no more once the burst is to be taken away."""
        for burst in bursts:
            if burst.phase is Phase.RELEASING:
                self._gate.cancel(burst.name)

    def _take_orders(self, now: float) -> None:
        self._orders.forget_expired(now)
        known = [pool.name for pool in self.policy.pools]
        for call in self.calls():
            said = self._orders.obey(call.order, known, now)
            for sentence in said:
                log.info("by hand (uid %d): %s", call.order.userid, sentence)
            call.answer(*said, done=not call.order.wait)
            self._callers.add(call)
            self._cooldowns = self._ledger.cooldowns(self._started, self.policy.close_after)

    def _start(self, action: Action, now: float) -> None:
        burst = self._records.bursts.get(action.key)
        if burst is not None:
            burst = self._records.put(begun(burst, action, now), now)
        self._gate.start(action, burst)
        log.log(logging.DEBUG if action.verb is Verb.TELL else logging.INFO, "%s", started(action))

    def _write(self, bursts: Iterable[Burst], sentences: Iterable[str], now: float) -> None:
        bursts, sentences = tuple(bursts), tuple(sentences)
        self._ledger.record(bursts, sentences, now)
        for burst in bursts:
            self._records.put(burst, now)
            if burst.phase is Phase.GONE:
                self._forget(burst)
        for sentence in sentences:
            log.info("%s", sentence)

    def _forget(self, burst: Burst) -> None:
        self._memory.forget_burst(burst.name)
        self._accounts.note_gone(burst)
        self._cooldowns = self._ledger.cooldowns(self._started, self.policy.close_after)
