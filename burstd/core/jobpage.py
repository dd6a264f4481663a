"""The jobs that wait, a page at a time: who they are of, what they ask for, why they wait. Pure.

The names of the fields are those of `/api/v1/jobs`; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from burstd.core.jobid import f58
from burstd.core.model import Job, Snapshot
from burstd.core.reasons import Reason

MOST = 1000
"""The most jobs of one page: one answer must neither fill the memory nor keep the loop."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job that waits. `wish` is the pool or the provider that it names, "" for any.

    `hosts` is 0 where it asks for slots alone. `user` is the name of `userid`, "" where nobody knows it.
    """

    id: str
    name: str
    userid: int
    user: str
    queue: str
    hosts: int
    wish: str
    submitted: float
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs in the order in which they were submitted. `after` is what to ask for next; "": no more wait."""

    at: float
    seen_at: float | None
    total: int
    jobs: tuple[JobLine, ...]
    after: str


def page(
    snapshot: Snapshot,
    reasons: Sequence[tuple[int, Reason]],
    now: float,
    *,
    seen_at: float | None,
    limit: int,
    after: int = -1,
) -> JobPage:
    """Return at most `limit` jobs whose ids are above `after`; ids grow with the time of submission."""
    least = nsmallest(min(limit, MOST) + 1, (job for job, _ in reasons if job > after))
    ids = least[: min(limit, MOST)]
    wanted = frozenset(ids)
    why = {job: reason for job, reason in reasons if job in wanted}
    jobs = {job.id: job for job in snapshot.jobs if job.id in why}
    rows = tuple(_line(jobs[job], why[job]) for job in ids if job in jobs)
    return JobPage(now, seen_at, len(reasons), rows, f58(ids[-1]) if len(least) > len(ids) else "")


def _line(job: Job, reason: Reason) -> JobLine:
    wish = job.wish.target if job.wish else ""
    return JobLine(
        f58(job.id),
        job.name,
        job.userid,
        "",
        job.queue,
        job.request.hosts,
        wish,
        job.submitted,
        str(reason.code),
        reason.sentence,
    )
