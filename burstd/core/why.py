"""Why one job waits: what was considered for it, what refused it there, what comes next. Pure.

Everything is taken from the last plan, which is not made again: it costs a look through lists, however many
jobs wait. The names of the fields are those of `burstd why --json`; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from burstd.core.history import NOTHING, History, Left
from burstd.core.hosts import compress
from burstd.core.jobid import f58
from burstd.core.model import Burst, Host, Job, JobState, Plan, Policy, Pool, Snapshot
from burstd.core.outlook import Outlook, Prospect, outlook
from burstd.core.placement import is_guests, reserved
from burstd.core.reasons import Code, Reason

STATES = ("waiting", "running", "ending", "left", "not-ready", "not-burstable", "unknown")
"""`left`: it waited, and no active job has its id any more. `unknown`: nothing is told."""

Sentence = Callable[[Reason], str]
"""What whoever asks is told of a reason."""


@dataclass(frozen=True, slots=True)
class Considered:
    """One place where the job might have got its hosts: `where` is `up`, `coming` or `pool`, then `name`.

    `code` "": it was not asked, or what is there did not suffice, as the sentence says.
    """

    where: str
    name: str
    code: str
    sentence: str
    next: str = ""
    earliest: float | None = None
    about: float | None = None
    latest: float | None = None


@dataclass(frozen=True, slots=True)
class Was:
    """A reason that the job has had, from when on."""

    at: float
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Why:
    """What is told of one job. `told` False: nothing is known, or nothing may be said.

    `state` is one of STATES; only of a job in state `waiting` the fields from `turn` on say anything but of
    its past.
    """

    at: float
    job: str
    id: int
    told: bool
    state: str
    sentence: str
    code: str = ""
    since: float | None = None
    """From when on it has had this reason, as far as burstd saw it."""
    submitted: float | None = None
    turn: int | None = None
    """Its place among those that wait, the first is 1."""
    waiting: int | None = None
    """How many wait."""
    considered: tuple[Considered, ...] = ()
    next: str = ""
    earliest: float | None = None
    about: float | None = None
    latest: float | None = None
    before: tuple[Was, ...] = ()
    held: bool = False
    """burstd holds it meanwhile, so that it is neither refused nor in the way."""
    forgotten: int = 0
    """So many older reasons are not kept."""
    lead_answers: bool = True

    def document(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Why:
        """Return what a document says. Raises KeyError, TypeError where it is none."""
        considered = tuple(Considered(**one) for one in document["considered"])
        before = tuple(Was(**one) for one in document["before"])
        return cls(**{**document, "considered": considered, "before": before})


@dataclass(frozen=True, slots=True)
class Told:
    """What is known beside the last plan: how the job's reasons changed, or what became of it."""

    history: History = NOTHING
    left: Left | None = None


def explain(
    job_id: int, snapshot: Snapshot, policy: Policy, plan: Plan, now: float, told: Told, words: Sentence
) -> Why:
    """Return why a job waits, or what else it does; `plan` is what was made from the snapshot."""
    job = find(job_id, snapshot.jobs)
    blank = Why(now, f58(job_id), job_id, told=True, state="", sentence="")
    blank = _with_history(blank, told.left.history if told.left else told.history, words)
    if job is None:
        return _absent(blank, told.left)
    blank = replace(blank, submitted=job.submitted)
    if job.state is not JobState.SCHED:
        return _elsewhere(blank, job, snapshot.hosts, told.left)
    if job.wish is None:
        return replace(blank, state="not-burstable", sentence=_NOT_BURSTABLE)
    prospect = Prospect(snapshot, policy, _bursts(snapshot, plan), now)
    return _Waiting(job, plan, prospect, words).told(blank)


def find(job_id: int, jobs: Iterable[Job]) -> Job | None:
    """Return the job of this id among the active ones."""
    return next((job for job in jobs if job.id == job_id), None)


def hosts_of(job: Job, hosts: Iterable[Host]) -> str:
    """Return the hostlist of where a job runs; "" where it does not."""
    mine = set(job.ranks)
    return compress(host.name for host in hosts if host.rank in mine)


def unknown(job_id: int, now: float, sentence: str) -> Why:
    """Return that nothing is told of a job."""
    return Why(now, f58(job_id), job_id, told=False, state="unknown", sentence=sentence)


class _Waiting:
    """One waiting job, and what the plan says of it."""

    def __init__(self, job: Job, plan: Plan, prospect: Prospect, words: Sentence) -> None:
        self.job = job
        self.prospect = prospect
        self.words = words
        self.waiting = len(plan.reasons)
        found = ((turn, reason) for turn, (id_, reason) in enumerate(plan.reasons, 1) if id_ == job.id)
        self.turn, self.reason = next(found)
        self.asked = dict(plan.answers.get(job.id, ()))

    def told(self, blank: Why) -> Why:
        pool, _ = self.chosen()
        ahead = outlook(self.reason, pool, self.prospect)
        return replace(
            blank,
            state="waiting",
            since=blank.before[-1].at if blank.before else None,
            before=blank.before[:-1],
            held=self.job.hold is not None,
            code=str(self.reason.code),
            sentence=self.words(self.reason),
            turn=self.turn,
            waiting=self.waiting,
            considered=tuple(self.considered()),
            **_ahead(ahead),
        )

    def chosen(self) -> tuple[str, Reason]:
        """Return the pool whose answer the job is told, "" where none was asked or hosts were enough."""
        same = ((pool, one) for pool, one in self.asked.items() if replace(self.reason, warning="") == one)
        return next(same, ("", self.reason))

    def considered(self) -> Iterator[Considered]:
        if self.reason.code in _NOT_CONSIDERED:
            return
        on_hosts = not self.asked
        up = on_hosts and self.reason.code is Code.STARTING
        yield Considered("up", "", str(self.reason.code) if up else "", self.hosts_up())
        if up:
            yield from self.pools()
            return
        coming = str(self.reason.code) if on_hosts else ""
        yield Considered("coming", "", coming, self.words(self.reason) if on_hosts else _NONE_COMING)
        yield from self.pools()

    def hosts_up(self) -> str:
        """Say how many hosts are up where the job may go: those before it have had their room first."""
        usable = [host for host in self.prospect.snapshot.hosts if host.usable]
        mine = [host for host in usable if self._allows(host)]
        free = sum(not host.jobs for host in mine)
        hosts = "1 host is" if len(usable) == 1 else f"{len(usable)} hosts are"
        return (
            f"{hosts} up; it may use {len(mine)} of them, and {free} of these have no job. Jobs whose turn "
            "is earlier get theirs first."
        )

    def _allows(self, host: Host) -> bool:
        if is_guests(self.job, self.prospect.policy) and host.rank in reserved(self.prospect.policy):
            return False
        return self.job.constraint.allows(host.rank, host.name, host.shape.properties)

    def pools(self) -> Iterator[Considered]:
        for pool in self.prospect.policy.pools:
            reason = self.asked.get(pool.name)
            if reason is None:
                yield Considered("pool", pool.name, "", self.why_not_asked(pool))
            else:
                ahead = _ahead(outlook(reason, pool.name, self.prospect))
                yield Considered("pool", pool.name, str(reason.code), self.words(reason), **ahead)

    def why_not_asked(self, pool: Pool) -> str:
        target = self.job.wish.target if self.job.wish else ""
        if target not in ("", pool.name, pool.provider):
            return f"Not asked: the job names {target}."
        return f"Not asked: {next(reversed(self.asked))} serves it." if self.asked else _HOSTS_SUFFICE


def _ahead(ahead: Outlook) -> dict[str, Any]:
    return {"next": ahead.text, "earliest": ahead.earliest, "about": ahead.about, "latest": ahead.latest}


def _bursts(snapshot: Snapshot, plan: Plan) -> tuple[Burst, ...]:
    return tuple(
        ({one.name: one for one in snapshot.bursts} | {one.name: one for one in plan.bursts}).values()
    )


def _with_history(why: Why, history: History, words: Sentence) -> Why:
    was = tuple(Was(one.at, str(one.reason.code), words(one.reason)) for one in history.changes)
    return replace(why, before=was, forgotten=history.dropped)


def _absent(why: Why, left: Left | None) -> Why:
    if left is None:
        return unknown(why.id, why.at, _UNKNOWN)
    began = f"It began on {left.hosts} and" if left.hosts else "It waited, and"
    return replace(why, state="left", since=left.at, sentence=f"{began} is over by now.")


def _elsewhere(why: Why, job: Job, hosts: Iterable[Host], left: Left | None) -> Why:
    """Say what a job does that waits for no hosts."""
    if job.state is JobState.RUN:
        sentence = f"It runs on {hosts_of(job, hosts)}."
        return replace(why, state="running", since=job.started, sentence=sentence)
    if job.state in (JobState.CLEANUP, JobState.INACTIVE):
        return replace(why, state="ending", since=left.at if left else None, sentence="It is ending.")
    return replace(why, state="not-ready", since=None, sentence=_NOT_READY[job.state])


_NOT_CONSIDERED = (Code.HELD, Code.BAD_BURSTABLE, Code.UNKNOWN_TARGET)
"""Reasons of jobs for which no place is looked for."""

_NONE_COMING = "What is free together with the hosts that are coming up does not suffice for it."
_HOSTS_SUFFICE = "Not asked: hosts that are up or coming suffice."
_UNKNOWN = (
    "burstd knows no such job: when it looked last, none that waits or runs had this id, and none that had "
    "waited and was over lately."
)
_NOT_BURSTABLE = (
    "It waits for the lead's own hosts alone: it is not burstable. Jobs submitted with "
    "`--setattr=burstable` get hosts from burstd."
)
_NOT_READY: Mapping[JobState, str] = {
    JobState.NEW: "Flux is still looking at its jobspec.",
    JobState.DEPEND: "It waits for what it depends on; burstd looks at it after that.",
    JobState.PRIORITY: "Flux has not given it a priority yet; burstd looks at it after that.",
}
