"""The checks of the lead, and of what burstd has beside it. Each is one function that yields its findings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

from burstd.config import PoolConfig
from burstd.core.errors import BurstdError, ConfigError, LeadLost
from burstd.core.findings import Check, Finding, State, failed, not_checked, ok, warning
from burstd.core.hosts import compress, expand, format_idset
from burstd.core.model import Queue, Scheduling
from burstd.core.placement import queue_of
from burstd.core.scheduling import lacks, meaning
from burstd.doctor.scene import Scene
from burstd.engine import control
from burstd.engine.ledger import Ledger
from burstd.engine.meeting import DEFAULT
from burstd.engine.statedir import OTHERS
from burstd.join.curve import Handshake, explain
from burstd.lead.beside import look

_NO_BROKER = "start its broker; $FLUX_URI or lead.uri must name that of rank 0"

_STARTING = ("join", "config-sync", "init", "quorum")
"""The states of a broker before it runs (flux-broker's state machine)."""

_NEAR = ("local://", "embedded://", "/")


def state_directory(scene: Scene) -> Iterator[Finding]:
    """Look whether burstd can keep what it must not forget."""
    path = scene.state
    there = next(one for one in (path, *path.parents) if one.exists())
    if there == path and path.stat().st_uid != os.geteuid():
        theirs = path.stat().st_uid
        yield failed(Check.STATE_DIR, f"{path} belongs to uid {theirs}", "run as that user, or name another")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield failed(Check.STATE_DIR, f"nothing can be written to {there}", "name another state_dir")
    elif there == path and path.stat().st_mode & OTHERS:
        remedy = f"burstd closes it when it starts; now: chmod 700 {path}"
        yield warning(Check.STATE_DIR, f"{path} can be entered by others than its owner", remedy)
    else:
        yield _ledger(scene)


def _ledger(scene: Scene) -> Finding:
    file = scene.state / "ledger.db"
    if not file.exists():
        return ok(Check.STATE_DIR, f"{scene.state} can be written; it has no ledger yet")
    with closing(Ledger(file, read_only=True)) as ledger:
        count = len(ledger.bursts())
    return ok(Check.STATE_DIR, f"{scene.state} has a ledger that can be read, with {count} bursts that live")


def daemon(scene: Scene) -> Iterator[Finding]:
    """Look whether a burstd runs with this configuration."""
    try:
        control.question(scene.state, "status")
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        yield warning(Check.DAEMON, "no burstd runs with this owner and state_dir", "start it: `burstd`")
    except PermissionError:
        yield not_checked(
            Check.DAEMON, f"{scene.state} is not yours", "ask as the user of burstd, or as root"
        )
    except BurstdError as exc:
        yield failed(Check.DAEMON, str(exc), "look at its log; restart it: bursts that live are taken over")
    else:
        yield ok(Check.DAEMON, "a burstd runs and answers")


def lead(scene: Scene) -> Iterator[Finding]:
    """Look whether Flux answers, and which it is."""
    where = scene.uri or DEFAULT
    try:
        version = scene.facts.version
    except LeadLost as exc:
        lacks_bindings = isinstance(exc.__cause__, ImportError)
        yield failed(Check.LEAD, str(exc), "do one of these" if lacks_bindings else _NO_BROKER)
        return
    if str(where).startswith("embedded://"):
        text = f"burstd's embedded instance answers at {where}, which is no Flux ({version})"
        yield ok(Check.LEAD, text)
    else:
        yield ok(Check.LEAD, f"Flux {version} answers at {where}")


def rank(scene: Scene) -> Iterator[Finding]:
    """Look whether burstd may serve from here: beside rank 0, as the instance's owner."""
    look(scene.uri)
    yield ok(Check.RANK, "this is rank 0, and its user is the one who asks")


def statedir(scene: Scene) -> Iterator[Finding]:
    """Look whether jobs survive a restart of the lead."""
    if scene.facts.durable:
        yield ok(Check.STATEDIR, "the lead has a statedir: jobs, memos and drains survive its restart")
    else:
        what = "the lead has no statedir: if it restarts, pending jobs, memos and drains are lost"
        yield warning(Check.STATEDIR, what, "start it with -Sstatedir=DIR, a directory that stays")


def quorum(scene: Scene) -> Iterator[Finding]:
    """Look whether the lead waits, now or at its next start, for hosts that only a burst brings up."""
    wanted = int(str(_attribute(scene, "broker.quorum")))
    names = expand(scene.facts.hostlist)
    ours = {name for pool in scene.config.pools for name in names if _is_of(pool, name)}
    own = len([name for name in names if name not in ours])
    yield judged_quorum(str(scene.rpc("state-machine.get", {}).get("state")), wanted, own)


def _is_of(pool: PoolConfig, name: str) -> bool:
    return name in expand(pool.hosts) if pool.hosts else name.rpartition("-")[0] == pool.name


def judged_quorum(state: str, wanted: int, own: int) -> Finding:
    """Judge a lead in this state of its broker that starts once so many brokers are up, with so many own."""
    remedy = f"start it with -Sbroker.quorum=1, or a number up to {own}; a MiniCluster has minSize for it"
    if state in _STARTING:
        what = f"the lead has not started: it waits until {wanted} brokers are up, and runs no job"
        return failed(Check.QUORUM, what, remedy)
    if wanted > own:
        what = f"at its next start the lead would wait for {wanted} brokers, and only {own} are its own"
        return failed(Check.QUORUM, what, remedy)
    return ok(Check.QUORUM, f"the lead starts with {wanted} of its {own} own hosts")


def _attribute(scene: Scene, name: str) -> object:
    return scene.rpc("attr.get", {"name": name})["value"]


def hosts(scene: Scene) -> Iterator[Finding]:
    """Hold the pools against the lead's hostlist and R."""
    try:
        policy = scene.resolved.policy
    except ConfigError as exc:
        for problem in exc.problems:
            what = f"{problem.path}: {problem.what}" if problem.path else problem.what
            yield failed(Check.HOSTS, what, problem.hint or "correct it in the configuration")
        return
    for pool in policy.pools:
        shape = f"{pool.shape.cores} cores" + (f", {pool.shape.gpus} gpus" if pool.shape.gpus else "")
        text = f"{pool.name} is {compress(pool.hosts)}, ranks {format_idset(pool.ranks)}, {shape} each"
        yield ok(Check.HOSTS, text)


def scheduler(scene: Scene) -> Iterator[Finding]:
    """Look what the scheduler does with a job that waits for hosts that are down."""
    facts = scene.facts
    text = _within(meaning(facts.scheduler, facts.queue_policy, facts.scheduling))
    names = {queue.name for queue in scene.met.queues}
    bare = [pool.name for pool in scene.config.pools if (pool.queue or pool.name) not in names]
    if not facts.scheduler:
        what = "no scheduler is loaded at the lead, so no job starts"
        yield failed(
            Check.SCHEDULER, what, "load one: `flux module load sched-fluxion-qmanager`, for instance"
        )
    elif facts.scheduling is Scheduling.FCFS:
        state = State.FAILED if bare else State.WARNING
        yield Finding(state, Check.SCHEDULER, text, 'set queue-policy = "easy", restart the lead')
    elif facts.scheduling is Scheduling.UNKNOWN or (facts.scheduling is Scheduling.FIFO and bare):
        yield warning(Check.SCHEDULER, text, "use Fluxion with the policy easy, or give each pool a queue")
    else:
        yield ok(Check.SCHEDULER, text)


def queues(scene: Scene) -> Iterator[Finding]:
    """Look at the named queues: that pools have theirs, and that all take jobs and start them."""
    policy, found = scene.resolved.policy, scene.met.queues
    troubles = [
        warning(Check.QUEUES, _within(sentence), "see docs/schedulers.md; then restart the lead")
        for sentence in lacks(policy, found, scene.facts.scheduling)
    ]
    of_pools = {queue.name for pool in policy.pools if (queue := queue_of(pool, found)) is not None}
    for queue in found:
        troubles += _switched(scene, queue, of_pools)
    yield from troubles
    if not troubles:
        names = ", ".join(queue.name for queue in found)
        yield ok(Check.QUEUES, f"its queues take jobs: {names}" if names else "the lead has no named queues")


def _within(sentence: str) -> str:
    """Return a sentence as it stands behind a colon."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _switched(scene: Scene, queue: Queue, of_pools: set[str]) -> Iterator[Finding]:
    enabled = scene.rpc("job-manager.queue-status", {"name": queue.name}).get("enable", True)
    if not enabled:
        what = f"queue {queue.name} takes no jobs: it is disabled"
        yield warning(Check.QUEUES, what, f"`flux queue enable {queue.name}`")
    if queue.started or queue.name in of_pools or queue.name in scene.config.lead.start_queues:
        return
    why = f" ({queue.stop_reason})" if queue.stop_reason else ": named queues start so"
    what = f"queue {queue.name} starts no jobs: its scheduling is stopped{why}"
    yield warning(Check.QUEUES, what, f"`flux queue start {queue.name}`, or lead.start_queues")


def clock(scene: Scene) -> Iterator[Finding]:
    """Look whether the lead's clock is this machine's."""
    where = str(scene.uri or "local://")
    if where.startswith(_NEAR):
        yield ok(Check.CLOCK, "the lead is on this machine, so its clock is the same")
    else:
        what = f"{where} is on another machine, which tells no time"
        yield not_checked(Check.CLOCK, what, "see that both keep time by NTP (chronyc tracking)")


def certificate(scene: Scene) -> Iterator[Finding]:
    """Look at the CURVE certificate: whose it is, its mode, its form."""
    path = scene.curve_cert
    yield ok(Check.CERTIFICATE, f"{path} is private and has a name and both keys")


def handshake(scene: Scene) -> Iterator[Finding]:
    """Knock at the address that remote brokers are told, with the certificate that they get."""
    came, uri = scene.handshake
    sentence, _, remedy = explain(came, uri).partition(": ")
    if came is Handshake.FINE:
        yield ok(Check.HANDSHAKE, sentence)
    else:
        yield failed(Check.HANDSHAKE, sentence, remedy)
