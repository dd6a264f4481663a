"""The job manager's journal, folded into the active jobs (events and states: RFC 21). Pure.

The journal first tells the events so far of every active job, one response a job, then a sentinel,
then each event as it happens. Volatile memos are told live and never again: `remind` brings them
back after a new beginning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from burstd.core.errors import LeadLost
from burstd.core.marks import HOLD_MEMO
from burstd.core.model import Hold, Job, JobState, Refusal
from burstd.lead.handle import Payload
from burstd.lead.request import NOTHING, Reading, read
from burstd.lead.resubmit import resubmit
from burstd.lead.rlite import Share, shares

TOLD_MEMO = "burst"
"""The memo that carries burstd's sentence."""

EXCEPTION = "burst"
"""The type of the exceptions that burstd raises; their notes begin with a code."""

_OURS = frozenset({TOLD_MEMO, HOLD_MEMO})

PENDING = frozenset({JobState.NEW, JobState.DEPEND, JobState.PRIORITY, JobState.SCHED})
"""The states of a job that has no allocation yet."""

_REMEMBERED = 1000


@dataclass(slots=True)
class Mark:
    """The memo of a hold, and what the urgency events after it made of the hold.

    The memo comes first and the urgency 0 after it, so an urgency event from before the memo is not burstd's.
    """

    owner: str
    hold: Hold | None = None
    over: bool = False

    def hear_urgency(self, before: int, urgency: int, by_owner: bool) -> None:
        """Take in an urgency event: the instance owner's first to 0 is the hold, any after it ends it."""
        if self.hold is None and by_owner and urgency == 0:
            self.hold, self.over = Hold(self.owner, before), False
        else:
            self.over = True


@dataclass(slots=True)
class Record:
    """One active job, and what of it must be kept to follow its further events."""

    job: Job
    instance_owner: int
    jobspec: dict[str, Any] = field(default_factory=dict)
    memos: dict[str, Any] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    """The memos that this journal itself told, which no reminder may undo."""
    held: dict[int, Share] = field(default_factory=dict)
    rset: Mapping[str, Any] | None = None
    mark: Mark | None = None


class JobLog:
    """The fold. One response costs what its own events cost, however many jobs there are."""

    def __init__(self, owner: int) -> None:
        """Begin empty. `owner` is the user id of the instance owner, whose urgency events may be burstd's."""
        self._owner = owner
        self.complete = False
        self.jobs: dict[int, Job] = {}
        self.on_rank: dict[int, dict[int, Share]] = {}
        self.freed: dict[int, float] = {}
        self.touched: set[int] = set()
        """Ranks whose allocations changed; whoever draws hosts from the fold empties it."""
        self.refused: deque[Refusal] = deque(maxlen=_REMEMBERED)
        """Burstable jobs that the scheduler refused while this journal was followed."""
        self._records: dict[int, Record] = {}
        self._gone: deque[int] = deque(maxlen=_REMEMBERED)

    def apply(self, response: Payload) -> None:
        """Take in one response. Raises LeadLost where it leaves a gap: the journal must be read anew."""
        try:
            self._apply(response)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as exc:
            raise LeadLost(f"the job journal sent what is not understood ({exc!r}); reading it anew") from exc

    def remind(self, job: int, memos: Mapping[str, Any]) -> None:
        """Take in memos that a job has but that its events do not tell."""
        record = self._records.get(job)
        if record is not None:
            new = memos.keys() & _OURS - record.heard
            record.memos |= {name: memos[name] for name in new}
            self._settle(record)

    def _apply(self, response: Payload) -> None:
        job, events = response["id"], response["events"]
        if not events:
            self.complete = True
            return
        record = self._record(job, response)
        if record is None:
            return
        for event in events:
            step = _STEPS.get(event["name"])
            if step is not None:
                step(record, event.get("context") or {}, event["timestamp"])
            self._place(record, event)
            self._note_refusal(record, event)
        self._settle(record)

    def _note_refusal(self, record: Record, event: Mapping[str, Any]) -> None:
        context = event.get("context") or {}
        if event["name"] != "exception" or (context["type"], context["severity"]) != ("alloc", 0):
            return
        job = record.job
        if self.complete and job.wish is not None and not job.wish.nonsense:
            note = str(context.get("note") or "")
            self.refused.append(Refusal(job.id, job.wish, note, _again(record.jobspec)))

    def _record(self, job: int, response: Payload) -> Record | None:
        first = response["events"][0]
        if first["name"] == "submit":
            submitted = Job(job, JobState.NEW, NOTHING, submitted=first["timestamp"])
            jobspec = response.get("jobspec") or {}
            self._records[job] = Record(submitted, self._owner, dict(jobspec))
            _read(self._records[job])
        elif job not in self._records:
            if job in self._gone:
                return None
            raise LeadLost(
                f"the job journal tells of job {job} but never showed its beginning; reading it anew"
            )
        record = self._records[job]
        record.rset = response.get("R") or record.rset
        return record

    def _place(self, record: Record, event: Mapping[str, Any]) -> None:
        """Keep the table of allocations: one lasts from `alloc` until `free`, also in CLEANUP."""
        name, job = event["name"], record.job.id
        if name == "alloc" and record.rset is not None:
            record.held = shares(record.rset)
            for rank, share in record.held.items():
                self.on_rank.setdefault(rank, {})[job] = share
        elif record.held and (name in ("free", "clean", "invalidate") or _lost_resources(event)):
            for rank in record.held:
                del self.on_rank[rank][job]
                self.freed[rank] = event["timestamp"]
        else:
            return
        self.touched |= record.held.keys()
        record.held = record.held if name == "alloc" else {}
        record.job = replace(record.job, ranks=tuple(record.held))

    def _settle(self, record: Record) -> None:
        job = record.job
        if job.state is JobState.INACTIVE:
            self._gone.append(job.id)
            del self._records[job.id]
            self.jobs.pop(job.id, None)
            return
        told = record.memos.get(TOLD_MEMO)
        hold, stale = _hold(record)
        told = told if isinstance(told, str) else ""
        record.job = replace(job, told=told, hold=hold, stale_hold=stale)
        self.jobs[job.id] = record.job


def _again(jobspec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the command that submits a job again; () where its jobspec is of no form that has one."""
    try:
        return resubmit(jobspec)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        return ()


Step = Callable[[Record, Mapping[str, Any], float], None]


def _move(record: Record, from_: tuple[JobState, ...], to: JobState) -> None:
    if record.job.state in from_:
        record.job = replace(record.job, state=to)


def _submit(record: Record, context: Mapping[str, Any], _at: float) -> None:
    record.job = replace(record.job, userid=context["userid"], urgency=context["urgency"])


def _validate(record: Record, _context: Mapping[str, Any], _at: float) -> None:
    _move(record, (JobState.NEW,), JobState.DEPEND)


def _depend(record: Record, _context: Mapping[str, Any], _at: float) -> None:
    _move(record, (JobState.DEPEND,), JobState.PRIORITY)


def _priority(record: Record, context: Mapping[str, Any], _at: float) -> None:
    if record.job.state in (JobState.PRIORITY, JobState.SCHED):
        record.job = replace(record.job, state=JobState.SCHED, priority=context["priority"])


def _urgency(record: Record, context: Mapping[str, Any], _at: float) -> None:
    if record.mark is not None:
        by_owner = context.get("userid") == record.instance_owner
        record.mark.hear_urgency(record.job.urgency, context["urgency"], by_owner)
    record.job = replace(record.job, urgency=context["urgency"])
    _move(record, (JobState.SCHED,), JobState.PRIORITY)


def _alloc(record: Record, _context: Mapping[str, Any], at: float) -> None:
    _move(record, (JobState.SCHED,), JobState.RUN)
    record.job = replace(record.job, started=at)


def _exception(record: Record, context: Mapping[str, Any], _at: float) -> None:
    if context["type"] == EXCEPTION:
        record.job = replace(record.job, raised=str(context.get("note") or "").partition(":")[0])
    if context["severity"] == 0:
        active = (JobState.DEPEND, JobState.PRIORITY, JobState.SCHED, JobState.RUN)
        _move(record, active, JobState.CLEANUP)


def _finish(record: Record, _context: Mapping[str, Any], _at: float) -> None:
    _move(record, (JobState.RUN,), JobState.CLEANUP)


def _end(record: Record, _context: Mapping[str, Any], _at: float) -> None:
    record.job = replace(record.job, state=JobState.INACTIVE)


def _restart(record: Record, _context: Mapping[str, Any], _at: float) -> None:
    _move(record, (JobState.SCHED,), JobState.PRIORITY)


def _jobspec_update(record: Record, context: Mapping[str, Any], _at: float) -> None:
    for path, value in context.items():
        _set(record.jobspec, path.split("."), value)
    _read(record)
    _move(record, (JobState.SCHED,), JobState.PRIORITY)


def _memo(record: Record, context: Mapping[str, Any], _at: float) -> None:
    record.heard |= context.keys() & _OURS
    record.memos |= _of_burstd(context)
    if HOLD_MEMO in context:
        record.mark = _mark(record.mark, context[HOLD_MEMO])


def _annotations(record: Record, context: Mapping[str, Any], _at: float) -> None:
    """Each such event carries all annotations; null clears them. Users write theirs as they like."""
    user = (context.get("annotations") or {}).get("user")
    record.memos = _of_burstd(user) if isinstance(user, Mapping) else {}


def _of_burstd(memos: Mapping[str, Any]) -> dict[str, Any]:
    """Return the memos that burstd reads; what else users note may be of any size."""
    return {name: memos[name] for name in memos.keys() & _OURS}


_STEPS: Mapping[str, Step] = {
    "submit": _submit,
    "validate": _validate,
    "depend": _depend,
    "priority": _priority,
    "urgency": _urgency,
    "alloc": _alloc,
    "exception": _exception,
    "finish": _finish,
    "clean": _end,
    "invalidate": _end,
    "flux-restart": _restart,
    "jobspec-update": _jobspec_update,
    "memo": _memo,
    "annotations": _annotations,
}


def _mark(old: Mark | None, value: Any) -> Mark | None:
    """Return what a hold's memo marks; one that is written again while its hold lasts ends nothing."""
    owner = value.get("owner") if isinstance(value, Mapping) else None
    if not isinstance(owner, str):
        return None
    lasting = old.hold if old is not None and not old.over else None
    return Mark(owner, replace(lasting, owner=owner) if lasting else None)


def _hold(record: Record) -> tuple[Hold | None, bool]:
    """Return the hold that lasts, and whether a memo is left of one that does not."""
    mark = record.mark
    if mark is None:
        return None, False
    if mark.over or mark.hold is None:
        return None, mark.over
    waits = record.job.state in PENDING
    return (mark.hold if waits else None), not waits


def _lost_resources(event: Mapping[str, Any]) -> bool:
    """Tell the one exception that takes a job's allocation away with no `free`."""
    context = event.get("context") or {}
    name = event["name"]
    return bool(
        name == "exception" and context.get("type") == "scheduler-restart" and context.get("severity") == 0
    )


def _read(record: Record) -> None:
    reading: Reading = read(record.jobspec)
    record.job = replace(
        record.job,
        request=reading.request,
        constraint=reading.constraint,
        wish=reading.wish,
        queue=reading.queue,
        name=reading.name,
        cwd=reading.cwd,
    )


def _set(table: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a value at a path, copying each table on the way: the response's own stay as they came."""
    first, *rest = path
    if rest:
        inner = dict(table.get(first) or {})
        _set(inner, rest, value)
        value = inner
    table[first] = value
