"""Keeps in memory how jobs' reasons changed, and what became of the jobs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Set
from dataclasses import replace

from burstd.core.history import NOTHING, History, Left, followed
from burstd.core.model import Job, JobState
from burstd.core.why import Told, hosts_of
from burstd.engine.witness import Tick, Witness

MOST_LEFT = 2000
"""So many jobs that wait no more are kept, the latest ones."""


_BEGAN = (JobState.RUN, JobState.CLEANUP, JobState.INACTIVE)


class Chronicle(Witness):
    """The main loop writes, any thread may read: what is read is replaced whole, never changed."""

    def __init__(self) -> None:
        self.waiting: Mapping[int, History] = {}
        self._left: OrderedDict[int, Left] = OrderedDict()
        self._lead_since = 0.0
        self._seen: tuple[Job, ...] = ()
        self._unsettled: Set[int] = frozenset()
        """Jobs that left and may still begin: one that is released from a hold does so a moment later."""

    def ticked(self, tick: Tick) -> None:
        """Note which reasons changed, who waits no more, and who waits again."""
        before, now = self.waiting, followed(self.waiting, tick.plan.reasons, tick.at)
        if tick.snapshot.lead_since != self._lead_since:  # ids may be of other jobs now
            self._lead_since = tick.snapshot.lead_since
            self._left.clear()
            self._unsettled = frozenset()
        else:
            self._note_back(now)
            self._note_left(before, before.keys() - now.keys(), tick)
        self.waiting, self._seen = now, tick.snapshot.jobs

    def told(self, job: int, waiting: Mapping[int, History]) -> Told:
        """Return what is known of a job beside a plan; `waiting` is as it was after that."""
        return Told(waiting.get(job, NOTHING), self._left.get(job))

    def _note_back(self, now: dict[int, History]) -> None:
        """A job whose urgency is changed, by a hold for instance, waits again in a moment."""
        for job in now.keys() & self._left.keys():
            latest = now[job].changes[-1]
            now[job] = self._left.pop(job).history.then(latest.reason, latest.at)

    def _note_left(self, before: Mapping[int, History], gone: Set[int], tick: Tick) -> None:
        """Note who waits no more: whose jobs these were is known from this tick, or from the one before."""
        watched = gone | self._unsettled
        if not watched:
            return
        there = {job.id: job for job in tick.snapshot.jobs if job.id in watched}
        seen = {job.id: job for job in self._seen if job.id in gone} | there
        for job in sorted(gone):
            self._left[job] = Left(before[job], seen[job].userid, tick.at)
        for job in there.keys() & self._left.keys():
            self._left[job] = replace(self._left[job], hosts=hosts_of(there[job], tick.snapshot.hosts))
        self._unsettled = {job for job in there if there[job].state not in _BEGAN}
        while len(self._left) > MOST_LEFT:
            self._left.popitem(last=False)
