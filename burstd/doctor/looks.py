"""All that is looked at, in order, and what each check needs: one that failed hides no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from burstd.config import PoolConfig
from burstd.core.findings import Check, Finding, State, guarded, not_checked, of
from burstd.doctor import bursts, leadchecks, providerchecks
from burstd.doctor.scene import Scene

Told = Callable[[str], AbstractContextManager[object]]
"""Is entered with the name of what is looked at, for as long as that takes."""


@dataclass(frozen=True, slots=True)
class Look:
    """One check of the lead: what it is called, what makes it, which others it cannot do without."""

    check: Check
    run: Callable[[Scene], Iterator[Finding]]
    needs: tuple[Check, ...] = ()


LOOKS = (
    Look(Check.STATE_DIR, leadchecks.state_directory),
    Look(Check.DAEMON, leadchecks.daemon),
    Look(Check.LEAD, leadchecks.lead),
    Look(Check.RANK, leadchecks.rank, (Check.LEAD,)),
    Look(Check.STATEDIR, leadchecks.statedir, (Check.LEAD,)),
    Look(Check.QUORUM, leadchecks.quorum, (Check.LEAD,)),
    Look(Check.HOSTS, leadchecks.hosts, (Check.LEAD,)),
    Look(Check.SCHEDULER, leadchecks.scheduler, (Check.LEAD,)),
    Look(Check.QUEUES, leadchecks.queues, (Check.LEAD, Check.HOSTS)),
    Look(Check.CLOCK, leadchecks.clock),
    Look(Check.CERTIFICATE, leadchecks.certificate),
    Look(Check.HANDSHAKE, leadchecks.handshake, (Check.CERTIFICATE,)),
)


class _Seen:
    """What was found so far: checks that failed, or were not made, and what failed, in words."""

    def __init__(self) -> None:
        self.failed: set[str] = set()
        self.missing: set[str] = set()
        self.failures: list[str] = []

    def noting(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Pass findings on and remember them."""
        for finding in findings:
            if finding.state in (State.FAILED, State.NOT_CHECKED):
                self.missing.add(finding.check)
            if finding.state is State.FAILED:
                self.failed.add(finding.check)
                self.failures.append(finding.sentence)
            yield finding


def examine(scene: Scene, told: Told = lambda _: nullcontext(), *, burst: bool = False) -> Iterator[Finding]:
    """Yield what each check finds; `burst`: also why hosts of the pools' bursts are not in.

    Raises ConfigError where a provider cannot be made with its options.
    """
    assert scene.made, "each pool has its provider"
    seen = _Seen()
    for look in LOOKS:
        with told(look.check):
            yield from seen.noting(_of_lead(scene, look, seen))
    for pool in scene.pools:
        yield from _of_pool(scene, pool, told, seen, burst=burst)


def _of_lead(scene: Scene, look: Look, seen: _Seen) -> Iterator[Finding]:
    needs = (*look.needs, *_further_needs(scene, look.check))
    lacking = next((need for need in needs if need in seen.missing), None)
    if lacking is not None:
        yield not_checked(look.check, _builds_on(lacking))
    else:
        yield from guarded(look.check, look.run(scene))


def _further_needs(scene: Scene, check: Check) -> tuple[Check, ...]:
    """Where the certificate and the address are the lead's to tell, it must be there to do so."""
    lead = scene.config.lead
    asked = {Check.CERTIFICATE: not lead.curve_cert, Check.HANDSHAKE: not (lead.host and lead.port)}
    return (Check.LEAD,) if asked.get(check) else ()


def _of_pool(scene: Scene, pool: PoolConfig, told: Told, seen: _Seen, *, burst: bool) -> Iterator[Finding]:
    own = _Seen()
    with told(f"what pool {pool.name} needs"):
        needed = providerchecks.diagnosed(scene, pool)
        yield from own.noting(guarded(Check.CREDENTIALS, needed, pool.name))
    with told(f"options of pool {pool.name}"):
        if Check.HOSTS in seen.missing:
            yield of(pool.name, not_checked(Check.OPTIONS, _builds_on(Check.HOSTS)))
        else:
            checked = providerchecks.options(scene, pool, (*seen.failures, *own.failures))
            yield from guarded(Check.OPTIONS, checked, pool.name)
    if burst and Check.CREDENTIALS in own.failed:
        for check in (Check.BURST, Check.JOIN):
            yield of(pool.name, not_checked(check, _builds_on(Check.CREDENTIALS)))
    elif burst:
        with told(f"the burst of pool {pool.name}"):
            yield from guarded(Check.BURST, bursts.burst(scene, pool), pool.name)
            yield from guarded(Check.JOIN, bursts.join(scene, pool), pool.name)


def _builds_on(need: Check) -> str:
    return f"it builds on {need}, which is not well"
