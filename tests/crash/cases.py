"""Which runs there are: counted out from a clean run of each script, a new effect's among them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from burstd.core.model import Verb
from crash.fate import Case
from crash.faults import BY_NAME, FAULTS, ON_SITES, Fault
from crash.places import GKE, GKE_KEEPING, GKE_NODE_POOLS, KIND, KUBERNETES, LOCAL, MEMORY
from crash.points import WRITING, Boundary, Occurrence, Point
from crash.run import OWN_LEDGER, SAME_LEDGER, Run
from crash.scripts import SCRIPTS

ALIKE = {Verb.TELL: 3, Verb.RESIZE: 6, Verb.RENEW: 2}
"""Of these only the first so many are looked at in a run: the others are done in the same way."""

RECOVERY_STEPS = 7
"""At how many steps of a recovery burstd dies again."""

RECOVERED = ("short", "moments")
"""Scripts whose recoveries are broken off, too."""


PAUSES = (Point.UNMEANT, Point.MEANT_PRESENT, Point.UNSENT, Point.UNRECORDED, Point.UNACTED, Point.UNWRITTEN)
"""Where burstd is paused: a call that has left can be called back by nobody, so not within one."""

MET = (Point.LATE, Point.HALF, Point.HALF_ALONE, Point.UNANSWERED, Point.UNRECORDED, Point.LEDGER_LOST)
"""What leaves different things at a provider, or with burstd: enough where other runs look at all."""


class NotClean(Exception):
    """A run in which nothing went wrong violates an invariant; so would every other."""


@cache
def clean(script: str, provider: str = MEMORY) -> tuple[Boundary, ...]:
    """Return the crash points that a run passes in which nothing goes wrong, in order. Raises NotClean."""
    run = Run(Case(script, provider)).go()
    if run.violations:
        raise NotClean(run.violations)
    wrote = {one.occurrence for one in run.fate.passed if one.point is Point.WRITTEN_PRESENT}
    return tuple(
        one for one in run.fate.passed if _counts(one) and (_is_effect(one) or one.occurrence in wrote)
    )


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
    """T4: a fault at a call, and burstd dies before it knows how that ended or has written it."""
    for case in faulty(script, provider):
        for point in (Point.UNANSWERED, Point.UNRECORDED, Point.LEDGER_LOST):
            assert case.struck is not None
            if point is Point.LEDGER_LOST and BY_NAME[case.fault].lies:
                continue
            boundary = Boundary(case.struck, point)
            yield Case(script, provider, boundary, case.fault, case.struck)


def rivals(script: str, provider: str = MEMORY) -> Iterator[Case]:
    """T6: burstd is paused, another takes its turn, and then it goes on where it stood."""
    for boundary in clean(script, provider):
        if boundary.point in PAUSES and boundary.occurrence.what != "begin_epoch":
            for ledger in (SAME_LEDGER, OWN_LEDGER):
                yield Case(script, provider, boundary, takeover=ledger)


def on_place(provider: str) -> Iterator[Case]:
    """T1 on a real provider: around each effect on a site, and at each request within it."""
    for boundary in clean("short", provider):
        if boundary.occurrence.what.partition(" ")[0] in ON_SITES or boundary.point in WRITING:
            yield Case("short", provider, boundary)


def met_on_place(provider: str, script: str) -> Iterator[Case]:
    """T1 on a real provider, less closely: within and right after each call, and at each request."""
    for boundary in clean(script, provider):
        if boundary.occurrence.what.partition(" ")[0] in ON_SITES and boundary.point in MET:
            yield Case(script, provider, boundary)


def on_gke() -> Iterator[Case]:
    """T1 on `gke`: with a cluster for each burst, with one that is kept, with a node pool of a person's."""
    yield from on_place(GKE)
    yield from met_on_place(GKE_KEEPING, "again")
    yield from met_on_place(GKE_NODE_POOLS, "short")


def faulty_on_place(provider: str) -> Iterator[Case]:
    """T3 and T4 on a real provider: what fails at the gate, whichever provider it is."""
    for case in both("short", provider):
        if case.struck is not None and case.struck.what in ON_SITES:
            yield case


@cache
def tiers() -> dict[str, list[Case]]:
    """Return every case by its tier."""
    return in_process() | {
        "T1 one crash, kind": list(met_on_place(KIND, "short")),
        "T1 one crash, local": list(met_on_place(LOCAL, "short")),
    }


@cache
def in_process() -> dict[str, list[Case]]:
    """Return every case for which no process is started, by its tier."""
    scripts = tuple(SCRIPTS)
    return {
        "T1 one crash": [case for name in scripts for case in single(name)],
        "T2 a crash in the recovery": [case for name in RECOVERED for case in recovering(name)],
        "T3 a fault": [case for name in scripts for case in faulty(name)],
        "T4 a crash and a fault": [case for name in scripts for case in both(name)],
        "T1 one crash, kubernetes": list(on_place(KUBERNETES)),
        "T4 a crash and a fault, kubernetes": list(faulty_on_place(KUBERNETES)),
        "T1 one crash, gke": list(on_gke()),
        "T4 a crash and a fault, gke": list(faulty_on_place(GKE)),
        "T6 two at once": [case for name in scripts for case in rivals(name)],
    }


def fits(fault: Fault, occurrence: Occurrence, provider: str) -> bool:
    return occurrence.what in fault.verbs and (provider == MEMORY or not fault.memory)


def _counts(one: Boundary) -> bool:
    verb = one.occurrence.what.partition(" ")[0]
    return not _is_effect(one) or one.occurrence.number <= ALIKE.get(Verb(verb), 99)


def _is_effect(one: Boundary) -> bool:
    """A request within an effect is a part of it: `launch request 2` of `launch`."""
    return one.occurrence.what.partition(" ")[0] in set(Verb)


def sample(count: int) -> list[Case]:
    """Return at least so many cases that start no process, evenly from all tiers, the same ones each time."""
    found: list[Case] = []
    whole = in_process()
    total = sum(map(len, whole.values()))
    for cases in whole.values():
        step = max(total // count, 1)
        found += cases[step // 2 :: step]
    return found


def uncovered() -> set[Verb]:
    """Return the verbs that no script has."""
    found = {one.what for script in SCRIPTS for one in effects(script)}
    return {verb for verb in Verb if verb not in found}
