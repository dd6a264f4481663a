"""Why a burstable job still waits: a closed set of codes, each with one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Code(StrEnum):
    """The codes, used alike in the log, on the command line and in the job's own memo."""

    STARTING = "starting"
    HOSTS_COMING = "hosts-coming"
    MOVING = "moving"
    BURST_IN_FLIGHT = "burst-in-flight"
    POOL_BUSY = "pool-busy"
    POOL_RELEASING = "pool-releasing"
    POOL_UNSEEN = "pool-unseen"
    POOL_COOLDOWN = "pool-cooldown"
    POOL_FAILED = "pool-failed"
    HOSTS_DRAINED = "hosts-drained"
    NO_ROOM = "no-room"
    POOL_CLOSED = "pool-closed"
    LIMIT_REACHED = "limit-reached"
    OVER_BUDGET = "over-budget"
    SPEND_UNKNOWN = "spend-unknown"
    PAUSED = "paused"
    NOT_OWNER = "not-owner"
    TOO_LARGE = "too-large"
    SHAPE_MISMATCH = "shape-mismatch"
    CONSTRAINT_MISMATCH = "constraint-mismatch"
    UNKNOWN_TARGET = "unknown-target"
    BAD_BURSTABLE = "bad-burstable"
    HELD = "held"


_SENTENCES = {
    Code.STARTING: "Hosts for it are up; Flux starts it next.",
    Code.HOSTS_COMING: "Its hosts are being brought up ({detail}).",
    Code.MOVING: "It is being moved to queue {detail}, where its hosts will be.",
    Code.BURST_IN_FLIGHT: "{detail} is coming up at a fixed size; it can grow once it serves.",
    Code.POOL_BUSY: "Every host of pool {detail} is in use or promised.",
    Code.POOL_RELEASING: "Pool {detail} is being released; its next burst can start after that.",
    Code.POOL_UNSEEN: "The sites of pool {detail} cannot be listed yet; nothing is made before they are.",
    Code.POOL_COOLDOWN: "Pool {detail}.",
    Code.POOL_FAILED: "Pool {detail}.",
    Code.HOSTS_DRAINED: "Too many hosts of the pool are drained: {detail}.",
    Code.NO_ROOM: "The provider has no room for it now: {detail}.",
    Code.POOL_CLOSED: "Pool {detail}.",
    Code.LIMIT_REACHED: "A limit stands in the way: {detail}.",
    Code.OVER_BUDGET: "Its hosts would cost more than is allowed: {detail}.",
    Code.SPEND_UNKNOWN: "What was spent today is not known, so nothing is bought: see `burstd resume`.",
    Code.PAUSED: "burstd is paused and makes nothing: `burstd resume` ends that.",
    Code.NOT_OWNER: "Pool {detail} serves only the instance owner's jobs, unless it has multi_user: true.",
    Code.TOO_LARGE: "It asks for more than any pool has: {detail}.",
    Code.SHAPE_MISMATCH: "No pool has hosts with what it asks of each: {detail}.",
    Code.CONSTRAINT_MISMATCH: "Its constraint or queue allows no pool's hosts: {detail}.",
    Code.UNKNOWN_TARGET: "No pool or provider is called {detail}.",
    Code.BAD_BURSTABLE: "Its burstable value is not understood: {detail}; use true, a pool or a provider.",
    Code.HELD: "It is held (urgency 0) by its user or an administrator.",
}


FINAL = frozenset(
    {
        Code.NOT_OWNER,
        Code.TOO_LARGE,
        Code.SHAPE_MISMATCH,
        Code.CONSTRAINT_MISMATCH,
        Code.UNKNOWN_TARGET,
        Code.BAD_BURSTABLE,
    }
)
"""What no burst will ever change: the job, or the configuration, would have to be another."""


MOST_HOPEFUL = (
    Code.BURST_IN_FLIGHT,
    Code.POOL_BUSY,
    Code.POOL_RELEASING,
    Code.POOL_UNSEEN,
    Code.POOL_COOLDOWN,
    Code.NO_ROOM,
    Code.LIMIT_REACHED,
    Code.OVER_BUDGET,
    Code.SPEND_UNKNOWN,
    Code.PAUSED,
    Code.POOL_CLOSED,
    Code.HOSTS_DRAINED,
    Code.POOL_FAILED,
    Code.NOT_OWNER,
    Code.TOO_LARGE,
    Code.SHAPE_MISMATCH,
    Code.CONSTRAINT_MISMATCH,
)
"""What pools may answer for one job, the answer with the most hope first: that one the job is told."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One code, what fills its sentence, and what else is to be said."""

    code: Code
    detail: str = ""
    warning: str = ""
    """A sentence of its own, about what the job will meet once it runs."""
    pool: str = field(default="", compare=False)
    """The pool that is meant to serve the job, or that has the most hope to; "" where there is none."""
    phase: str = field(default="", compare=False)
    """Where the burst is that comes up for it (see burstd.core.model.Phase); "" where none does."""
    start: float | None = field(default=None, compare=False)
    """When it is likely to start, in epoch seconds, by how long bursts took before; None: not known."""

    @property
    def sentence(self) -> str:
        sentence = _SENTENCES[self.code].format(detail=self.detail)
        return f"{sentence} {self.warning}" if self.warning else sentence

    @property
    def memo(self) -> str:
        """What the job's memo says: beside the reason its pool, the burst's phase, the likely start."""
        pool = "" if self.code in FINAL else self.pool
        beside = ", ".join(part for part in (pool, self.phase, _about(self.start)) if part)
        return f"{self.code} [{beside}]: {self.sentence}" if beside else str(self)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def _about(moment: float | None) -> str:
    """A minute is close enough, and does not change with every second that an estimate moves."""
    return "" if moment is None else f"about {datetime.fromtimestamp(moment, UTC):%H:%M} UTC"


Answers = tuple[tuple[str, Reason], ...]
"""What pools answered for one job: each pool's name and its reason, in the order in which they were asked."""


def most_hopeful(answers: Iterable[tuple[str, Reason]]) -> Reason:
    """Return the reason that a job is told which every pool refused; the first of equals."""
    return min((reason for _, reason in answers), key=lambda reason: MOST_HOPEFUL.index(reason.code))
