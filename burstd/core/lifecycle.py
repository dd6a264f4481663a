"""The life of one burst: what its phase becomes from what is seen, and which effect is due.

`settle` changes the record only, `due` names an effect only. Both are level-triggered: they read
what is so now, never what just happened, so a restart is just another call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from burstd.core.model import (
    Action,
    Burst,
    Failure,
    Host,
    Outcome,
    Phase,
    Pool,
    Verb,
)
from burstd.core.patience import patience, too_late
from burstd.core.scene import Scene

SIGHT_SECONDS = 2.0
"""How long a drain may take to show in the lead's view before it is asked for again."""

REMOVE_AGAIN_SECONDS = 5.0
"""Between two removals of a site that a listing still shows."""

NEVER_AGAIN_SECONDS = 300.0
"""Between two removals that the provider refused for good: a site that may cost is never given up."""

HEAL_SECONDS = 10.0
"""Between two attempts to bring the missing brokers of a burst back."""

UNSEEN = 2
"""Complete listings in a row without the site, before it counts as gone."""

RISING = (Phase.PLANNED, Phase.PROVISIONING, Phase.LAUNCHING, Phase.JOINING)


def settle(burst: Burst, scene: Scene) -> Burst:
    """Return the record as it is after what was seen: its phase, its size, its failure."""
    if burst.phase is Phase.RELEASING:
        return _settle_releasing(burst, scene)
    if scene.pool is None:
        return _enter(burst, Phase.RELEASING, scene.now, why="its pool is no longer declared")
    burst = _settle_order(burst, scene)
    if burst.phase in RISING:
        burst = _settle_rising(burst, scene, scene.pool)
    burst = _note_reclaimed(burst)
    if burst.phase is Phase.SERVING:
        burst = _settle_serving(burst, scene, scene.pool)
    if burst.phase is Phase.DRAINING:
        burst = _settle_draining(burst, scene, scene.pool)
    return burst


def deadlines(burst: Burst, pool: Pool | None) -> tuple[float, ...]:
    """Return the times at which the record would settle differently with nothing else seen."""
    if pool is None:
        return ()
    times = [burst.since + patience(burst.phase, pool)] if burst.phase in RISING else []
    if burst.phase is Phase.SERVING:
        times.append(max(burst.since, burst.resized) + pool.join_seconds)
    if burst.phase is Phase.DRAINING and _hurried(burst):
        times.append(burst.since + pool.drain_seconds)
    if pool.max_lifetime_seconds is not None and burst.phase in (*RISING, Phase.SERVING):
        times.append(_lifetime_end(burst, pool))
    return tuple(times)


def due(burst: Burst, scene: Scene) -> Action | None:
    """Return the effect the record asks for now, None if it only waits."""
    match burst.phase:
        case Phase.PLANNED | Phase.PROVISIONING:
            return _unless_done(burst, Verb.PROVISION)
        case Phase.LAUNCHING:
            return _unless_done(burst, Verb.LAUNCH)
        case Phase.JOINING if _incomplete(burst, scene) and _rested(burst, scene.now):
            return _action(burst, Verb.LAUNCH, size=burst.size)
        case Phase.SERVING:
            going = (host for host in scene.hosts if reclaimed(burst, host.name))
            return _due_drain(burst, going, scene, RECLAIMED) or _due_serving(burst, scene)
        case Phase.DRAINING:
            return _due_drain(burst, scene.hosts, scene, burst.why or IDLE)
        case Phase.RELEASING:
            return _due_remove(burst, scene)
    return None


def retry_at(burst: Burst) -> float | None:
    """Return when an effect that failed, or did not last, is due again."""
    if burst.outcome is None or burst.phase in (Phase.PLANNED, Phase.PROVISIONING, Phase.LAUNCHING):
        return None
    healing = HEAL_SECONDS if burst.phase in (Phase.JOINING, Phase.SERVING) else 0.0
    return burst.outcome.at + max(_pause(burst.outcome), healing)


def begun(burst: Burst, action: Action, now: float) -> Burst:
    """Return the record once the action's intent is durable."""
    if action.verb is Verb.PROVISION and burst.phase is Phase.PLANNED:
        return replace(burst, phase=Phase.PROVISIONING, since=now)
    return burst


def ended(burst: Burst, outcome: Outcome) -> Burst:
    """Return the record once an effect on it ended: what listings said before is stale."""
    site = None if outcome.verb is Verb.REMOVE and outcome.failure is None else burst.site
    return replace(burst, outcome=outcome, absences=0, site=site)


def grown(burst: Burst, size: int, userid: int, now: float) -> Burst:
    """Return the record with so many hosts at least, the new ones for a user; one that drains turns back."""
    more = max(size - burst.size, 0)
    payers = (*burst.payers, (userid, more)) if more else burst.payers
    burst = replace(burst, size=max(size, burst.size), payers=payers)
    if burst.phase is Phase.PLANNED:
        return burst
    since = now if burst.phase is Phase.DRAINING else burst.since
    return replace(burst, phase=Phase.SERVING, since=since, keep=None, why="", resized=now)


def reclaimed(burst: Burst, host: str) -> bool:
    """Say whether the cloud takes back the machine of one of the burst's hosts."""
    return burst.site is not None and host in burst.site.reclaimed


def departing(burst: Burst, pool: Pool) -> Iterator[int]:
    """Yield the ranks of a burst whose drain is meant: those taken away, and those that the cloud takes."""
    for index, rank in enumerate(pool.ranks):
        if leaving(burst, index) or reclaimed(burst, pool.hosts[index]):
            yield rank


def leaving(burst: Burst, index: int) -> bool:
    """Say whether the pool's host at `index` is being taken away, so that its drain is meant."""
    if burst.phase in (Phase.DRAINING, Phase.RELEASING):
        return index < burst.size
    return burst.keep is not None and burst.keep <= index < burst.size


def _note_reclaimed(burst: Burst) -> Burst:
    """Keep which hosts the cloud took back, for the report of what the burst cost."""
    names = burst.site.reclaimed if burst.site is not None else ()
    new = tuple(name for name in names if name not in burst.reclaimed)
    return replace(burst, reclaimed=(*burst.reclaimed, *new)) if new else burst


def _settle_order(burst: Burst, scene: Scene) -> Burst:
    """What was taken down by hand goes, also while it is made; by force without waiting for its jobs."""
    if scene.closed is not None and scene.closed.force:
        return _enter(burst, Phase.RELEASING, scene.now, why=FORCED)
    ordered = BY_HAND if scene.closed is not None else LEAVING if scene.leaving else ""
    if not ordered or (burst.phase is Phase.DRAINING and burst.why != IDLE):
        return burst
    return replace(_enter(burst, Phase.DRAINING, scene.now, why=ordered), keep=None)


def _settle_rising(burst: Burst, scene: Scene, pool: Pool) -> Burst:
    if burst.outcome is not None and burst.outcome.failure is not None:
        return _fail(burst, burst.outcome.failure, scene)
    if burst.site is not None and burst.site.failure is not None:
        return _fail(burst, burst.site.failure, scene)
    burst = _advance(burst, scene)
    if burst.phase is Phase.LAUNCHING and _done(burst, Verb.LAUNCH) and burst.absences >= UNSEEN:
        return _vanish(burst, scene)
    if burst.phase is Phase.JOINING:
        burst = _settle_joining(burst, scene)
    if scene.now >= _lifetime_end(burst, pool) and burst.phase in RISING:
        return _fail(burst, Failure("its lifetime ended before it served", pool.cooldown_seconds), scene)
    if burst.phase in RISING and scene.now >= burst.since + patience(burst.phase, pool):
        return _fail(burst, Failure(_misfit(scene) or too_late(burst, pool), pool.cooldown_seconds), scene)
    return burst


def _advance(burst: Burst, scene: Scene) -> Burst:
    done = burst.outcome.verb if burst.outcome else None
    if burst.phase in (Phase.PLANNED, Phase.PROVISIONING) and done is Verb.PROVISION:
        return _enter(burst, Phase.LAUNCHING, scene.now)
    if burst.phase is Phase.LAUNCHING and done is Verb.LAUNCH and _launched(burst, scene):
        return _enter(burst, Phase.JOINING, scene.now)
    return burst


def _launched(burst: Burst, scene: Scene) -> bool:
    """Say whether every host runs; when time is up, those that joined by then are enough to go on with."""
    online = [host.online for host in scene.hosts]
    if burst.site is not None and not burst.site.pending:
        return True
    late = scene.pool is not None and scene.now >= burst.since + scene.pool.launch_seconds
    return any(online) if late else bool(online) and all(online)


def _settle_joining(burst: Burst, scene: Scene) -> Burst:
    misfit = _misfit(scene)
    if misfit is not None and all(scene.foreign(host) for host in scene.hosts):
        return _fail(burst, Failure(misfit), scene)
    if any(host.online and not scene.foreign(host) for host in scene.hosts):
        came = scene.now if burst.came is None else burst.came
        return replace(_enter(burst, Phase.SERVING, scene.now), served=True, came=came)
    return _vanish(burst, scene) if burst.absences >= UNSEEN else burst


def _misfit(scene: Scene) -> str | None:
    """Return why a host that joined cannot be used, in the words of whoever drained it."""
    host = next((host for host in scene.hosts if host.online and scene.foreign(host)), None)
    return f"{host.name} is drained: {host.drain_reason}" if host else None


def _settle_serving(burst: Burst, scene: Scene, pool: Pool) -> Burst:
    if not any(host.online for host in scene.hosts) and burst.absences >= UNSEEN:
        return _vanish(burst, scene)
    if scene.now >= _lifetime_end(burst, pool):
        return _enter(burst, Phase.DRAINING, scene.now, why="its lifetime is over")
    if burst.keep is not None and burst.outcome is not None and _shrunk(burst, burst.keep, scene):
        return replace(burst, size=burst.keep, keep=None, resized=burst.outcome.at)
    return burst


def _settle_draining(burst: Burst, scene: Scene, pool: Pool) -> Burst:
    if all(_empty(host, burst) for host in scene.hosts):
        return _enter(burst, Phase.RELEASING, scene.now)
    if _hurried(burst) and scene.now >= burst.since + pool.drain_seconds:
        why = f"{burst.why}; its jobs did not end within {pool.drain_seconds:g} s"
        return _enter(burst, Phase.RELEASING, scene.now, why=why)
    return burst


def _settle_releasing(burst: Burst, scene: Scene) -> Burst:
    removed = _done(burst, Verb.REMOVE) and burst.absences >= UNSEEN
    offline = not any(host.online for host in scene.hosts)
    return _enter(burst, Phase.GONE, scene.now) if removed and offline else burst


def _due_serving(burst: Burst, scene: Scene) -> Action | None:
    return _due_grow(burst, scene) if burst.keep is None else _due_shrink(burst, burst.keep, scene)


def _due_grow(burst: Burst, scene: Scene) -> Action | None:
    if _incomplete(burst, scene) and _rested(burst, scene.now):
        return _action(burst, Verb.RESIZE, size=burst.size)
    asked = burst.outcome is not None and burst.outcome.verb is Verb.RESIZE
    if burst.resized <= burst.created or (asked and _fresh(burst) and not _again(burst, scene.now)):
        return None
    return _action(burst, Verb.RESIZE, size=burst.size)


def _incomplete(burst: Burst, scene: Scene) -> bool:
    """Say whether a listing shows the site without some of its hosts: brokers ended, or left a lead."""
    wanted = set(scene.pool.hosts[: burst.size]) if scene.pool else set()
    return burst.site is not None and not wanted <= set(burst.site.hosts)


def _rested(burst: Burst, now: float) -> bool:
    return burst.outcome is None or now >= burst.outcome.at + HEAL_SECONDS


def _due_shrink(burst: Burst, keep: int, scene: Scene) -> Action | None:
    going = scene.hosts[keep:]
    if not all(_empty(host, burst) for host in going):
        return _due_drain(burst, going, scene, burst.why or IDLE)
    if burst.outcome is not None and burst.outcome.verb is Verb.RESIZE and _ended_since(burst):
        return _take_away(burst, Verb.RESIZE, scene, keep) if _again(burst, scene.now) else None
    return _take_away(burst, Verb.RESIZE, scene, keep)


def _due_drain(burst: Burst, hosts: Iterable[Host], scene: Scene, why: str) -> Action | None:
    open_to_jobs = (host for host in hosts if host.drain_reason is None and _may_run(host, burst))
    ranks = tuple(host.rank for host in open_to_jobs)
    just_asked = burst.outcome is not None and burst.outcome.verb is Verb.DRAIN
    if not ranks or (just_asked and not _again(burst, scene.now)):
        return None
    text = f"{scene.mark}{burst.name}: {why}"
    return _action(burst, Verb.DRAIN, ranks=ranks, text=text)


def _due_remove(burst: Burst, scene: Scene) -> Action | None:
    if burst.outcome is None or burst.outcome.verb is not Verb.REMOVE:
        return _take_away(burst, Verb.REMOVE, scene)
    lasting = burst.outcome.failure is None and burst.site is None
    return None if lasting or not _again(burst, scene.now) else _take_away(burst, Verb.REMOVE, scene)


def _take_away(burst: Burst, verb: Verb, scene: Scene, keep: int = 0) -> Action:
    """Hosts that go because they are idle name their ranks, so that these are looked at once more before."""
    ranks = tuple(host.rank for host in scene.hosts[keep:]) if burst.why == IDLE else ()
    return _action(burst, verb, size=keep, ranks=ranks)


def _unless_done(burst: Burst, verb: Verb) -> Action | None:
    return None if _done(burst, verb) else _action(burst, verb, size=burst.size)


def _action(
    burst: Burst, verb: Verb, *, size: int = 0, ranks: tuple[int, ...] = (), text: str = ""
) -> Action:
    return Action(verb, burst.name, burst.pool, burst.generation, size or burst.size, ranks, text=text)


def _enter(burst: Burst, phase: Phase, now: float, *, why: str = "") -> Burst:
    burst = replace(burst, phase=phase, since=now, why=why or burst.why)
    return _unproven(burst) if phase is Phase.RELEASING else burst


def _unproven(burst: Burst) -> Burst:
    """What was seen before the release began proves nothing about its end."""
    return replace(burst, outcome=None, absences=0)


def _fail(burst: Burst, failure: Failure, scene: Scene) -> Burst:
    online = any(host.online for host in scene.hosts)
    phase = Phase.DRAINING if online else Phase.RELEASING
    return replace(_enter(burst, phase, scene.now, why=failure.text), failure=failure, keep=None)


def _vanish(burst: Burst, scene: Scene) -> Burst:
    """Brokers leave a lead that restarted: no fault of theirs. Else, that they ended is a failure."""
    if burst.created < scene.lead_since:
        return _enter(burst, Phase.RELEASING, scene.now, why="the lead restarted, and its brokers left")
    patience = scene.pool.cooldown_seconds if scene.pool else None
    return _fail(burst, Failure(f"the brokers of {burst.name} ended by themselves", patience), scene)


def _lifetime_end(burst: Burst, pool: Pool) -> float:
    """When draining must begin so that the site can be gone at the end of its lifetime."""
    if pool.max_lifetime_seconds is None:
        return float("inf")
    return burst.created + max(pool.max_lifetime_seconds - pool.drain_seconds, 0.0)


def _hurried(burst: Burst) -> bool:
    """Say whether draining has a deadline: a limit was reached or the burst failed; idle hosts have time."""
    return burst.failure is not None or burst.why != IDLE


def _empty(host: Host, burst: Burst) -> bool:
    """Say whether a host can be taken away without hurting a job."""
    return not host.jobs and (host.drain_reason is not None or not _may_run(host, burst))


def _may_run(host: Host, burst: Burst) -> bool:
    """Say whether a job may come to a host that is not drained: also to one that is to come back."""
    return host.online or burst.served


def _shrunk(burst: Burst, keep: int, scene: Scene) -> bool:
    resized = _done(burst, Verb.RESIZE) and _ended_since(burst)
    return resized and not any(host.online for host in scene.hosts[keep:])


def _done(burst: Burst, verb: Verb) -> bool:
    outcome = burst.outcome
    return outcome is not None and outcome.verb is verb and outcome.failure is None


def _ended_since(burst: Burst) -> bool:
    """Say whether the latest effect ended after the size was decided: at that very moment, another did."""
    return burst.outcome is not None and burst.outcome.at > burst.resized


def _fresh(burst: Burst) -> bool:
    return burst.outcome is not None and burst.outcome.at >= burst.resized


def _again(burst: Burst, now: float) -> bool:
    """Say whether enough time passed since the latest effect to ask again."""
    outcome = burst.outcome
    if outcome is None:
        return True
    if outcome.verb is Verb.RESIZE and outcome.failure is None:
        return False
    return now >= outcome.at + _pause(outcome)


def _pause(outcome: Outcome) -> float:
    if outcome.failure is not None:
        return NEVER_AGAIN_SECONDS if outcome.failure.retry_after is None else outcome.failure.retry_after
    return REMOVE_AGAIN_SECONDS if outcome.verb is Verb.REMOVE else SIGHT_SECONDS


BY_HAND = "it was taken down by hand"
FORCED = "it was taken down by hand, and its jobs were not to be waited for"
LEAVING = "burstd is stopped, and takes everything down"
RECLAIMED = "the cloud takes its machine back"

IDLE = "idle"
"""The `why` of a burst that is taken away because nobody needs it; it can be turned back."""
