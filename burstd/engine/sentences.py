"""What the daemon says, in the reader's words: one plain sentence for each thing."""

from __future__ import annotations

import shlex

from burstd.core.hosts import format_idset
from burstd.core.jobid import f58
from burstd.core.model import Action, Burst, Phase, Policy, Queue, Refusal, Verb
from burstd.core.placement import queue_of
from burstd.engine.observer import Seen


def started(action: Action) -> str:
    """Say what is being done, in the reader's words."""
    match action.verb:
        case Verb.PROVISION:
            return f"{action.key}: making its site"
        case Verb.LAUNCH:
            return f"{action.key}: starting its brokers ({action.size})"
        case Verb.RESIZE:
            return f"{action.key}: resizing its site to {action.size}"
        case Verb.REMOVE:
            return f"{action.key}: removing its site"
        case Verb.PREPARE:
            where = format_idset(action.ranks)
            return f"{action.pool}: making {len(action.directories)} directories of jobs on ranks {where}"
        case Verb.DRAIN:
            return f"{action.key}: draining ranks {format_idset(action.ranks)}"
        case Verb.UNDRAIN:
            return f"undraining ranks {format_idset(action.ranks)}: no burst is leaving them any more"
        case Verb.TELL:
            return f"telling job {f58(action.job)}: {action.text or 'nothing any more'}"
        case Verb.RAISE:
            return f"job {f58(action.job)}: raising what no burst will change: {action.text}"
        case Verb.HOLD:
            return f"job {f58(action.job)}: holding it, so that it is neither refused nor in the way"
        case Verb.UNHOLD:
            return f"job {f58(action.job)}: releasing it"
        case Verb.NUDGE:
            return f"job {f58(action.job)}: asking the scheduler to look at it again"
        case Verb.MOVE:
            return f"job {f58(action.job)}: moving it to queue {action.queue}"
        case Verb.OPEN:
            return f"queue {action.queue}: starting it"
        case Verb.CLOSE:
            return f"queue {action.queue}: stopping it, no host of its pool is up"
        case Verb.PULSE:
            jobs = ", ".join(map(f58, action.jobs))
            return f"queue {action.queue}: opening it for a moment, for {jobs}"
        case Verb.RENEW:
            return f"{action.pool}-g{action.generation}: renewing its lease"
        case Verb.CHECKPOINT:
            return f"writing down with the lead what was spent: {action.text}"


def refused(refusal: Refusal, policy: Policy, queues: tuple[Queue, ...]) -> str:
    pools = (pool for pool in policy.pools if refusal.wish.target in ("", pool.name, pool.provider))
    found = (queue_of(pool, queues) for pool in pools)
    queue = next((queue.name for queue in found if queue is not None), "")
    if not queue:
        advice = "the lead has no queue in which it could wait; `burstd render lead-toml` writes one"
    elif refusal.command:
        program, command, *rest = refusal.command
        again = shlex.join([program, command, f"--queue={queue}", *rest])
        advice = f"in the queue of its pool it waits instead: {again}"
    else:
        advice = f"in the queue of its pool it waits instead: submit its script again with --queue={queue}"
    return f"job {f58(refusal.job)} was refused by Flux ({refusal.note}); {advice}"


def adopted(burst: Burst) -> str:
    if burst.phase is Phase.RELEASING:
        return f"{burst.name}: {burst.why}; it is released"
    return f"{burst.name}: found running without a record of it; it is taken over with {burst.size} hosts"


def not_listed(seen: Seen) -> str:
    return f"pool {seen.pool}: its sites cannot be listed, burstd tries again: {seen.error}"


def old_address(burst: Burst, given: str, now: str) -> str:
    """Say that a burst's brokers were given an address at which the lead is no longer."""
    return (
        f"{burst.name}: its brokers were told to reach the lead at {given}, which is now at {now}; "
        "those that are connected stay, one that is started again cannot join"
    )
