"""The checks of each pool's provider: what it can tell itself, and its own check of the configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from burstd.config import PoolConfig
from burstd.core.errors import Problem
from burstd.core.findings import Check, Finding, failed, not_checked, of, ok
from burstd.doctor.scene import Scene
from burstd.plugins.contract import Diagnoses


def diagnosed(scene: Scene, pool: PoolConfig) -> Iterator[Finding]:
    """Have a pool's provider look at what it needs, also where the lead is not there to ask."""
    provider = scene.made[pool.name]
    if isinstance(provider, Diagnoses):
        for finding in provider.diagnose(*scene.papers(pool)):
            yield of(pool.name, finding)
    else:
        what = f"provider {pool.provider} has no checks of its own beside its options"
        yield of(pool.name, not_checked(Check.CREDENTIALS, what))


def options(scene: Scene, pool: PoolConfig, told: Collection[str] = ()) -> Iterator[Finding]:
    """Have a pool's provider check its options against the lead. What was `told` is not said again."""
    found = scene.resolved.policy.pool(pool.name)
    assert found is not None, "every pool that is configured was resolved"
    problems = scene.made[pool.name].check(found, scene.resolved.join)
    new = [one for one in problems if not any(one.what in text or text in one.what for text in told)]
    yield from (of(pool.name, _problem(one)) for one in new)
    if not problems:
        yield of(pool.name, ok(Check.OPTIONS, f"provider {pool.provider} takes them"))
    elif not new:
        yield of(pool.name, not_checked(Check.OPTIONS, "what is wrong is told above"))


def _problem(problem: Problem) -> Finding:
    what = f"{problem.path}: {problem.what}" if problem.path else problem.what
    return failed(Check.OPTIONS, what, problem.hint or "correct it in the configuration")
