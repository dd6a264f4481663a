"""What goes wrong on demand: calls that fail, and things that cannot be made."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from grpc import StatusCode

Trouble = Literal["stockout", "quota", "internal", "silent"]
"""Why what is made is not: `silent` is said by nothing but the operation."""

ERROR_WORDS = {
    "stockout": (
        "GCE_STOCKOUT",
        8,
        "Instance 'gke-{cluster}' creation failed: The zone 'projects/test-project/zones/{zone}' does not "
        "have enough resources available to fulfill the request. (ZONE_RESOURCE_POOL_EXHAUSTED)",
    ),
    "quota": (
        "GCE_QUOTA_EXCEEDED",
        8,
        "Insufficient quota to satisfy the request: Not all instances running in IGM after 20s. Quota "
        "'C2_CPUS' exceeded. Limit: 24.0 in region us-central1.",
    ),
    "internal": ("UNKNOWN", 13, "Internal error."),
    "silent": ("UNKNOWN", 13, "All cluster resources were brought up, but nodes did not register."),
}
"""Condition code, number of google.rpc.Code, and text of each trouble."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that fails. `apply`: whether it has its effect all the same, and on which side of the answer."""

    method: str
    code: StatusCode | None
    text: str
    reason: str
    apply: Literal["before", "after"] | None
    permission: str = ""


class Faults:
    """The faults that wait to be met, in order. Used by any thread."""

    def __init__(self) -> None:
        self.machines_left: int | None = None
        """How many machines the zone has left for hosts; None: as many as are asked for."""
        self.lacking = "GCE out of resources"
        """What an autoscaler says where there are none; another is "GCE quota exceeded"."""
        self._lock = threading.Lock()
        self._calls: list[Fault] = []
        self._troubles: list[Trouble] = []

    def add(
        self,
        method: str,
        code: StatusCode | None = StatusCode.UNAVAILABLE,
        *,
        text: str = "failed on demand",
        reason: str = "",
        apply: Literal["before", "after"] | None = None,
        times: int = 1,
        permission: str = "",
    ) -> None:
        """Have the next calls of a method fail.

        `apply` None: without effect. "after": the effect comes first, then the error, as where an answer is
        lost. "before": the error comes first, the effect a moment later. `code` None: connections are reset.
        """
        with self._lock:
            self._calls += [Fault(method, code, text, reason, apply, permission)] * times

    def fail_making(self, trouble: Trouble, times: int = 1) -> None:
        """Have the next clusters or node pools end in an operation that is done and failed."""
        with self._lock:
            self._troubles += [trouble] * times

    def take_machine(self) -> bool:
        """Say whether there is a machine, which is then taken."""
        with self._lock:
            there = self.machines_left is None or self.machines_left > 0
            if there and self.machines_left is not None:
                self.machines_left -= 1
            return there

    def take(self, method: str) -> Fault | None:
        """Return the next fault of a method, once."""
        with self._lock:
            found = next((fault for fault in self._calls if fault.method == method), None)
            if found is not None:
                self._calls.remove(found)
            return found

    def take_trouble(self) -> Trouble | None:
        """Return what the next thing that is made meets, once."""
        with self._lock:
            return self._troubles.pop(0) if self._troubles else None
