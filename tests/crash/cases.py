"""Which runs there are: counted out from a clean run of each script, so that a new effect has its cases at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from burstd.core.model import Verb
from crash.fate import Case
from crash.faults import FAULTS, Fault
from crash.points import Boundary, Occurrence, Point
from crash.run import Run
from crash.scripts import SCRIPTS

MEMORY = "memory"

ALIKE = {Verb.TELL: 3, Verb.RESIZE: 6, Verb.RENEW: 2}
"""Of these only the first so many are looked at in a run: the others are done in the same way."""

RECOVERY_STEPS = 8
"""At how many steps of a recovery burstd dies again."""

RECOVERED = ("short", "queues", "moments")
"""Scripts whose recoveries are broken off, too."""


@cache
def clean(script: str, provider: str = MEMORY) -> tuple[Boundary, ...]:
    """Return the crash points that a run passes in which nothing goes wrong, in order."""
    run = Run(Case(script, provider)).go()
    assert not run.violations, run.violations
    wrote = {one.occurrence for one in run.fate.passed if one.point is Point.WRITTEN_PRESENT}
    return tuple(one for one in run.fate.passed if _counts(one) and (_is_effect(one) or one.occurrence in wrote))


def effects(script: str, provider: str = MEMORY) -> tuple[Occurrence, ...]:
    """Return the effects of a clean run, in order."""
    found = (one.occurrence for one in clean(script, provider) if one.point is Point.UNMEANT)
    return tuple(found)


def single(script: str, provider: str = MEMORY) -> Iterator[Case]:
    """T1: burstd dies once."""
    for boundary in clean(script, provider):
        yield Case(script, provider, boundary)


def recovering(script: str, provider: str = MEMORY) -> Iterator[Case]:
    """T2: burstd dies again while it recovers, at each of the first steps."""
    for boundary in clean(script, provider):
        for step in range(1, RECOVERY_STEPS + 1):
            yield Case(script, provider, boundary, recovery=step)


def faulty(script: str, provider: str = MEMORY) -> Iterator[Case]:
    """T3: a fault at a call."""
    for occurrence in effects(script, provider):
        for fault in FAULTS:
            if fits(fault, occurrence, provider):
                yield Case(script, provider, fault=fault.name, struck=occurrence)


def both(script: str, provider: str = MEMORY) -> Iterator[Case]:
    """T4: a fault at a call, and burstd dies before it knows how the call ended, or has written that."""
    for case in faulty(script, provider):
        for point in (Point.UNANSWERED, Point.UNRECORDED):
            assert case.struck is not None
            boundary = Boundary(case.struck, point)
            yield Case(script, provider, boundary, case.fault, case.struck)


def tiers(provider: str = MEMORY) -> dict[str, list[Case]]:
    """Return every case of a provider by its tier."""
    scripts = tuple(SCRIPTS)
    return {
        "T1 one crash": [case for name in scripts for case in single(name, provider)],
        "T2 a crash in the recovery": [case for name in RECOVERED for case in recovering(name, provider)],
        "T3 a fault": [case for name in scripts for case in faulty(name, provider)],
        "T4 a crash and a fault": [case for name in scripts for case in both(name, provider)],
    }


def fits(fault: Fault, occurrence: Occurrence, provider: str) -> bool:
    return occurrence.what in fault.verbs and (provider == MEMORY or not fault.memory)


def _counts(one: Boundary) -> bool:
    verb = one.occurrence.what
    return not _is_effect(one) or one.occurrence.number <= ALIKE.get(Verb(verb), 99)


def _is_effect(one: Boundary) -> bool:
    return one.occurrence.what in set(Verb)
