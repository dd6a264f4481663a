"""Faults on demand: answers that are no answer, lost connections, delays."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Literal

from fakes.kube.status import Object, Refused

_TEXTS = {429: "the server has received too many requests and has asked us to try again later"}


@dataclass(slots=True)
class Fault:
    """What befalls requests whose method and path (or path and query) match. `hits` counts them."""

    method: str
    path: str
    status: int | None = None
    times: int | None = 1
    """How many requests it befalls; None is all."""
    after: int = 0
    """How many matching requests pass first."""
    retry_after: int | None = None
    body: Object | str | None = None
    drop: Literal["before", "after", "within"] | None = None
    """Close the connection: before the request is applied, or after, without an answer or within it."""
    delay: float = 0.0
    """Seconds before anything else happens."""
    hits: int = 0
    passed: int = 0

    def matches(self, method: str, target: str) -> bool:
        sides = (target.partition("?")[0], target)
        return self.method in {"", "*", method} and any(re.search(self.path, side) for side in sides)

    def answer(self) -> tuple[int, Object | str, int | None]:
        """Return status code, body and Retry-After; only where `status` is set."""
        code = self.status or 500
        text = _TEXTS.get(code, f"the server answers {code} because a test wants it")
        body = (
            self.body if self.body is not None else Refused(code, text, retry_after=self.retry_after).body()
        )
        return code, body, self.retry_after


class Faults:
    """The faults of a server; each request meets the first that fits."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, method: str = "", path: str = "", status: int | None = None, **more: object) -> Fault:
        """Add a fault and return it, for its `hits`; the arguments are the fields of Fault."""
        fault = Fault(method, path, status, **more)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        with self._lock:
            self._faults.remove(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, target: str) -> Fault | None:
        """Return the fault that befalls this request, and count it."""
        with self._lock:
            return next((fault for fault in self._faults if _befalls(fault, method, target)), None)


def _befalls(fault: Fault, method: str, target: str) -> bool:
    if (fault.times is not None and fault.hits >= fault.times) or not fault.matches(method, target):
        return False
    if fault.passed < fault.after:
        fault.passed += 1
        return False
    fault.hits += 1
    return True
