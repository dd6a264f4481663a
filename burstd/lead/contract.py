"""The Lead protocol: what the engine knows of the Flux instance it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from burstd.core.marks import NO_HOST, drain_mark
from burstd.core.model import Directory, LeadView, Queue, Scheduling

__all__ = ["NO_HOST", "Lead", "LeadFacts", "drain_mark"]


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What does not change while one broker generation lives.

    `generation` is the broker's uuid. `hostlist` is the RFC 29 hostlist in rank order. `durable`
    says whether pending jobs, memos and drains survive a restart of the lead (it has a statedir).
    `curve_cert` is the path in the lead's `[bootstrap]`, "" if it names none. `lead_endpoint` is the
    URI that the lead's config tells other brokers to connect to, "" if none.
    `scheduler` names the loaded module that offers the `sched` service, "" if none does; `queue_policy` is
    Fluxion's ("" for another scheduler), `scheduling` what both mean for a job that waits for down hosts.
    `owner` is the user id of the instance owner, None if it is not told; `guests` says whether other users
    may submit jobs.
    """

    generation: str
    version: str
    hostlist: str
    durable: bool
    curve_cert: str
    lead_endpoint: str
    scheduler: str
    queue_policy: str = ""
    scheduling: Scheduling = Scheduling.UNKNOWN
    owner: int | None = None
    guests: bool = False


class Lead(Protocol):
    """The lead, seen through its rank 0 broker.

    Reading is from memory, kept current by the lead's own journals; steering is one RPC a call.
    The steering calls may be made from any thread. They raise LeadLost or LeadRefused.
    """

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to follow the lead; call `on_change`, from any thread, whenever the view changed."""
        ...

    def view(self) -> LeadView | None:
        """Return what is known now; None while the lead cannot be reached or is not yet fully read."""
        ...

    def trouble(self) -> str:
        """Say why the lead cannot be followed just now, as a sentence; "" while it can."""
        ...

    def facts(self) -> LeadFacts:
        """Return the facts of the current broker generation. Raises LeadLost or LeadRefused."""
        ...

    def drain(self, ranks: Iterable[int], reason: str) -> None:
        """Drain ranks; one that is drained already, for whatever reason, is left as it is."""
        ...

    def undrain(self, ranks: Iterable[int], owner: str) -> None:
        """Undrain those of the ranks that are drained by this owner (see `drain_mark`), no other."""
        ...

    def allocated(self) -> frozenset[int]:
        """Return the ranks on which jobs hold resources, as the scheduler says now, by RPC."""
        ...

    def tell(self, job: int, text: str) -> None:
        """Write a sentence into the job's memo as `burst`; "" takes it out; a job that is gone is no error.

        `flux jobs -o '{user.burst}'` shows it.
        """
        ...

    def raise_exception(self, job: int, text: str) -> None:
        """Raise an exception of type `burst` on a job that does not end it (severity 4, RFC 21).

        `text` begins with the reason's code and a colon. A job that is gone is no error.
        """
        ...

    def queues(self) -> tuple[Queue, ...]:
        """Return the lead's named queues as they are now, by RPC; none where the lead has no named queues."""
        ...

    def start_queue(self, name: str) -> None:
        """Let a queue schedule again, if it is stopped with burstd's reason or with none; else leave it."""
        ...

    def stop_queue(self, name: str) -> None:
        """Stop a queue's scheduling with the reason `NO_HOST`, if it runs; else leave it."""
        ...

    def hold(self, job: int, owner: str) -> None:
        """Hold a waiting job: first the memo `burstd_hold` (not volatile), then urgency 0.

        A job that is gone, or that somebody else holds already, is no error.
        """
        ...

    def unhold(self, job: int) -> None:
        """Release a job that burstd holds: the urgency from before burstd's own event, then the memo out.

        The urgency is read from the job's own eventlog. Unless the memo is there and the latest urgency event
        is one to 0 by the instance owner, only the memo is taken out. A job that is gone is no error.
        """
        ...

    def nudge(self, job: int) -> None:
        """Make the scheduler look at a waiting job again: set its urgency to the value it has."""
        ...

    def move(self, job: int, queue: str) -> None:
        """Move a waiting job to another queue, whose constraint replaces the job's own."""
        ...

    def make_directories(self, ranks: Iterable[int], directories: Iterable[Directory]) -> dict[int, str]:
        """Make directories on hosts that are up, by a command that each broker runs; those there are left.

        Returns what each rank had to say, "" for most: a directory that cannot be made is no error. A rank
        that is gone is left out. Raises LeadRefused too where a broker does not run commands, or not in time.
        """
        ...

    def look_up(self, key: str) -> str | None:
        """Return the text under a key of the lead's KVS, None if there is none."""
        ...

    def store(self, key: str, text: str) -> None:
        """Put a text under a key of the lead's KVS; returns once it is committed.

        It survives a restart of the lead as far as the KVS does: where the lead has a statedir.
        """
        ...

    def register(self, name: str) -> bool:
        """Take a service name at rank 0 for as long as this connection lives; False where it is taken.

        Flux frees the name when its holder dies. A name that this Lead has already is taken anew.
        """
        ...

    def registered(self) -> bool:
        """Say whether the name is still held: whether the connection that took it still answers."""
        ...

    def close(self) -> None:
        """Stop following and drop every connection."""
        ...
