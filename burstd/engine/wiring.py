"""Puts the daemon together: the only place in the engine that knows which lead and which providers."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType

from burstd.config import Config, Resolved, limits_sentences, resolve
from burstd.core.adoption import adopt
from burstd.core.errors import BurstdError, ConfigError, LeadLost, Never, NotNow, Problem
from burstd.core.jobid import f58
from burstd.core.model import Job, LeadView, Plan, Policy, Queue, Snapshot
from burstd.core.planner import plan
from burstd.core.scheduling import lacks, meaning
from burstd.engine.address import LeadAddress
from burstd.engine.daemon import Daemon, Terms
from burstd.engine.ledger import Ledger, open_or_set_aside
from burstd.engine.performer import Performer
from burstd.join.curve import Handshake, explain, probe, read
from burstd.join.papers import Join
from burstd.lead.beside import check_readable, look
from burstd.lead.connect import opener
from burstd.lead.contract import Lead, LeadFacts
from burstd.lead.live import LiveLead
from burstd.plugins.contract import Provider
from burstd.plugins.registry import opened

log = logging.getLogger("burstd")

LEAD_SECONDS = 30.0
"""How long the lead may take to answer at start, before burstd gives up and says so."""

DRY_SECONDS = 5.0
"""The same for a dry run: a person waits for it."""


_DEFAULT = "Flux's default socket"


class Bell:
    """What the lead rings when its view changed: first whoever waits for it, later the daemon."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self.ring: Callable[[], None] = self.changed.set

    def __call__(self) -> None:
        self.ring()


class Changes:
    """What providers tell when their sites changed: made before the daemon is that will listen."""

    def __init__(self) -> None:
        self.tell: Callable[[str], None] = lambda _: None

    def __call__(self, pool: str) -> None:
        self.tell(pool)


@dataclass(frozen=True, slots=True)
class Met:
    """The lead as it was met at start."""

    lead: Lead
    bell: Bell
    facts: LeadFacts
    queues: tuple[Queue, ...]
    view: LeadView


@dataclass(frozen=True, slots=True)
class Service:
    """A daemon that serves, for whoever stands beside it; both may be called from any thread.

    `stop` makes it stop in order. `fit` raises ConfigError where another configuration does not agree with
    the lead, LeadError where the lead cannot tell now.
    """

    stop: Callable[[], None]
    fit: Callable[[Config], None]


Beside = Callable[[Service], AbstractContextManager[None]]


def nobody(_: Service) -> AbstractContextManager[None]:
    """Stand beside a daemon that nobody stands beside."""
    return nullcontext()


def run(config: Config, beside: Beside = nobody, *, patient: bool = True) -> int:
    """Run the daemon until it is told to stop; return its exit code. While it serves, `beside` is entered.

    `patient`: a broker that is not there yet is waited for, as one that does not answer always is.
    Raises ConfigError, with nothing started, where the configuration and the lead do not agree; OtherRank
    and OtherUser where it cannot serve from here, LeadLost.
    """
    changes = Changes()
    with ExitStack() as stack:
        made = stack.enter_context(opened(config, changes))
        state = _state_dir(config)
        # a broker that only starts is looked at when it is met
        with suppress(*[LeadLost] if patient else []):
            look(config.lead.uri or None)
        stack.enter_context(_alone(state))
        met = stack.enter_context(_meet(config, LEAD_SECONDS))
        look(config.lead.uri or None)
        address = LeadAddress(config)
        stack.callback(address.close)
        resolved = _addressed(_resolve(config, met.facts, met.queues, met.view, made), address)
        check_readable(resolved.join.curve_cert)
        _check(resolved, made)
        ledger, sentence = open_or_set_aside(state / "ledger.db", time.time())
        stack.callback(ledger.close)
        if sentence:
            log.warning("%s", sentence)
        daemon = _daemon(config, met, resolved, made, ledger, address)
        stack.callback(daemon.close)
        changes.tell = daemon.note_change
        _stop_on_signals(daemon)
        _say_start(met, resolved)
        stack.enter_context(beside(Service(daemon.stop, partial(_fit, met.lead, config.lead.uri))))
        daemon.run()
    return 0


def _fit(lead: Lead, uri: str, config: Config) -> None:
    """Hold another configuration against the lead that is served, if it is for that one; see Service."""
    with opened(config) as made:
        if config.lead.uri != uri:
            return
        view = lead.view()
        if view is None:
            raise LeadLost(f"the lead at {uri or _DEFAULT} does not answer")
        _check(_resolve(config, lead.facts(), lead.queues(), view, made), made)


def dry_run(config: Config) -> tuple[Snapshot, Policy, Plan]:
    """Return what the daemon would see and decide now. Changes nothing."""
    with opened(config) as made, _meet(config, DRY_SECONDS) as met:
        resolved = _resolve(config, met.facts, met.queues, met.view, made)
        _check(resolved, made)
        snapshot = _look(config, met, resolved, made)
        return snapshot, resolved.policy, plan(snapshot, resolved.policy, time.time())


def release(config: Config, jobs: tuple[int, ...] | None) -> tuple[str, ...]:
    """Release by hand what this owner holds: these jobs, or all; return a sentence for each."""
    with _meet(config, DRY_SECONDS) as met:
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
    ledger: Ledger,
    address: LeadAddress,
) -> Daemon:
    performer = Performer(met.lead, made, resolved.policy, resolved.join, config.prefix, address.of)

    def renew(view: LeadView) -> Terms:
        facts = met.lead.facts()
        again = _resolve(config, facts, met.lead.queues(), view, made)
        performer.renew(again.policy, again.join)
        return Terms(again.policy, facts.scheduling)

    daemon = Daemon(met.lead, resolved.policy, made, ledger, performer.perform, renew)
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


@contextmanager
def _meet(config: Config, patience: float) -> Iterator[Met]:
    """Follow the lead and wait until it is fully read. Raises LeadLost when it does not answer."""
    where = config.lead.uri or _DEFAULT
    lead = LiveLead(opener(config.lead.uri or None))
    bell = Bell()
    lead.start(bell)
    try:
        view = _first_view(lead, bell.changed, where, patience)
        yield Met(lead, bell, lead.facts(), lead.queues(), view)
    finally:
        lead.close()


def _first_view(lead: Lead, changed: threading.Event, where: str, patience: float) -> LeadView:
    deadline = time.monotonic() + patience
    said = False
    while True:
        view = lead.view()
        if view is not None:
            return view
        left = deadline - time.monotonic()
        if left <= 0:
            cause = f" ({lead.trouble()})" if lead.trouble() else ""
            raise LeadLost(
                f"the lead at {where} does not answer since {patience:g} s{cause}, so burstd did not "
                "start; is it running, and does $FLUX_URI or lead.uri name its rank 0 broker?"
            )
        if not changed.wait(min(left, 2.0)) and not said:
            log.info("waiting for the lead at %s, %g s at most", where, patience)
            said = True
        changed.clear()


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
        queues=queues,
        instance_owner=facts.owner,
    )


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
    path = _state_dir(config) / "ledger.db"
    known = _recorded(path, now) if path.is_file() else Snapshot((), ())
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


def _recorded(path: Path, now: float) -> Snapshot:
    with closing(Ledger(path, read_only=True)) as ledger:
        return Snapshot((), (), ledger.bursts(), ledger.cooldowns(now), ledger.generations())


def _state_dir(config: Config) -> Path:
    return config.state_dir / config.owner


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the owner's lock: two daemons with one name would undo each other's work."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        text = f"{state} cannot be written: {exc.strerror}"
        raise ConfigError((Problem("state_dir", text, "name a directory of your own"),)) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        what = f"another burstd runs with this owner and state directory ({state})"
        raise ConfigError((Problem("owner", what, "stop it, or give this one an owner of its own"),)) from exc
    try:
        yield
    finally:
        os.close(lock)


def _stop_on_signals(daemon: Daemon) -> None:
    """The first SIGTERM or SIGINT stops in order, a second one at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if daemon.stopping:
            os._exit(128 + number)
        daemon.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
