"""What is final for a job is raised on it as an exception that does not end it. Pure.

A memo is for who looks; an exception stands in the job's eventlog for good, and `flux job attach` shows it.
It is raised once for each kind of failure: the eventlog itself tells, after a restart too, what was raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from burstd.core.model import Action, Job, Policy, Snapshot, Verb
from burstd.core.reasons import FINAL, Code, Reason
from burstd.core.rooms import fit, whole_room

RAISE_KEY = "raise:"

RAISING = 8
"""Exceptions under way at once: thousands of jobs of one shape must not keep the lead busy."""

_MISTAKES = (Code.UNKNOWN_TARGET, Code.BAD_BURSTABLE)
"""These are told even of a job that the lead's own hosts may run: it was meant otherwise."""


def exceptions(snapshot: Snapshot, policy: Policy, reasons: Mapping[int, Reason]) -> Iterator[Action]:
    """Yield the exceptions to raise now."""
    under_way = sum(key.startswith(RAISE_KEY) for key in snapshot.in_flight)
    due = _due(snapshot, policy, reasons)
    yield from islice(due, max(RAISING - under_way, 0))


def _due(snapshot: Snapshot, policy: Policy, reasons: Mapping[int, Reason]) -> Iterator[Action]:
    final = {job: reason for job, reason in reasons.items() if reason.code in FINAL}
    jobs = sorted((job for job in snapshot.jobs if job.id in final), key=lambda job: job.id)
    home = _Home(snapshot, policy)
    for job in jobs:
        reason, key = final[job.id], f"{RAISE_KEY}{job.id}"
        told = job.raised == reason.code or key in snapshot.in_flight
        if not told and (reason.code in _MISTAKES or not home.can_run(job)):
            yield Action(Verb.RAISE, key, job=job.id, text=str(reason))


class _Home:
    """The lead's own hosts, as if nothing ran on them: a job that fits there only waits for its turn."""

    def __init__(self, snapshot: Snapshot, policy: Policy) -> None:
        pooled = {rank for pool in policy.pools for rank in pool.ranks}
        own = (host for host in snapshot.hosts if host.usable and host.rank not in pooled)
        self._rooms = [whole_room(host.rank, host.name, host.shape) for host in own]
        self._known: dict[tuple[object, object], bool] = {}

    def can_run(self, job: Job) -> bool:
        alike = (job.request, job.constraint)
        if alike not in self._known:
            self._known[alike] = fit(job.request, job.constraint, self._rooms) is not None
        return self._known[alike]
