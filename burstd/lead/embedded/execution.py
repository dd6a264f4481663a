"""The life of a job from waiting to gone: scheduled, started, watched, ended."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from burstd.core.model import JobState
from burstd.lead.embedded.jobs import Job, Jobs
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.queues import Queues
from burstd.lead.embedded.resources import Resources
from burstd.lead.embedded.rset import Part, resource_set, summary
from burstd.lead.embedded.sched import Mode, Offer, Piece, Refuse, decide
from burstd.lead.embedded.tasks import Tasks, Work
from burstd.lead.embedded.wire import Refusal

_FLUXION_FOR_EVER = 9223372036
"""The expiration that Fluxion gives an allocation without one, in seconds since the epoch."""

_NODE_FAILURE = 256
"""The finish status that Flux gives a job whose host is lost."""


class Execution:
    """Starts and ends jobs. `tasks` runs those of rank 0, `overlay` reaches the other ranks."""

    def __init__(
        self, loop: Loop, mode: Mode, resources: Resources, jobs: Jobs, queues: Queues, userid: int
    ) -> None:
        self._loop = loop
        self._mode = mode
        self._resources = resources
        self._jobs = jobs
        self._queues = queues
        self._userid = userid
        self._holding: dict[int, Job] = {}
        self._woken = False
        self._tasks: Tasks | None = None
        self._send: Callable[[int, dict[str, Any]], None] = lambda _rank, _message: None

    def open(self, tasks: Tasks, send: Callable[[int, dict[str, Any]], None]) -> None:
        """Begin to run jobs: here with `tasks`, on another rank with `send(rank, message)`."""
        self._tasks, self._send = tasks, send
        self.wake()

    def wake(self) -> None:
        """Schedule once whatever happens now is done."""
        if not self._woken:
            self._woken = True
            self._loop.after(0, self._schedule)

    def allocated(self) -> list[Part]:
        """Return what jobs hold, added up for each rank."""
        total: dict[int, Part] = {}
        for part in (part for job in self._holding.values() for part in job.parts):
            old = total.get(part.rank, Part(part.rank, frozenset()))
            total[part.rank] = Part(part.rank, old.cores | part.cores, old.gpus | part.gpus)
        return list(total.values())

    def offers(self) -> list[Offer]:
        """Return every declared host as the scheduler sees it."""
        held = {part.rank: part for part in self.allocated()}
        nothing = Part(0, frozenset())
        return [
            Offer(
                rank=rank,
                name=self._resources.names[rank],
                properties=shape.properties,
                cores=shape.cores,
                gpus=shape.gpus,
                free_cores=shape.cores - held.get(rank, nothing).cores,
                free_gpus=shape.gpus - held.get(rank, nothing).gpus,
                usable=self._resources.usable(rank),
            )
            for rank, shape in self._resources.shapes.items()
        ]

    def raise_exception(self, job: Job, type_: str, severity: int, note: str) -> None:
        """Post an exception; severity 0 ends the job."""
        context = {"type": type_, "severity": severity, "note": note, "userid": self._userid}
        self._jobs.post(job, "exception", context)
        if severity > 0:
            return
        pending = job.id not in self._holding
        job.fatal = job.fatal or context
        job.state = JobState.CLEANUP
        job.times.setdefault("t_cleanup", job.events[-1]["timestamp"])
        if pending:
            if job.annotations:
                self._jobs.mention(job, "annotations", {"annotations": None})
            self._jobs.post(job, "clean")
            self.wake()
        else:
            self._kill(job, job.running)

    def set_urgency(self, job: Job, urgency: int) -> int:
        """Change a waiting job's urgency and return the old one."""
        if job.id in self._holding:
            raise Refusal(errno.EINVAL, "urgency cannot be changed once resources are allocated")
        old, job.urgency = job.urgency, urgency
        self._jobs.post(job, "urgency", {"userid": self._userid, "urgency": urgency})
        self._jobs.prioritize(job)
        self.wake()
        return old

    def update(self, job: Job, change: Callable[[], Mapping[str, Any]]) -> None:
        """Change a waiting job's jobspec by what `change` returns."""
        if job.id in self._holding:
            raise Refusal(errno.EINVAL, "update of queue for running job not supported")
        self._jobs.update(job, change())
        self.wake()

    def lose(self, rank: int) -> None:
        """A broker is gone, and with it whatever it ran."""
        name = self._resources.names[rank]
        for job in [job for job in self._holding.values() if rank in job.running]:
            job.running.discard(rank)
            job.status = max(job.status or 0, _NODE_FAILURE)
            if not job.fatal:
                self.raise_exception(job, "exec", 0, f"node failure on {name} (rank {rank})")
            self._end_if_done(job)

    def told(self, rank: int, message: dict[str, Any]) -> None:
        """Take in what the tasks of one rank say."""
        job = self._jobs.get(message["job"])
        if job is None or rank not in job.running:
            return
        match message["type"]:
            case "output":
                where = {"stream": message["stream"], "rank": str(message["task"])}
                self._jobs.write_output(job, "data", where | {"data": message["data"]})
            case "eof":
                where = {"stream": message["stream"], "rank": str(message["task"])}
                self._jobs.write_output(job, "data", where | {"eof": True})
            case "log":
                shell = [part.rank for part in job.parts].index(rank)
                context = {"rank": shell, "level": message["level"], "message": message["text"]}
                self._jobs.write_output(job, "log", context)
            case "failed":
                self.raise_exception(job, "exec", 0, message["text"])
            case "exit":
                job.running.discard(rank)
                job.status = max(job.status or 0, message["status"])
                self._end_if_done(job)

    def cancel_all(self) -> None:
        """End whatever is active; for the end of the instance."""
        for job in self._jobs.all():
            if job.active and not job.fatal:
                self.raise_exception(job, "cancel", 0, "the instance shuts down")

    def _schedule(self) -> None:
        self._woken = False
        waiting = [job for job in self._jobs.in_state(JobState.SCHED) if self._queues.started(job.queue)]
        for decision in decide(self._mode, [job.ask() for job in waiting], self.offers()):
            job = self._jobs.get(decision.job)
            if job is None:
                continue
            if isinstance(decision, Refuse):
                self.raise_exception(job, "alloc", 0, decision.text)
            else:
                self._allocate(job, decision.pieces)
                self._start(job, decision.pieces)

    def _allocate(self, job: Job, pieces: Iterable[Piece]) -> None:
        job.parts = tuple(Part(piece.rank, piece.cores, piece.gpus) for piece in pieces)
        duration = float(job.system.get("duration", 0))
        slots = sum(piece.slots for piece in pieces)
        names, properties = self._resources.names, self._resources.properties
        job.r = resource_set(job.parts, names, properties)
        job.r["execution"] |= _extent(self._mode, duration, slots)
        self._holding[job.id] = job
        fluxion = {"selection_type": "immediate"}
        job.annotations["sched"] = (
            {"resource_summary": summary(job.parts)} if self._mode is Mode.FIFO else fluxion
        )
        notes = {"annotations": dict(job.annotations)}
        self._jobs.mention(job, "annotations", notes)
        self._jobs.post(job, "alloc", notes, R=job.r)
        if duration:
            self._loop.after(duration, lambda: self._expire(job))

    def _start(self, job: Job, pieces: Iterable[Piece]) -> None:
        works = _share_out(job, list(pieces))
        job.running = set(works)
        size = next(iter(works.values())).size
        self._jobs.post(job, "start")
        counts = {"stdout": size, "stderr": size}
        encoding = {"stdout": "UTF-8", "stderr": "UTF-8"}
        header = {"version": 1, "encoding": encoding, "count": counts, "options": {}}
        self._jobs.write_output(job, "header", header)
        for rank, work in works.items():
            if rank == 0 and self._tasks:
                self._tasks.start(work)
            else:
                self._send(rank, {"type": "run", "work": asdict(work)})

    def _kill(self, job: Job, ranks: Iterable[int]) -> None:
        for rank in set(ranks):
            if rank == 0 and self._tasks:
                self._tasks.kill(job.id)
            else:
                self._send(rank, {"type": "kill", "job": job.id})

    def _expire(self, job: Job) -> None:
        if job.id in self._holding and not job.fatal:
            self.raise_exception(job, "timeout", 0, "resource allocation expired")

    def _end_if_done(self, job: Job) -> None:
        if job.running or job.id not in self._holding:
            return
        self._jobs.post(job, "finish", {"status": job.status})
        self._jobs.post(job, "release", {"ranks": "all", "final": True})
        del self._holding[job.id]
        self._jobs.post(job, "free")
        self._jobs.post(job, "clean")
        self.wake()


def _extent(mode: Mode, duration: float, slots: int) -> dict[str, Any]:
    """Return what else an allocation's R says; Fluxion writes whole seconds and no slots."""
    now = time.time()
    if mode is Mode.FIFO:
        return {"starttime": now, "expiration": now + duration if duration else 0.0, "nslots": slots}
    return {"starttime": int(now), "expiration": int(now + duration) if duration else _FLUXION_FOR_EVER}


def _share_out(job: Job, pieces: list[Piece]) -> dict[int, Work]:
    """Return what each rank of an allocation runs: consecutive task ranks, slot by slot."""
    (task, *_) = job.jobspec["tasks"]
    slots = sum(piece.slots for piece in pieces)
    size = int(task["count"].get("total", slots * int(task["count"].get("per_slot", 1))))
    works, first, seen = {}, 0, 0
    for piece in pieces:
        seen += piece.slots
        last = size * seen // slots
        ranks = list(range(first, last))
        command, cwd = list(task["command"]), str(job.system.get("cwd") or "/")
        works[piece.rank] = Work(job.id, ranks, size, len(pieces), command, cwd, job.environment)
        first = last
    return works
