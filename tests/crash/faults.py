"""What may go wrong at a call, beside burstd's own death: each fault a function of run and call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burstd.core.errors import LeadLost, LeadRefused, Never, NoRoom, NotNow
from burstd.core.model import Action, Failure, Verb
from crash.cloud import Plot

if TYPE_CHECKING:
    from crash.run import Run

Call = Callable[[], None]
Strike = Callable[["Run", Action, Call], None]

ON_SITES = (Verb.PROVISION, Verb.LAUNCH, Verb.RESIZE, Verb.REMOVE, Verb.RENEW)
"""Verbs that are calls on a provider; every other is one on the lead."""

WHILE_SECONDS = 25.0
"""How long a listing shows less than there is: several listings come in that time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault. `loses` says whether jobs may lose their hosts by it, `closes` whether a pool may be
    closed by it until somebody restarts burstd; `times`: how many calls of the effect it meets.
    """

    name: str
    strike: Strike
    verbs: tuple[Verb, ...]
    loses: bool = False
    closes: bool = False
    times: int = 1
    memory: bool = False
    """Whether it needs the cloud in memory."""
    late: bool = False
    """Whether a call lands long after it was given up: what was drained then may have a job by now."""
    lies: bool = False
    """Whether a complete listing is wrong by it: with the ledger lost too, nobody can know better."""


def _timed_out(run: Run, action: Action, call: Call) -> None:
    raise NotNow("timed out on demand")


def _timed_out_applied(run: Run, action: Action, call: Call) -> None:
    call()
    raise NotNow("timed out on demand, after all was done")


def _applied_late(run: Run, action: Action, call: Call) -> None:
    run.later(8.0, call)
    raise NotNow("timed out on demand, and is done later", 40.0)


def _unforeseen(run: Run, action: Action, call: Call) -> None:
    raise RuntimeError("a fault on demand that nobody foresaw")


def _reset(run: Run, action: Action, call: Call) -> None:
    call()
    raise ConnectionResetError("reset on demand, in the middle of an answer")


def _malformed(run: Run, action: Action, call: Call) -> None:
    call()
    raise ValueError("77 is not a valid State")


def _no_room(run: Run, action: Action, call: Call) -> None:
    raise NoRoom("no room on demand", 120.0, "n2-standard-2 in us-central1-a")


def _forbidden(run: Run, action: Action, call: Call) -> None:
    raise Never("forbidden on demand: the permission container.clusters.create is missing")


def _stuck(run: Run, action: Action, call: Call) -> None:
    """47 times longer than usual."""
    run.pass_time(47 * 30.0)
    call()


def _busy(run: Run, action: Action, call: Call) -> None:
    raise NotNow("another operation runs there, on demand", 20.0)


def _taken_by_us(run: Run, action: Action, call: Call) -> None:
    name = run.site_name(action)
    if run.cloud.find(name) is None:
        run.cloud.add(Plot(name, run.cloud.owner, action.pool, action.generation, run.clock()))
    call()


def _taken(run: Run, action: Action, call: Call) -> None:
    run.occupy(run.site_name(action), "")
    call()


def _half_taken(run: Run, action: Action, call: Call) -> None:
    """It bears the labels of another owner."""
    run.occupy(run.site_name(action), "somebody-else")
    call()


def _deleted(run: Run, action: Action, call: Call) -> None:
    call()
    plot = run.cloud.find(run.site_name(action))
    if plot is not None:
        run.delete_behind(plot)


def _deleted_before(run: Run, action: Action, call: Call) -> None:
    plot = run.cloud.find(run.site_name(action))
    if plot is not None:
        run.delete_behind(plot)
    call()


def _hidden(run: Run, action: Action, call: Call) -> None:
    call()
    run.cloud.hidden_until[run.site_name(action)] = run.clock() + WHILE_SECONDS


def _partial(run: Run, action: Action, call: Call) -> None:
    call()
    run.cloud.partial_until = run.clock() + WHILE_SECONDS


def _partial_long(run: Run, action: Action, call: Call) -> None:
    call()
    run.cloud.partial_until = run.clock() + 20 * WHILE_SECONDS


def _stale(run: Run, action: Action, call: Call) -> None:
    run.cloud.make_stale(WHILE_SECONDS)
    call()


def _away(run: Run, action: Action, call: Call) -> None:
    call()
    run.cloud.away = lambda: NotNow("the cloud does not answer, on demand")
    run.cloud.away_until = run.clock() + 4 * WHILE_SECONDS


def _away_strangely(run: Run, action: Action, call: Call) -> None:
    call()
    run.cloud.away = lambda: RuntimeError("listing failed on demand as nobody foresaw")
    run.cloud.away_until = run.clock() + WHILE_SECONDS


def _fewer(run: Run, action: Action, call: Call) -> None:
    """The last host of those asked for never comes up, until that burst is over."""
    pool = run.policy.pool(action.pool)
    if pool is not None:
        run.cloud.duds.add(pool.hosts[action.size - 1])
        run.later(900.0, run.cloud.duds.clear)
    call()


def _failed(run: Run, action: Action, call: Call) -> None:
    call()
    plot = run.cloud.find(run.site_name(action))
    if plot is not None:
        plot.failure = Failure("failed on demand", 60.0)


def _reclaimed(run: Run, action: Action, call: Call) -> None:
    call()
    run.later(30.0, lambda: run.reclaim(run.site_name(action)))


def _lead_lost(run: Run, action: Action, call: Call) -> None:
    raise LeadLost("lost on demand")


def _lead_lost_applied(run: Run, action: Action, call: Call) -> None:
    call()
    raise LeadLost("lost on demand, after all was done")


def _lead_refused(run: Run, action: Action, call: Call) -> None:
    raise LeadRefused("demand", 22, "refused on demand")


def _lead_restarted(run: Run, action: Action, call: Call) -> None:
    call()
    run.lead.restart()


def _lead_away(run: Run, action: Action, call: Call) -> None:
    call()
    run.lead.unreachable = True
    run.later(60.0, run.lead_back)


_MAKING = (Verb.PROVISION, Verb.LAUNCH, Verb.RESIZE)
_ON_LEAD = tuple(verb for verb in Verb if verb not in ON_SITES)
_ALL = tuple(Verb)

FAULTS: tuple[Fault, ...] = (
    Fault("timed out, not applied", _timed_out, ON_SITES),
    Fault("timed out, not applied, three times", _timed_out, ON_SITES, times=3),
    Fault("timed out, applied", _timed_out_applied, ON_SITES),
    Fault("timed out, applied later", _applied_late, ON_SITES, late=True),
    Fault("unforeseen", _unforeseen, _ALL),
    Fault("reset in the answer", _reset, _ALL),
    Fault("unknown word in the answer", _malformed, ON_SITES),
    Fault("no room", _no_room, _MAKING),
    Fault("forbidden", _forbidden, ON_SITES, closes=True),
    Fault("stuck 47 times longer", _stuck, ON_SITES),
    Fault("busy", _busy, ON_SITES, times=6),
    Fault("there already, ours", _taken_by_us, (Verb.PROVISION,), memory=True),
    Fault("there already, without labels", _taken, (Verb.PROVISION,), closes=True),
    Fault("there already, somebody else's", _half_taken, (Verb.PROVISION,), closes=True),
    Fault("deleted behind our back, after", _deleted, ON_SITES, loses=True, memory=True),
    Fault("deleted behind our back, before", _deleted_before, ON_SITES, loses=True, memory=True),
    Fault("missing from listings for a while", _hidden, ON_SITES, loses=True, memory=True, lies=True),
    Fault("partial listings", _partial, _ALL, memory=True),
    Fault("partial listings for long", _partial_long, ON_SITES, memory=True),
    Fault("stale listings", _stale, ON_SITES, loses=True, memory=True, lies=True),
    Fault("no listings", _away, _ALL, memory=True),
    Fault("listings that fail strangely", _away_strangely, ON_SITES, memory=True),
    Fault("fewer hosts than asked", _fewer, (Verb.LAUNCH, Verb.RESIZE), memory=True),
    Fault("failed", _failed, (Verb.PROVISION, Verb.LAUNCH), memory=True),
    Fault("a host reclaimed", _reclaimed, (Verb.LAUNCH, Verb.RESIZE), loses=True, memory=True),
    Fault("lead lost, not applied", _lead_lost, _ON_LEAD),
    Fault("lead lost, not applied, three times", _lead_lost, _ON_LEAD, times=3),
    Fault("lead lost, applied", _lead_lost_applied, _ON_LEAD),
    Fault("lead refused", _lead_refused, _ON_LEAD),
    Fault("lead restarted", _lead_restarted, _ALL, loses=True),
    Fault("lead away for a minute", _lead_away, _ALL),
)

ANYTHING = Fault("anything", _timed_out, (), loses=True, closes=True)
"""What a run is under in which faults are drawn."""

DRAWN = {"lost": _timed_out, "applied": _timed_out_applied, "strange": _unforeseen, "room": _no_room}

BY_NAME = {fault.name: fault for fault in FAULTS}
