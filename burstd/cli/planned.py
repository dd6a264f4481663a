"""How `burstd plan` shows a plan: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from burstd.core.hosts import format_idset
from burstd.core.jobid import f58
from burstd.core.model import Action, Burst, Plan, Policy, Snapshot, Verb


def as_text(snapshot: Snapshot, policy: Policy, plan: Plan) -> str:
    """Return the plan as one JSON document."""
    return json.dumps(_document(snapshot, policy, plan), indent=2, default=_plain, ensure_ascii=False)


def as_table(snapshot: Snapshot, policy: Policy, plan: Plan) -> None:
    """Print the plan: what would be done, and why jobs still wait."""
    from rich.console import Console

    console = Console(soft_wrap=True)
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
        table.add_row(*map(Text, row))
    return table


def _pool_lines(snapshot: Snapshot, policy: Policy) -> Iterator[str]:
    online = {host.rank for host in snapshot.hosts if host.online}
    for pool in policy.pools:
        bursts = ", ".join(
            f"{burst.name} {burst.phase}" for burst in snapshot.bursts if burst.pool == pool.name
        )
        up = len(online.intersection(pool.ranks))
        yield f"Pool {pool.name} ({pool.provider}): {up} of {pool.size} hosts online; {bursts or 'no burst'}."


def _action_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """One row for each effect, and for each record without one; what jobs are told stands below it all."""
    acted = {f"{action.pool}-g{action.generation}" for action in plan.actions}
    bursts = {burst.name: burst for burst in plan.bursts}
    for burst in plan.bursts:
        if burst.name not in acted:
            yield f"record as {burst.phase}", f"{burst.name}, {burst.size} hosts", _why(burst, plan)
    for action in plan.actions:
        if action.verb is not Verb.TELL:
            made_for = bursts.get(f"{action.pool}-g{action.generation}")
            yield action.verb, _target(action), action.text or (_why(made_for, plan) if made_for else "")
    told = [f58(action.job) for action in plan.actions if action.verb is Verb.TELL]
    if told:
        yield Verb.TELL, f"job {', '.join(told)}", "why it waits, in its memo"


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
        "wake_at": plan.wake_at,
        "sentences": list(plan.sentences),
    }


def _plain(value: object) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
