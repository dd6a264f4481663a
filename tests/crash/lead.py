"""A lead in memory: what burstd sees of a Flux instance and does to it, without any process.

It is a model and says so: real leads, and the embedded instance, are held to the contract suites in
burstd/testing. What is modelled is what a restart of burstd meets: marks of holds, drains, queues, memos.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from burstd.core.constraint import ANYWHERE, Constraint, Operator
from burstd.core.errors import LeadLost
from burstd.core.marks import NO_HOST, drain_mark
from burstd.core.model import (
    Directory,
    Hold,
    Host,
    Job,
    JobState,
    LeadView,
    Queue,
    Request,
    Scheduling,
    Shape,
    Verb,
    Wish,
)
from burstd.lead.contract import LeadFacts

Step = Callable[[], None]
"""Called between two requests of one call; it may be where burstd dies."""

Witness = Callable[..., None]
"""Told of each change that is asked for: the verbs that may do so, and what the intent must name."""


@dataclass
class Work:
    """One job: how long it runs, and what has become of it."""

    job: Job
    seconds: float
    mark: Hold | None = None
    held_by_us: bool = False
    """Whether the latest urgency event is the instance owner's to 0, with the mark there before."""
    over: bool = False
    """Whether there was another urgency event after that, which ended the hold."""
    ends: float | None = None
    ended: str = ""
    starts: int = 0


@dataclass
class Machine:
    """One declared host."""

    host: Host
    pool: str = ""


@dataclass
class Sched:
    """How the scheduler is, and what it knows of queues; no queues: one for all, without a name."""

    kind: Scheduling = Scheduling.FIFO
    queues: dict[str, Queue] = field(default_factory=dict)


class ModelLead:
    """Implements burstd.lead.contract.Lead. `unreachable` makes every call raise LeadLost."""

    def __init__(self, clock: Callable[[], float], hosts: Iterable[Machine], sched: Sched) -> None:
        self._clock = clock
        self.wall = clock
        """The clock of its machine, by which it writes times down."""
        self.machines = {one.host.rank: one for one in hosts}
        self.sched = sched
        self.works: dict[int, Work] = {}
        self.kvs: dict[str, str] = {}
        self.services: dict[str, object] = {}
        self.generation = 1
        self.unreachable = False
        self.changed = False
        self.witness: Witness = lambda *_, **__: None
        self.step: Step = lambda: None
        self._numbers = itertools.count(1)
        self._ring: Callable[[], None] = lambda: None

    # what happens there without burstd

    def submit(
        self, name: str, hosts: int, seconds: float, *, pool: str = "", queue: str = "", cwd: str = ""
    ) -> int:
        """Have a job wait; `pool` puts it on that pool's hosts where the lead has no queues."""
        id_ = next(self._numbers)
        constraint = Constraint(Operator.PROPERTIES, (pool,)) if pool and not queue else ANYWHERE
        if queue and self.sched.queues[queue].requires:
            constraint = Constraint(Operator.PROPERTIES, tuple(sorted(self.sched.queues[queue].requires)))
        request = Request(hosts=hosts, slots=1, cores=1, exclusive=True)
        job = Job(id_, JobState.SCHED, request, self.wall(), name, queue=queue, cwd=cwd)
        job = replace(job, constraint=constraint, wish=Wish(pool))
        self.works[id_] = Work(job, seconds)
        self._look()
        return id_

    def cancel(self, id_: int) -> None:
        if not self.works[id_].ended:
            self._end(self.works[id_], "cancelled")
            self._look()

    def join(self, name: str) -> None:
        """A broker came."""
        machine = self._named(name)
        if not machine.host.online:
            machine.host = replace(machine.host, online=True, quiet_since=self.wall())
            self._look(looks=self.sched.kind is Scheduling.FIFO)

    def leave(self, name: str) -> None:
        """A broker is gone; its jobs fail with it."""
        machine = self._named(name)
        if machine.host.online:
            for id_ in machine.host.jobs:
                self._end(self.works[id_], "lost its host")
            free = machine.host.shape.cores
            machine.host = replace(machine.host, online=False, jobs=(), free_cores=free)
            self._look()

    def restart(self) -> None:
        """The lead's broker restarts: brokers that had joined are gone, what waited still waits.

        Who had a name takes it again at once, as LiveLead does.
        """
        self.generation += 1
        for machine in list(self.machines.values()):
            if machine.pool:
                self.leave(machine.host.name)
        self._look()

    def next_event(self) -> float | None:
        return min((work.ends for work in self.works.values() if work.ends is not None), default=None)

    def advance(self) -> None:
        """End the jobs whose time is over."""
        for work in self.works.values():
            if work.ends is not None and work.ends <= self._clock():
                self._end(work, "done")
                self._look()

    def host(self, name: str) -> Host:
        return self._named(name).host

    def waiting(self) -> list[Work]:
        return [work for work in self.works.values() if work.job.state is JobState.SCHED]

    # the contract

    def start(self, on_change: Callable[[], None]) -> None:
        self._ring = on_change

    def disconnect(self) -> None:
        """Lose the connections that have taken a name, which frees it."""
        self.services.clear()

    def view(self) -> LeadView | None:
        if self.unreachable:
            return None
        hosts = tuple(one.host for one in self.machines.values())
        jobs = tuple(_shown(work) for work in self.works.values() if not work.ended)
        return LeadView(f"generation {self.generation}", hosts, jobs)

    def trouble(self) -> str:
        return "it does not answer" if self.unreachable else ""

    def facts(self) -> LeadFacts:
        self._reach()
        names = ",".join(one.host.name for one in self.machines.values())
        kind = self.sched.kind
        return LeadFacts(f"generation {self.generation}", "0.88.0", names, True, "", "", "model", "", kind)

    def drain(self, ranks: Iterable[int], reason: str) -> None:
        self._reach()
        self.witness((Verb.DRAIN,), ranks=tuple(ranks))
        for machine in (self.machines[rank] for rank in ranks):
            if machine.host.drain_reason is None:
                machine.host = replace(machine.host, drain_reason=reason)
        self._look()

    def undrain(self, ranks: Iterable[int], owner: str) -> None:
        self._reach()
        self.witness((Verb.UNDRAIN,), ranks=tuple(ranks))
        for machine in (self.machines[rank] for rank in ranks):
            if (machine.host.drain_reason or "").startswith(drain_mark(owner)):
                machine.host = replace(machine.host, drain_reason=None, quiet_since=self.wall())
        self._look()

    def allocated(self) -> frozenset[int]:
        self._reach()
        return frozenset(rank for rank, machine in self.machines.items() if machine.host.jobs)

    def tell(self, job: int, text: str) -> None:
        self._reach()
        self.witness((Verb.TELL,), job=job)
        work = self.works[job]
        work.job = replace(work.job, told=text)
        self._look(looks=False)

    def raise_exception(self, job: int, text: str) -> None:
        waits = self._waiting_work(job) is not None
        self.witness((Verb.RAISE,), job=job)
        if waits:
            work = self.works[job]
            work.job = replace(work.job, raised=text.partition(":")[0])
            self._look(looks=False)

    def queues(self) -> tuple[Queue, ...]:
        self._reach()
        return tuple(self.sched.queues.values())

    def start_queue(self, name: str) -> None:
        self._reach()
        self.witness((Verb.OPEN, Verb.PULSE), queue=name)
        found = self.sched.queues[name]
        if not found.started and found.stop_reason in ("", NO_HOST):
            self.sched.queues[name] = replace(found, started=True, stop_reason="")
        self._look()
        self.step()

    def stop_queue(self, name: str) -> None:
        self._reach()
        self.witness((Verb.CLOSE, Verb.PULSE), queue=name)
        found = self.sched.queues[name]
        if found.started:
            self.sched.queues[name] = replace(found, started=False, stop_reason=NO_HOST)
        self._look()

    def hold(self, job: int, owner: str) -> None:
        """First the mark, then the urgency: two requests."""
        work = self._waiting_work(job)
        self.witness((Verb.HOLD,), job=job)
        if work is None or work.job.urgency == 0:
            return
        work.mark, work.held_by_us, work.over = Hold(owner, work.job.urgency), False, False
        self._look()
        self.step()
        work.job, work.held_by_us = replace(work.job, urgency=0, priority=0), True
        self._look()

    def unhold(self, job: int) -> None:
        """First the urgency from before, then the mark: two requests."""
        waits = self._waiting_work(job) is not None
        work = self.works[job]
        self.witness((Verb.UNHOLD,), job=job)
        if work.mark is None:
            return
        if work.held_by_us and waits:
            before = work.mark.urgency
            work.job, work.held_by_us = replace(work.job, urgency=before, priority=before), False
            work.over = True
            self._look()
            self.step()
        work.mark = None
        self._look()

    def nudge(self, job: int) -> None:
        self._reach()
        self.witness((Verb.NUDGE,), job=job)
        self._look()

    def move(self, job: int, queue: str) -> None:
        work = self._waiting_work(job)
        self.witness((Verb.MOVE,), job=job)
        if work is not None:
            requires = self.sched.queues[queue].requires
            constraint = Constraint(Operator.PROPERTIES, tuple(sorted(requires))) if requires else ANYWHERE
            work.job = replace(work.job, queue=queue, constraint=constraint)
        self._look()

    def make_directories(self, ranks: Iterable[int], directories: Iterable[Directory]) -> dict[int, str]:
        self._reach()
        assert tuple(directories)
        self.witness((Verb.PREPARE,), ranks=tuple(ranks))
        return dict.fromkeys(ranks, "")

    def look_up(self, key: str) -> str | None:
        self._reach()
        return self.kvs.get(key)

    def store(self, key: str, text: str) -> None:
        self._reach()
        if key.endswith(".spend"):  # whose turn it is, is told past the gate
            self.witness((Verb.CHECKPOINT,), text=text)
        self.kvs[key] = text

    def register(self, name: str) -> bool:
        raise NotImplementedError("a daemon has a connection of its own: see Connection")

    def registered(self) -> bool:
        raise NotImplementedError("a daemon has a connection of its own: see Connection")

    def close(self) -> None:
        """There is nothing to drop."""

    # how it works

    def _reach(self) -> None:
        if self.unreachable:
            raise LeadLost("the lead does not answer")

    def _waiting_work(self, job: int) -> Work | None:
        self._reach()
        work = self.works.get(job)
        return work if work is not None and work.job.state is JobState.SCHED else None

    def _named(self, name: str) -> Machine:
        return next(one for one in self.machines.values() if one.host.name == name)

    def _look(self, *, looks: bool = True) -> None:
        """Let the scheduler look, and burstd know. Fluxion does not look when a host joins."""
        if looks:
            self._schedule()
        self.changed = True
        self._ring()

    def _schedule(self) -> None:
        waiting = sorted(
            self.waiting(), key=lambda work: (-work.job.priority, work.job.submitted, work.job.id)
        )
        for work in waiting:
            if work.job.urgency == 0 or not self._is_open(work.job.queue):
                continue
            if self._allocate(work):
                continue
            if self.sched.kind is Scheduling.FIFO:
                return
            if self.sched.kind is Scheduling.FCFS:
                self._end(work, "refused")

    def _is_open(self, queue: str) -> bool:
        return not self.sched.queues or self.sched.queues[queue].started

    def _allocate(self, work: Work) -> bool:
        fits = [one for one in self.machines.values() if _is_free(one.host, work.job)]
        if len(fits) < work.job.request.hosts:
            return False
        chosen = fits[: work.job.request.hosts]
        for machine in chosen:
            machine.host = replace(machine.host, jobs=(work.job.id,), free_cores=0)
        ranks = tuple(machine.host.rank for machine in chosen)
        work.job = replace(work.job, state=JobState.RUN, ranks=ranks)
        work.ends, work.starts = self._clock() + work.seconds, work.starts + 1
        return True

    def _end(self, work: Work, how: str) -> None:
        for rank in work.job.ranks:
            host = self.machines[rank].host
            self.machines[rank].host = replace(
                host, jobs=(), free_cores=host.shape.cores, quiet_since=self.wall()
            )
        work.job = replace(work.job, state=JobState.INACTIVE, ranks=())
        work.ends, work.ended = None, how


def machines(lead: int, pools: dict[str, int], cores: int = 2) -> list[Machine]:
    """Return the lead's own hosts, which are up, then those of each pool, which are down."""
    own = [Machine(_host(rank, f"lead-{rank}", cores, "lead", online=True)) for rank in range(lead)]
    remote = [(pool, index) for pool, size in pools.items() for index in range(size)]
    return own + [
        Machine(_host(lead + at, f"{pool}-{index}", cores, pool), pool)
        for at, (pool, index) in enumerate(remote)
    ]


def _host(rank: int, name: str, cores: int, property_: str, *, online: bool = False) -> Host:
    shape = Shape(cores, properties=frozenset({property_}))
    return Host(rank, name, shape, online=online, free_cores=cores)


def _is_free(host: Host, job: Job) -> bool:
    return (
        host.usable and not host.jobs and job.constraint.allows(host.rank, host.name, host.shape.properties)
    )


def _shown(work: Work) -> Job:
    """A mark without an urgency event after it holds nothing, and nothing has ended it."""
    if work.mark is None:
        return work.job
    waits = work.job.state is JobState.SCHED
    hold = work.mark if work.held_by_us and waits else None
    return replace(work.job, hold=hold, stale_hold=work.over or (work.held_by_us and not waits))
