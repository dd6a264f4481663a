"""How `burstd plan` shows a plan: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from burstd.cli import terminal
from burstd.core.allowance import obstacle
from burstd.core.hosts import format_idset
from burstd.core.jobid import f58
from burstd.core.model import Action, Burst, Plan, Policy, Snapshot, Verb
from burstd.core.text import printable


def as_text(snapshot: Snapshot, policy: Policy, plan: Plan) -> str:
    """Return the plan as one JSON document."""
    return json.dumps(_document(snapshot, policy, plan), indent=2, default=_plain, ensure_ascii=False)


def as_table(snapshot: Snapshot, policy: Policy, plan: Plan) -> None:
    """Print the plan: what would be done, and why jobs still wait."""
    console = terminal.console()
    for line in _pool_lines(snapshot, policy):
        console.print(line, markup=False, highlight=False)
    rows = list(_action_rows(plan))
    if rows:
        console.print(_table("Would be done now", ("what", "on", "why"), rows))
    else:
        console.print("Nothing would be done now.")
    if plan.reasons:
        waiting = [(f58(job), reason.code, reason.sentence) for job, reason in plan.reasons]
        console.print(_table("Burstable jobs that wait", ("job", "reason", "in words"), waiting))


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    return table


def _pool_lines(snapshot: Snapshot, policy: Policy) -> Iterator[str]:
    online = {host.rank for host in snapshot.hosts if host.online}
    for pool in policy.pools:
        bursts = ", ".join(
            f"{burst.name} {burst.phase}" for burst in snapshot.bursts if burst.pool == pool.name
        )
        up = len(online.intersection(pool.ranks))
        yield f"Pool {pool.name} ({pool.provider}): {up} of {pool.size} hosts online; {bursts or 'no burst'}."
        found = obstacle(pool, snapshot, policy, snapshot.started)
        if found is not None:
            yield f"  {found}"
    for order in snapshot.by_hand.ups:
        left = max(order.until - snapshot.started, 0.0)
        yield f"Ordered by hand: {order.hosts or 'all'} hosts of {order.pool} up, for {left:.0f} s more."


def _action_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """One row for each effect, and for each record without one; what jobs are told stands below it all."""
    acted = {f"{action.pool}-g{action.generation}" for action in plan.actions if action.pool}
    bursts = {burst.name: burst for burst in plan.bursts}
    for burst in plan.bursts:
        if burst.name not in acted:
            yield f"record as {burst.phase}", f"{burst.name}, {burst.size} hosts", _why(burst, plan)
    for action in plan.actions:
        if action.verb not in _STEERING:
            made_for = bursts.get(f"{action.pool}-g{action.generation}")
            yield action.verb, _target(action), action.text or (_why(made_for, plan) if made_for else "")
    for verb, (words, why) in _STEERING.items():
        targets = [_steered(action) for action in plan.actions if action.verb is verb]
        if targets:
            kind = "queue" if verb in _OF_QUEUES else "job"
            yield words, f"{kind} {', '.join(targets)}", why


_STEERING = {
    Verb.OPEN: ("start", "jobs of it may run now"),
    Verb.CLOSE: ("stop", "no host of its pool is up"),
    Verb.PULSE: ("start for a moment", "for the jobs whose hosts are up; others in it would be refused"),
    Verb.MOVE: ("move", "to get all its hosts from one pool"),
    Verb.HOLD: ("hold", "its hosts are not up: it would be refused, or be in the way of others"),
    Verb.UNHOLD: ("release", "nothing is left to hold it for"),
    Verb.NUDGE: ("nudge", "hosts that fit it are free, and Flux has not looked at it again"),
    Verb.TELL: ("tell", "why it waits, in its memo"),
    Verb.RAISE: ("raise an exception on", "no burst will ever serve it as it is"),
}
"""Effects on Flux, in the order in which they are shown: each in plain words, and why there is one."""

_OF_QUEUES = (Verb.OPEN, Verb.CLOSE, Verb.PULSE)


def _steered(action: Action) -> str:
    if action.verb is Verb.PULSE:
        return f"{action.queue} for job {', '.join(map(f58, action.jobs))}"
    if action.verb is Verb.MOVE:
        return f"{f58(action.job)} to queue {action.queue}"
    return action.queue if action.verb in _OF_QUEUES else f58(action.job)


def _why(burst: Burst, plan: Plan) -> str:
    jobs = [f58(job) for job, reason in plan.reasons if reason.detail == burst.name]
    return burst.why or (f"for job {', '.join(jobs)}" if jobs else "")


def _target(action: Action) -> str:
    name = f"{action.pool}-g{action.generation}" if action.pool else ""
    ranks = f"ranks {format_idset(action.ranks)}" if action.ranks else ""
    size = f"{action.size} hosts" if action.size else ""
    return ", ".join(filter(None, (name, size, ranks))) or action.key


def _document(snapshot: Snapshot, policy: Policy, plan: Plan) -> dict[str, Any]:
    return {
        "owner": policy.owner,
        "pools": [asdict(pool) for pool in policy.pools],
        "bursts": [asdict(burst) for burst in snapshot.bursts],
        "actions": [asdict(action) for action in plan.actions],
        "records": [asdict(burst) for burst in plan.bursts],
        "waiting": [
            {"job": job, "id": f58(job), "reason": reason.code, "sentence": reason.sentence}
            for job, reason in plan.reasons
        ],
        "by_hand": asdict(snapshot.by_hand),
        "cooldowns": [asdict(one) for one in snapshot.cooldowns],
        "wake_at": plan.wake_at,
        "sentences": list(plan.sentences),
    }


def _plain(value: object) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
