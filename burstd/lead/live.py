"""The Lead over handles: topics and payloads only, so it runs alike on a real Flux and the embedded one.

Two threads follow the job manager's journal and the resource module's, each over a handle of its
own. Each journal begins with its history; there is a view only while both histories are complete,
both connections stand, and both are with the same generation of the broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from errno import EEXIST, ENOENT, ENOSYS
from typing import Generic, TypeVar

from burstd.core.errors import LeadLost, LeadRefused
from burstd.core.hosts import format_idset, parse_idset
from burstd.core.marks import drain_mark
from burstd.core.model import Directory, LeadView, Queue
from burstd.join.directories import command
from burstd.lead import kvs, queues, remote
from burstd.lead.assembly import Assembly
from burstd.lead.contract import LeadFacts
from burstd.lead.eventlog import TOLD_MEMO, JobLog
from burstd.lead.facts import read_facts, read_owner
from burstd.lead.follower import Fold, Follower
from burstd.lead.handle import Connect, Handle, Payload
from burstd.lead.inventory import Inventory
from burstd.lead.rlite import shares
from burstd.lead.service import ServiceName
from burstd.lead.threads import ThreadHandles
from burstd.lead.waiting import Waiting

RANK_0 = 0
JOIN_SECONDS = 2.0
LIST_SECONDS = 10.0

F = TypeVar("F", bound=Fold)


@dataclass(frozen=True)
class _Reading(Generic[F]):
    """A fold with its history complete, and the broker generation that it is of."""

    generation: str
    fold: F


class LiveLead:
    """Implements Lead (see burstd.lead.contract)."""

    def __init__(self, connect: Connect, clock: Callable[[], float] = time.time) -> None:
        """Serve the lead that `connect` reaches. Nothing is connected before it is needed."""
        self._connect = connect
        self._handles = ThreadHandles(connect)
        self._name: ServiceName | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._on_change: Callable[[], None] = lambda: None
        self._jobs: _Reading[JobLog] | None = None
        self._inventory: _Reading[Inventory] | None = None
        self._assembly: Assembly | None = None
        self._assembled = False
        jobs = _JobFeed(self._take_jobs, self._take_response)
        resources = _ResourceFeed(self._take_inventory, self._take_response)
        self._job_follower: Follower[JobLog] = Follower(connect, jobs)
        self._resource_follower: Follower[Inventory] = Follower(connect, resources)

    def start(self, on_change: Callable[[], None]) -> None:
        """See Lead.start."""
        self._on_change = on_change
        self._job_follower.start()
        self._resource_follower.start()

    def view(self) -> LeadView | None:
        """See Lead.view."""
        with self._lock:
            return self._assembly.view() if self._assembly is not None else None

    def trouble(self) -> str:
        """See Lead.trouble."""
        return self._resource_follower.trouble or self._job_follower.trouble

    def facts(self) -> LeadFacts:
        """See Lead.facts."""
        return read_facts(self._handles.rpc)

    def drain(self, ranks: Iterable[int], reason: str) -> None:
        """See Lead.drain. Where one of the ranks is drained already, each gets a call of its own."""
        self._each_if_refused("resource.drain", ranks, {"reason": reason})

    def undrain(self, ranks: Iterable[int], owner: str) -> None:
        """See Lead.undrain."""
        drained = self._handles.rpc("resource.status", {}).get("drain") or {}
        mark = drain_mark(owner)
        mine = {
            rank
            for idset, drain in drained.items()
            if (drain.get("reason") or "").startswith(mark)
            for rank in parse_idset(idset)
        }
        self._each_if_refused("resource.undrain", mine & set(ranks), {})

    def allocated(self) -> frozenset[int]:
        """See Lead.allocated. Fluxion answers null where nothing is allocated."""
        held = self._handles.rpc("sched.resource-status", {}).get("allocated")
        return frozenset(shares(held)) if held else frozenset()

    def tell(self, job: int, text: str) -> None:
        """See Lead.tell. The memo is volatile: a restart of the lead forgets it."""
        memo = {"id": job, "memo": {TOLD_MEMO: text or None}, "volatile": True}
        try:
            self._handles.rpc("job-manager.memo", memo)
        except LeadRefused as exc:
            if exc.errno != ENOENT:
                raise

    def raise_exception(self, job: int, text: str) -> None:
        """See Lead.raise_exception."""
        Waiting(self._handles.rpc, job).raise_exception(text)

    def queues(self) -> tuple[Queue, ...]:
        """See Lead.queues."""
        return queues.read_queues(self._handles.rpc)

    def start_queue(self, name: str) -> None:
        """See Lead.start_queue."""
        queues.start(self._handles.rpc, name)

    def stop_queue(self, name: str) -> None:
        """See Lead.stop_queue."""
        queues.stop(self._handles.rpc, name)

    def hold(self, job: int, owner: str) -> None:
        """See Lead.hold."""
        Waiting(self._handles.rpc, job).hold(owner, self._clock())

    def unhold(self, job: int) -> None:
        """See Lead.unhold."""
        Waiting(self._handles.rpc, job).release()

    def nudge(self, job: int) -> None:
        """See Lead.nudge."""
        Waiting(self._handles.rpc, job).nudge()

    def move(self, job: int, queue: str) -> None:
        """See Lead.move."""
        Waiting(self._handles.rpc, job).move(queue)

    def make_directories(self, ranks: Iterable[int], directories: Iterable[Directory]) -> dict[int, str]:
        """See Lead.make_directories."""
        return remote.run(self._handles.stream, ranks, command(directories))

    def look_up(self, key: str) -> str | None:
        """See Lead.look_up."""
        return kvs.look_up(self._handles.rpc, key)

    def store(self, key: str, text: str) -> None:
        """See Lead.store."""
        kvs.store(self._handles.rpc, key, text)

    def register(self, name: str) -> bool:
        """See Lead.register."""
        self._release_name()
        self._name = ServiceName(self._connect)
        return self._name.take(name)

    def registered(self) -> bool:
        """See Lead.registered."""
        return self._name is not None and self._name.held

    def close(self) -> None:
        """See Lead.close. No steering call may be under way."""
        self._release_name()
        for follower in (self._job_follower, self._resource_follower):
            follower.stop()
        for follower in (self._job_follower, self._resource_follower):
            follower.join(JOIN_SECONDS)
        self._handles.close()

    def _release_name(self) -> None:
        if self._name is not None:
            self._name.release(JOIN_SECONDS)
        self._name = None

    def _each_if_refused(self, topic: str, ranks: Iterable[int], extra: Payload) -> None:
        """Send one request for all ranks; Flux refuses it whole (EEXIST) if one is in that state already."""
        wanted = sorted(set(ranks))
        batches = [wanted] if wanted else []
        while batches:
            batch = batches.pop()
            try:
                self._handles.rpc(topic, {"targets": format_idset(batch), **extra})
            except LeadRefused as exc:
                if exc.errno != EEXIST:
                    raise
                batches += [[rank] for rank in batch] if len(batch) > 1 else []

    def _take_jobs(self, reading: _Reading[JobLog] | None) -> None:
        with self._lock:
            changed = self._jobs is not reading
            self._jobs = reading
            self._assemble()
        self._announce(changed, lost=reading is None)

    def _take_inventory(self, reading: _Reading[Inventory] | None) -> None:
        with self._lock:
            changed = self._inventory is not reading
            self._inventory = reading
            self._assemble()
        self._announce(changed, lost=reading is None)

    def _take_response(self, fold: Fold, response: Payload) -> None:
        with self._lock:
            fold.apply(response)
            if self._assembly is not None:
                self._assembly.note_change()
        self._on_change()

    def _announce(self, changed: bool, lost: bool) -> None:
        if changed and lost:
            self._handles.renew()
        if changed:
            self._on_change()

    def _assemble(self) -> None:
        """Put the two readings together, if they fit. The lock is held."""
        jobs, inventory = self._jobs, self._inventory
        self._assembly = None
        if jobs is None or inventory is None:
            return
        if jobs.generation != inventory.generation:
            self._job_follower.read_again()
            self._resource_follower.read_again()
            return
        quiet_from = self._clock() if self._assembled else 0.0
        self._assembly = Assembly(jobs.generation, jobs.fold, inventory.fold, quiet_from)
        self._assembled = True


@dataclass(frozen=True)
class _JobFeed:
    """The job manager's journal."""

    take: Callable[[_Reading[JobLog] | None], None]
    take_response: Callable[[Fold, Payload], None]
    topic: str = "job-manager.events-journal"
    request: Payload = field(default_factory=lambda: {"full": False})

    def begin(self, handle: Handle) -> JobLog:
        return JobLog(read_owner(lambda topic, payload: handle.rpc(topic, payload, RANK_0)))

    def publish(self, handle: Handle, generation: str, fold: JobLog) -> None:
        _remind(handle, fold)
        self.take(_Reading(generation, fold))

    def apply(self, fold: JobLog, response: Payload) -> None:
        self.take_response(fold, response)

    def withdraw(self) -> None:
        self.take(None)


@dataclass(frozen=True)
class _ResourceFeed:
    """The resource module's journal."""

    take: Callable[[_Reading[Inventory] | None], None]
    take_response: Callable[[Fold, Payload], None]
    topic: str = "resource.journal"
    request: Payload = field(default_factory=dict)

    def begin(self, handle: Handle) -> Inventory:
        return Inventory(handle.rpc("resource.status", {}, RANK_0))

    def publish(self, _handle: Handle, generation: str, fold: Inventory) -> None:
        self.take(_Reading(generation, fold))

    def apply(self, fold: Inventory, response: Payload) -> None:
        self.take_response(fold, response)

    def withdraw(self) -> None:
        self.take(None)


def _remind(handle: Handle, fold: JobLog) -> None:
    """Read the memos of active jobs from job-list: the journal's history has no volatile ones.

    A lead without job-list, such as one that is just starting, has forgotten them anyway.
    """
    active = {"states": ["pending", "running"]}
    request = {"max_entries": 0, "attrs": ["annotations"], "constraint": active}
    stream = handle.stream("job-list.list", request, RANK_0)
    try:
        while (answer := stream.next(LIST_SECONDS)) is not None:
            for job in answer.get("jobs") or ():
                fold.remind(job["id"], (job.get("annotations") or {}).get("user") or {})
    except StopIteration:
        return
    except LeadRefused as exc:
        if exc.errno != ENOSYS:
            raise
        return
    raise LeadLost(f"job-list.list: no answer within {LIST_SECONDS:g} s")
