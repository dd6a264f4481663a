"""Puts the daemon together: the only place in the engine that knows which lead and which providers."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType

from burstd.config import Config, Resolved, limits_sentences, resolve
from burstd.core.adoption import adopt
from burstd.core.errors import BurstdError, ConfigError, LeadLost, Never, NotNow, Problem
from burstd.core.jobid import f58
from burstd.core.model import Job, LeadView, Plan, Policy, Queue, Snapshot
from burstd.core.money import day_of
from burstd.core.planner import plan
from burstd.core.scheduling import lacks, meaning
from burstd.engine.address import LeadAddress
from burstd.engine.control import Control
from burstd.engine.daemon import Daemon
from burstd.engine.guests import answered
from burstd.engine.ledger import Ledger, open_or_set_aside
from burstd.engine.meeting import DEFAULT, DRY_SECONDS, LEAD_SECONDS, Met, meet
from burstd.engine.metrics import measured
from burstd.engine.notifier import Notifier, couriers
from burstd.engine.orders import Orders
from burstd.engine.performer import Performer
from burstd.engine.questions import Questions
from burstd.engine.reception import Reception, received
from burstd.engine.statedir import alone, state_dir
from burstd.engine.terms import Terms
from burstd.engine.turn import Turn
from burstd.engine.window import Window
from burstd.join.curve import Handshake, explain, probe, read
from burstd.join.papers import Join
from burstd.lead.beside import check_readable, look
from burstd.lead.contract import Lead, LeadFacts
from burstd.plugins.contract import Provider, Renews
from burstd.plugins.registry import opened

log = logging.getLogger("burstd")


class Changes:
    """What providers tell when their sites changed: made before the daemon is that will listen."""

    def __init__(self) -> None:
        self.tell: Callable[[str], None] = lambda _: None

    def __call__(self, pool: str) -> None:
        self.tell(pool)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is this burstd's own: its ledger, its turn, and what it knows of the lead's address."""

    ledger: Ledger
    turn: Turn
    address: LeadAddress


@dataclass(frozen=True, slots=True)
class Service:
    """A daemon that serves, for whoever stands beside it; both may be called from any thread.

    `stop` makes it stop in order, `leave` as `on_exit` says.
    `fit` raises ConfigError where another configuration does not agree with
    the lead, LeadError where the lead cannot tell now.
    """

    stop: Callable[[], None]
    leave: Callable[[], None]
    fit: Callable[[Config], None]


Beside = Callable[[Service], AbstractContextManager[None]]


def nobody(_: Service) -> AbstractContextManager[None]:
    """Stand beside a daemon that nobody stands beside."""
    return nullcontext()


def run(
    config: Config, beside: Beside = nobody, *, patient: bool = True, reception: Reception | None = None
) -> int:
    """Run the daemon until it is told to stop; return its exit code. While it serves, `beside` is entered.

    `reception` answers over HTTP and goes on after this; None: one is opened while the lead is served.
    `patient`: a broker that is not there yet is waited for, as one that does not answer always is.
    Raises ConfigError, with nothing started, where the configuration and the lead do not agree; OtherRank
    and OtherUser where it cannot serve from here, LeadLost.
    """
    changes = Changes()
    with ExitStack() as stack:
        made = stack.enter_context(opened(config, changes))
        state = state_dir(config)
        # a broker that only starts is looked at when it is met
        with suppress(*[LeadLost] if patient else []):
            look(config.lead.uri or None)
        stack.enter_context(alone(state))
        met = stack.enter_context(meet(config, LEAD_SECONDS))
        look(config.lead.uri or None)
        address = LeadAddress(config)
        stack.callback(address.close)
        resolved = _addressed(_resolve(config, met.facts, met.queues, met.view, made), address)
        check_readable(resolved.join.curve_cert)
        _check(resolved, made)
        ledger, sentence = open_or_set_aside(state / "ledger.db", time.time())
        stack.callback(ledger.close)
        ledger.prune(time.time())
        if sentence:
            log.warning("%s", sentence)
        turn = Turn(met.lead, ledger, config.owner)
        turn.take()
        daemon = _daemon(config, met, resolved, made, Kept(ledger, turn, address))
        stack.callback(daemon.close)
        metrics = measured(daemon, ledger, met.facts.version)
        changes.tell = daemon.note_change
        if config.notify:
            notifier = Notifier(config.owner, ledger, couriers(config.notify))
            stack.callback(notifier.close)
            daemon.audience.join(notifier)
        questions, window = Questions(daemon.wake), _window(daemon)
        stack.enter_context(answered(config.guests.socket, window))
        control = Control(state, daemon.wake, questions, window)
        control.open()
        stack.callback(control.close)
        daemon.calls, daemon.desk.questions = control.calls, questions.take
        leave = daemon.leave if config.on_exit == "down" else daemon.stop
        _stop_on_signals(daemon, leave)
        _say_start(met, resolved)
        stack.enter_context(received(reception, config, questions, daemon.desk, metrics.exposition))
        stack.enter_context(beside(Service(daemon.stop, leave, partial(_fit, met.lead, config.lead.uri))))
        daemon.run()
    return 0


def _window(daemon: Daemon) -> Window:
    """Return where it is told from the last tick what this daemon did; its desk answers the same."""
    window = Window(daemon.policy, daemon.desk.answers["status"])
    daemon.audience.join(window)
    daemon.desk.answers |= window.answers
    return window


def _fit(lead: Lead, uri: str, config: Config) -> None:
    """Hold another configuration against the lead that is served, if it is for that one; see Service."""
    with opened(config) as made:
        if config.lead.uri != uri:
            return
        view = lead.view()
        if view is None:
            raise LeadLost(f"the lead at {uri or DEFAULT} does not answer")
        _check(_resolve(config, lead.facts(), lead.queues(), view, made), made)


def dry_run(config: Config) -> tuple[Snapshot, Policy, Plan]:
    """Return what the daemon would see and decide now. Changes nothing."""
    with opened(config) as made, meet(config, DRY_SECONDS) as met:
        resolved = _resolve(config, met.facts, met.queues, met.view, made)
        _check(resolved, made)
        snapshot = _look(config, met, resolved, made)
        return snapshot, resolved.policy, plan(snapshot, resolved.policy, time.time())


def release(config: Config, jobs: tuple[int, ...] | None) -> tuple[str, ...]:
    """Release by hand what this owner holds: these jobs, or all; return a sentence for each."""
    with meet(config, DRY_SECONDS) as met:
        held = {job.id: job for job in met.view.jobs if _held_by(job, config.owner)}
        wanted = tuple(sorted(held)) if jobs is None else jobs
        return tuple(_release_one(met.lead, job, job in held) for job in wanted)


def _held_by(job: Job, owner: str) -> bool:
    return job.stale_hold or (job.hold is not None and job.hold.owner == owner)


def _release_one(lead: Lead, job: int, held: bool) -> str:
    if not held:
        return f"{f58(job)}: not held by burstd; nothing was done."
    lead.unhold(job)
    return f"{f58(job)}: released."


def _daemon(
    config: Config,
    met: Met,
    resolved: Resolved,
    made: Mapping[str, Provider],
    kept: Kept,
) -> Daemon:
    address = kept.address
    performer = Performer(met.lead, made, resolved.policy, resolved.join, config.prefix, address.of)

    def renew(view: LeadView) -> Terms:
        facts = met.lead.facts()
        again = _resolve(config, facts, met.lead.queues(), view, made)
        performer.renew(again.policy, again.join)
        return Terms(again.policy, facts.scheduling)

    daemon = Daemon(met.lead, resolved.policy, made, kept.ledger, performer.perform, renew, turn=kept.turn)
    daemon.address = performer.address
    performer.keeper = daemon.keeper
    address.watch(performer.readdress)

    def ring() -> None:
        daemon.wake()
        performer.note_change()

    met.bell.ring = ring
    return daemon


def _addressed(resolved: Resolved, address: LeadAddress) -> Resolved:
    """Fill in the address where it is to be found out. Raises ConfigError, LeadLost while it is not there."""
    try:
        return replace(resolved, join=address.of(resolved.join))
    except Never as exc:
        raise ConfigError((Problem("lead.host", str(exc)),)) from exc
    except NotNow as exc:
        raise LeadLost(f"the lead's address cannot be told yet: {exc}") from exc


def _resolve(
    config: Config,
    facts: LeadFacts,
    queues: tuple[Queue, ...],
    view: LeadView,
    made: Mapping[str, Provider],
) -> Resolved:
    return resolve(
        config,
        hostlist=facts.hostlist,
        hosts=view.hosts,
        endpoint=facts.lead_endpoint,
        curve_cert=facts.curve_cert,
        version=facts.version,
        paid={name: provider.paid for name, provider in made.items()},
        shrinks={name: provider.shrinks for name, provider in made.items()},
        renewals={name: _renewal_seconds(provider) for name, provider in made.items()},
        queues=queues,
        instance_owner=facts.owner,
    )


def _renewal_seconds(provider: Provider) -> float:
    return provider.renewal_seconds if isinstance(provider, Renews) else 0.0


def _check(resolved: Resolved, made: Mapping[str, Provider]) -> None:
    problems: list[Problem] = []
    for index, pool in enumerate(resolved.policy.pools):
        found = made[pool.name].check(pool, resolved.join)
        problems += [replace(one, path=f"pools[{index}].{one.path}".rstrip(".")) for one in found]
    if problems:
        raise ConfigError(tuple(problems))


def _say_start(met: Met, resolved: Resolved) -> None:
    facts = met.facts
    log.info("%s", meaning(facts.scheduler, facts.queue_policy, facts.scheduling))
    for sentence in lacks(resolved.policy, met.queues, facts.scheduling):
        log.warning("%s", sentence)
    for sentence in limits_sentences(resolved.policy):
        log.info("%s", sentence)
    closed = [pool.name for pool in resolved.policy.pools if not pool.multi_user]
    if facts.guests and closed:
        text = "the lead admits other users, whose jobs wait: %s serves only those of its owner, uid %s"
        log.info(text, ", ".join(closed), facts.owner)
    if not facts.durable:
        log.warning("the lead has no statedir: if it restarts, pending jobs, memos and drains are lost")
    unreachable = _handshake_problem(resolved.join)
    if unreachable:
        log.warning("%s; brokers of a burst may not be let in either", unreachable)
    log.info("serving the lead of %s (Flux %s, %s)", facts.hostlist, facts.version, facts.scheduler)


def _handshake_problem(join: Join) -> str:
    """Say what keeps a broker from being let in at the lead's address, as seen from here; "" is fine."""
    try:
        handshake = probe(join.lead_uri, read(join.curve_cert))
    except BurstdError as exc:
        return str(exc)
    return "" if handshake is Handshake.FINE else explain(handshake, join.lead_uri)


def _look(config: Config, met: Met, resolved: Resolved, made: Mapping[str, Provider]) -> Snapshot:
    now = time.time()
    path = state_dir(config) / "ledger.db"
    known = _recorded(path, now, config.limits.close_after) if path.is_file() else Snapshot((), ())
    sites = {site.name: site for provider in made.values() for site in provider.observe().sites}
    found = adopt(sites.values(), known.bursts, resolved.policy.pools, dict(known.generations), now)
    return replace(
        known,
        hosts=met.view.hosts,
        jobs=met.view.jobs,
        bursts=(*known.bursts, *found),
        started=now,
        queues=met.queues,
        scheduling=met.facts.scheduling,
    )


def _recorded(path: Path, now: float, close_after: int) -> Snapshot:
    with closing(Ledger(path, read_only=True)) as ledger:
        return Snapshot(
            (),
            (),
            ledger.bursts(),
            ledger.cooldowns(now, close_after),
            ledger.generations(),
            by_hand=Orders(ledger).standing,
            past=ledger.past(day_of(now)),
            proven=ledger.proven(),
        )


def _stop_on_signals(daemon: Daemon, leave: Callable[[], None]) -> None:
    """The first SIGTERM or SIGINT makes it leave in order, a second one at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if daemon.stopping:
            os._exit(128 + number)
        leave()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
