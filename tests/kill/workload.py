"""The jobs of a run: each notes its every start in one file, and ends with an exit code of its own."""

from __future__ import annotations

import random
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burstd.core.jobid import f58
from burstd.core.marks import HOLD_MEMO
from burstd.core.model import LeadView
from burstd.lead.jobspec import DEFAULT_URGENCY, command_jobspec, submit
from burstd.stage.lead import POOL
from burstd.stage.output import follow
from burstd.stage.watch import Watch

MOST_WAITING = 5
"""Jobs that are there at once: more would only wait."""

LONGEST_SECONDS = 1.5
END_SECONDS = 180.0
URGENCIES = (DEFAULT_URGENCY, DEFAULT_URGENCY, 8, 24)


@dataclass(frozen=True, slots=True)
class Submitted:
    """One job as it was submitted: its mark in the file, tasks, exit code and urgency."""

    id: int
    mark: str
    tasks: int
    code: int
    urgency: int


class Workload:
    """Submits jobs at random, and compares what became of them with what was asked."""

    def __init__(self, watch: Watch, notes: Path, dice: random.Random, *, queues: bool, pulses: bool) -> None:
        self._watch = watch
        self._notes = notes
        self._dice = dice
        self._queues = ("batch", POOL) if queues else ("", "")
        self.jobs: list[Submitted] = []
        self._pulses = pulses
        self.refused = 0
        """Jobs that fcfs refused in a moment for which burstd had opened the queue: docs/schedulers.md."""
        self._notes.touch()
        self.held = self._submit(1, burstable=1, urgency=0)
        """A job that its user holds: it is nobody's to release."""

    def tick(self) -> None:
        """Submit a few jobs, as long as few enough are there: most burstable, some ordinary."""
        for _ in range(self._dice.choice((0, 1, 2))):
            if len(self.active()) < MOST_WAITING:
                self.jobs.append(self._random_job())

    def active(self) -> set[int]:
        """Return the jobs of this run that have not ended, without the one that is held."""
        view = self._watch.until(lambda _: True, "the lead is read")
        return {job.id for job in view.jobs} - {self.held.id}

    def finish(self) -> None:
        """Wait until every job ended. Raises NotSo."""

        def over(view: LeadView) -> bool:
            return {job.id for job in view.jobs} <= {self.held.id}

        self._watch.until(over, "every job has ended", END_SECONDS)

    def violations(self) -> Iterator[str]:
        """Yield a sentence for each job that was lost, ran twice, ended otherwise or stays held."""
        starts = Counter(self._notes.read_text().split())
        for job in self.jobs:
            events = list(follow(self._watch.handle, job.id, "eventlog", END_SECONDS))
            if self._pulses and _refused(events) and not starts[job.mark]:
                self.refused += 1
                continue
            wrong = [*_ended_wrong(job, events), *_left_changed(job, events)]
            yield from wrong
            if wrong:
                yield f"what happened to job {f58(job.id)}: {_told(events)}"
            if starts[job.mark] != job.tasks:
                yield f"job {f58(job.id)} of {job.tasks} tasks noted {starts[job.mark]} starts"
        yield from self._held_violations(starts)

    def _held_violations(self, starts: Counter[str]) -> Iterator[str]:
        told = self._watch.handle.rpc("job-manager.getattr", {"id": self.held.id, "attrs": ["eventlog"]}, 0)
        yield from _left_changed(self.held, told["eventlog"])
        if starts[self.held.mark]:
            yield "the job that its user holds ran"

    def _random_job(self) -> Submitted:
        burstable = self._dice.random() < 0.8
        hosts = self._dice.randint(1, 4) if burstable else 1
        return self._submit(hosts, burstable=int(burstable), urgency=self._dice.choice(URGENCIES))

    def _submit(self, hosts: int, *, burstable: int, urgency: int) -> Submitted:
        mark = f"job-{len(self.jobs)}" if urgency else "held"
        code = self._dice.choice((0, 0, 0, 3, 7))
        seconds = self._dice.uniform(0.0, LONGEST_SECONDS)
        # the shell's >> appends in one write, so no task's note is lost among those of others
        script = f"echo {mark} >> {shlex.quote(str(self._notes))}; sleep {seconds:.2f}; exit {code}"
        queue = self._queues[burstable]
        spec = command_jobspec(["sh", "-c", script], hosts, burstable=burstable, cwd="/tmp", queue=queue)
        return Submitted(submit(self._watch.handle, spec, urgency), mark, hosts, code, urgency)


def _refused(events: list[dict[str, Any]]) -> bool:
    exceptions = [event["context"] for event in events if event["name"] == "exception"]
    return [(one["type"], one["severity"]) for one in exceptions] == [("alloc", 0)]


def _told(events: list[dict[str, Any]]) -> str:
    """Return an eventlog in one line, with the seconds since its beginning."""
    began = events[0]["timestamp"]
    return "; ".join(
        f"{event['timestamp'] - began:.3f} {event['name']} {event.get('context', '')}" for event in events
    )


def _ended_wrong(job: Submitted, events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        if event["name"] == "exception" and event["context"]["severity"] == 0:
            note = f"{event['context']['type']}: {event['context'].get('note', '')}"
            yield f"job {f58(job.id)} was ended by an exception ({note})"
    codes = [event["context"]["status"] >> 8 for event in events if event["name"] == "finish"]
    if codes != [job.code]:
        yield f"job {f58(job.id)} ended with {codes}, its own exit code is {job.code}"


def _left_changed(job: Submitted, events: list[dict[str, Any]]) -> Iterator[str]:
    """A hold that came as the job began to run holds nothing, and Flux lets nobody undo it: not judged."""
    if any(event["name"] == "alloc" for event in events):
        return
    urgency, memo = job.urgency, None
    for event in events:
        context = event.get("context") or {}
        urgency = context["urgency"] if event["name"] == "urgency" else urgency
        memo = context[HOLD_MEMO] if event["name"] == "memo" and HOLD_MEMO in context else memo
    if urgency != job.urgency:
        yield f"job {f58(job.id)} was submitted with urgency {job.urgency} and is left with {urgency}"
    if memo is not None:
        yield f"job {f58(job.id)} is left with the mark of a hold: {memo}"
