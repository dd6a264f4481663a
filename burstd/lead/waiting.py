"""Steers one waiting job: hold, release, nudge, move, raise. Each call first reads the job's own eventlog.

It is asked of the job manager, which answers from memory: what job-info answers is some milliseconds behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EINVAL, ENOENT
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.core.marks import HOLD_MEMO
from burstd.core.model import Job, JobState
from burstd.lead.eventlog import EXCEPTION, PENDING, JobLog
from burstd.lead.facts import Call, read_owner
from burstd.lead.handle import Payload

HELD = 0
"""The urgency at which a job is not scheduled."""

SEVERITY = 4
"""Of an exception that does not end a job: 0 does, and 7 is the least (RFC 21)."""

_GONE = (ENOENT, EINVAL)
"""What the job manager answers where a job is gone, or has its allocation; and elsewhere too."""


@dataclass(frozen=True)
class Waiting:
    """One job, which waits as far as the caller knows. Every call raises LeadLost, LeadRefused."""

    call: Call
    id: int

    def hold(self, owner: str, epoch: float) -> None:
        """See Lead.hold. `epoch` is now, in seconds since the epoch."""
        job = self._read()
        if job is None or job.urgency == HELD:
            return
        with self._unless_gone():
            self._write_memo({"owner": owner, "epoch": int(epoch)})
            if self._set_urgency(HELD) == HELD:
                self._write_memo(None)

    def release(self) -> None:
        """See Lead.unhold. A job that began before its hold came through loses its mark too."""
        told = self._ask()
        job = self._fold(told)
        with self._unless_gone():
            if job is not None and job.hold is not None:
                self._restore(job.hold.urgency, HELD)
            if _marked(told):
                self._write_memo(None)

    def nudge(self) -> None:
        """See Lead.nudge."""
        job = self._read()
        if job is not None and job.state is JobState.SCHED and job.urgency != HELD:
            with self._unless_gone():
                self._restore(job.urgency, job.urgency)

    def raise_exception(self, text: str) -> None:
        """See Lead.raise_exception. One that its eventlog tells already is not raised again."""
        job = self._read()
        if job is None or job.raised == text.partition(":")[0]:
            return
        exception = {"id": self.id, "type": EXCEPTION, "severity": SEVERITY, "note": text}
        with self._unless_gone():
            self.call("job-manager.raise", exception)

    def move(self, queue: str) -> None:
        """See Lead.move."""
        job = self._read()
        if job is None or job.queue == queue:
            return
        with self._unless_gone():
            updates = {"attributes.system.queue": queue}
            self.call("job-manager.update", {"id": self.id, "updates": updates})

    def _read(self) -> Job | None:
        """Return the job as it is now; None where it waits no more."""
        return self._fold(self._ask())

    def _ask(self) -> Payload:
        """Return the eventlog and the jobspec; nothing of a job that the job manager does not know."""
        try:
            return self.call("job-manager.getattr", {"id": self.id, "attrs": ["eventlog", "jobspec"]})
        except LeadRefused as exc:
            if exc.errno in _GONE:
                return {}
            raise

    def _fold(self, told: Payload) -> Job | None:
        if not told:
            return None
        log = JobLog(read_owner(self.call))
        log.apply({"id": self.id, "events": told["eventlog"], "jobspec": told["jobspec"]})
        job = log.jobs.get(self.id)
        return job if job is not None and job.state in PENDING else None

    def _restore(self, urgency: int, expected: int) -> None:
        """Set the urgency; where it was changed from what it was read to be, that change wins."""
        found = self._set_urgency(urgency)
        if found != expected:
            self._set_urgency(found)

    def _set_urgency(self, urgency: int) -> int:
        """Set the urgency and return what it was."""
        answer = self.call("job-manager.urgency", {"id": self.id, "urgency": urgency})
        return int(answer["old_urgency"])

    def _write_memo(self, value: Mapping[str, Any] | None) -> None:
        self.call("job-manager.memo", {"id": self.id, "memo": {HOLD_MEMO: value}})

    @contextmanager
    def _unless_gone(self) -> Iterator[None]:
        """Let a refusal pass where the job waits no more: it began or ended meanwhile."""
        try:
            yield
        except LeadRefused as exc:
            if exc.errno not in _GONE or self._read() is not None:
                raise


def _marked(told: Payload) -> bool:
    """Say whether an eventlog ends with the memo of a hold, whoever wrote it."""
    memos = [event["context"] for event in told.get("eventlog") or () if event["name"] == "memo"]
    values = [memo[HOLD_MEMO] for memo in memos if HOLD_MEMO in memo]
    return bool(values) and values[-1] is not None
