"""What must hold, each by its name. A violation is noted in the run; the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from burstd.core.marks import drain_mark
from burstd.core.model import Burst, Verb
from burstd.core.money import total
from crash.cloud import CLUSTER_PER_HOUR, HOST_PER_HOUR
from crash.points import Point
from crash.scripts import OWNER

if TYPE_CHECKING:
    from crash.cloud import Plot
    from crash.run import Run


def at_any_time(run: Run) -> None:
    """Look at what must hold at every moment."""
    one_site_for_a_burst(run)
    caps_hold(run)
    names_are_used_once(run)
    nothing_foreign_is_touched(run)


def at_the_end(run: Run) -> None:
    """Look at what must hold once nothing is wanted any more."""
    no_bill_without_demand(run)
    jobs_ran(run)
    nothing_is_held_or_stopped(run)
    no_secret_is_told(run)
    spend_is_the_bill(run)
    outcomes_are_written(run)


def meant_before_done(run: Run, verbs: tuple[Verb, ...], named: dict[str, Any]) -> None:
    """Every mutating call had an intent of its own in the ledger, and on the disk, when it was made."""
    what = f"{'/'.join(verbs)} {named}"
    if run.belated:  # its caller is gone: the intent was looked at when the call left
        return
    if not run.witness.means(verbs, **named):
        run.say("intent before effect", f"{what} was not meant by any open intent")
    elif not run.witness.is_durable():
        run.say("intent before effect", f"{what} was meant, but not yet on the disk")


def one_site_for_a_burst(run: Run) -> None:
    """There is one site at most for a burst, and one for a pool."""
    pools = [plot.pool for plot in run.cloud.ours()]
    for pool in {pool for pool in pools if pools.count(pool) > 1}:
        names = ", ".join(plot.name for plot in run.cloud.ours() if plot.pool == pool)
        run.say("one site for a burst", f"{pool} has {names} at once")


def caps_hold(run: Run) -> None:
    """What is there never exceeds max_bursts, max_hosts and the caps in dollars."""
    ours = run.cloud.ours()
    hosts = sum(len(plot.hosts) for plot in ours)
    if len(ours) > run.policy.max_bursts:
        run.say("caps", f"{len(ours)} bursts, and max_bursts is {run.policy.max_bursts}")
    if hosts > run.policy.max_hosts:
        run.say("caps", f"{hosts} hosts, and max_hosts is {run.policy.max_hosts}")
    dollars, cap = run.cloud.bill.rate, run.policy.caps.dollars_per_hour
    if cap is not None and dollars > cap + 0.001:
        run.say("caps", f"${dollars:.2f} an hour, and dollars_per_hour is {cap}")
    caps_of_a_day_hold(run)


def caps_of_a_day_hold(run: Run) -> None:
    """What was billed, and what all that is there may still cost in its lifetime, is within the day's caps.

    No run lasts into another day. What one may still cost is due to every host that its record has.
    """
    cap = run.policy.caps.dollars_per_day
    if cap is None:
        return
    run.cloud.bill.turn(run.clock(), run.cloud.bill.rate)
    left = sum(_may_cost(run, plot) for plot in run.cloud.ours())
    if run.cloud.bill.spent + left > cap + run.down_seconds * run.top_rate / 3600 + 0.01:
        run.say("caps", f"${run.cloud.bill.spent:.2f} and ${left:.2f} to come, and dollars_per_day is {cap}")


def names_are_used_once(run: Run) -> None:
    """No name of a site is ever used again."""
    for name in {name for name in run.cloud.made if run.cloud.made.count(name) > 1}:
        run.say("names are used once", f"{name} was made {run.cloud.made.count(name)} times")


def nothing_foreign_is_touched(run: Run) -> None:
    """What does not bear burstd's labels is as it was."""
    for plot in run.foreign:
        if plot.touched or plot not in run.cloud.plots or len(plot.hosts) != 1:
            run.say("nothing foreign is touched", f"{plot.name} of {plot.owner or 'nobody'} was changed")


def drained_before_removed(run: Run, host: str) -> None:
    """A host that burstd takes away is drained and has no job, or the burst's record says why not."""
    if run.belated:  # what was drained when the call left, nobody can keep so until it lands
        return
    seen = run.lead.host(host)
    if seen.drain_reason is not None and not seen.jobs:
        return
    if any(
        _has_reason(run, plot.pool, plot.generation)
        for plot in run.cloud.ours()
        if host in _hosts(run, plot.pool)
    ):
        return
    what = f"has job {seen.jobs}" if seen.jobs else "is not drained"
    run.say("drained before removed", f"{host} {what} when it is taken away, and no record says why")


def gone_when_not_seen_twice(run: Run, burst: Burst) -> None:
    """A burst is gone only after two complete listings that do not show it, since it was last changed."""
    seen = run.absences.get((burst.pool, burst.generation))
    if seen is not None and seen < 2:
        run.say("gone means verified", f"{burst.name} counts as gone after {seen} complete listings")


def no_bill_without_demand(run: Run) -> None:
    """Where nothing is wanted nothing is there, and nothing is paid."""
    for plot in run.cloud.ours():
        run.say("no bill without demand", f"{plot.name} is left, with {len(plot.hosts)} hosts")
    for burst in run.life.real.bursts():
        run.say("no bill without demand", f"the ledger still has {burst.name}, {burst.phase}")


def jobs_ran(run: Run) -> None:
    """What was wanted ran, once, and to its end."""
    late = run.case.boundary is not None and run.case.boundary.point is Point.LATE
    may_lose = late or (run.fault is not None and (run.fault.loses or run.fault.late))
    for work in run.lead.works.values():
        fine = {"done", "cancelled"} | ({"lost its host"} if may_lose else set())
        if work.ended not in fine:
            how = work.ended or f"{work.job.state}, told {work.job.told!r}"
            run.say("liveness", f"job {work.job.name} did not run to its end: {how}")
        if work.starts > 1:
            run.say("liveness", f"job {work.job.name} ran {work.starts} times")


def nothing_is_held_or_stopped(run: Run) -> None:
    """No hold or drain of burstd's is left without a live reason; a pool's queue is stopped without hosts."""
    for work in run.lead.works.values():
        if work.mark is not None and not work.ended:
            run.say("nothing is held", f"job {work.job.name} is still marked as held")
    for machine in run.lead.machines.values():
        if (machine.host.drain_reason or "").startswith(drain_mark(OWNER)):
            run.say("nothing is held", f"{machine.host.name} is still drained: {machine.host.drain_reason}")
    for queue in run.lead.sched.queues.values():
        if queue.name == "batch" and not queue.started:
            run.say("nothing is held", f"queue {queue.name} is stopped: {queue.stop_reason}")
        if run.policy.pool(queue.name) is not None and queue.started:
            run.say("nothing is held", f"queue {queue.name} schedules, and no host of it is there")


def spend_is_the_bill(run: Run) -> None:
    """Where the ledger was kept and the cloud did as it was told, its spend is the bill within 1 %.

    While burstd is down it cannot know that what it ended goes on, or what it began has not begun: what is
    billed in that time is allowed for.
    """
    if run.fault is not None or run.ledger_lost or run.interfered:
        return
    ledger = run.life.real
    spent = total((*ledger.past(0.0), *ledger.bursts()), run.clock())
    run.cloud.bill.turn(run.clock(), run.cloud.bill.rate)
    billed = run.cloud.bill.spent
    allowed = 0.01 * billed + run.down_seconds * run.top_rate / 3600
    if abs(spent - billed) > allowed:
        run.say("spend is the bill", f"the ledger says ${spent:.4f}, the bill ${billed:.4f}")


def outcomes_are_written(run: Run) -> None:
    """Every intent has its outcome, but those that burstd died with."""
    for intent in run.life.real.open_intents():
        if intent.id not in run.unanswered and not run.case.takeover:
            run.say("outcomes are written", f"{intent.action.verb} of {intent.action.key} has none")


def fenced_does_nothing(run: Run, verbs: tuple[Verb, ...], named: dict[str, Any]) -> None:
    """A burstd that was paused, and whose turn another has taken, makes no call when it goes on."""
    run.say("a fenced daemon does nothing", f"it made a call: {'/'.join(verbs)} {named}")


def no_secret_is_told(run: Run) -> None:
    """No secret stands in the ledger or in what burstd says."""
    secret = run.secret
    if any(secret in line for line in run.log):
        run.say("secrets", "the log has a secret")
    if any(secret.encode() in run.file(part) for part in ("", "-wal")):
        run.say("secrets", "the ledger has a secret")


def _may_cost(run: Run, plot: Plot) -> float:
    """Return the dollars that a site may cost from now on until it must be gone."""
    pool = run.policy.pool(plot.pool)
    lifetime = pool.max_lifetime_seconds if pool is not None and pool.max_lifetime_seconds else 0.0
    left = max(plot.created + lifetime - run.clock(), 0.0)
    return (CLUSTER_PER_HOUR + HOST_PER_HOUR * plot.size) * left / 3600


def _has_reason(run: Run, pool: str, generation: int) -> bool:
    record = run.witness.record(pool, generation)
    return bool(record.get("failure")) or record.get("why", "") not in ("", "idle")


def _hosts(run: Run, pool: str) -> tuple[str, ...]:
    found = run.policy.pool(pool)
    return found.hosts if found else ()
