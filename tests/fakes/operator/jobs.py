"""The Job controller: batch/v1, Indexed or not, and elastic as Indexed Jobs are."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from burstd.core.hosts import format_idset
from fakes.operator import pods
from fakes.operator.objects import Object, Objects, holds, is_going, now, owned_by, with_condition

RESOURCE = "jobs.batch"


class Jobs:
    """Keeps the pods of every Job as many as it asks for."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._since: dict[str, float] = {}

    def sync(self) -> float | None:
        """Bring all Jobs forward; return the seconds until the first deadline, None if there is none."""
        jobs, everything = self._objects.all(RESOURCE), self._objects.all("pods")
        left = [self._sync_one(job, owned_by(job, everything)) for job in jobs if not is_going(job)]
        return min((seconds for seconds in left if seconds is not None), default=None)

    def _sync_one(self, job: Object, own: list[Object]) -> float | None:
        status = dict(job.get("status") or {})
        if holds(status, "Complete") or holds(status, "Failed"):
            self._write(job, status, own)
            return None
        left = self._seconds_left(job)
        trouble = _trouble(job, own, left)
        if trouble:
            self._fail(job, status, own, trouble)
            return None
        self._settle(job, own)
        status = {"startTime": now()} | status
        if _is_complete(job, own):
            status = with_condition(status, "Complete", True) | {"completionTime": now()}
        self._write(job, status, own)
        return left

    def _settle(self, job: Object, own: list[Object]) -> None:
        """Delete the pods that are too many, and create those that are missing."""
        for pod in _surplus(job, own):
            self._objects.delete("pods", pod)
        if _is_indexed(job):
            for index in _missing_indexes(job, own):
                self._objects.create("pods", pods.of_job(job, index))
        else:
            for _ in range(_missing_count(job, own)):
                self._objects.create("pods", pods.of_job(job, None))

    def _fail(self, job: Object, status: Object, own: list[Object], trouble: tuple[str, str]) -> None:
        for pod in filter(pods.is_active, own):
            self._objects.delete("pods", pod)
        self._write(job, with_condition(status, "Failed", True, *trouble), own)

    def _write(self, job: Object, status: Object, own: list[Object]) -> None:
        counts: dict[str, Any] = {
            "active": sum(map(pods.is_active, own)),
            "ready": sum(pods.is_active(pod) and holds(pod.get("status") or {}, "Ready") for pod in own),
            "terminating": sum(is_going(pod) and not pods.is_over(pod) for pod in own),
            "succeeded": len(_succeeded(job, own)),
            "failed": sum(pods.phase(pod) == "Failed" for pod in own),
        }
        if _is_indexed(job):
            done = sorted({pods.index_of(pod) for pod in _succeeded(job, own)})
            counts["completedIndexes"] = format_idset(done) if done else ""
        self._objects.set_status(RESOURCE, job, status | counts)

    def _seconds_left(self, job: Object) -> float | None:
        """Return how long the Job may still run; None: as long as it likes."""
        seconds = job["spec"].get("activeDeadlineSeconds")
        began = self._since.setdefault(job["metadata"]["uid"], time.monotonic())
        return None if seconds is None else began + seconds - time.monotonic()


def _trouble(job: Object, own: Iterable[Object], left: float | None) -> tuple[str, str] | None:
    """Return reason and message of why a Job has failed."""
    if left is not None and left <= 0:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    failures = sum(pods.restarts(pod) + (pods.phase(pod) == "Failed") for pod in own)
    if failures > job["spec"].get("backoffLimit", 6):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    return None


def _is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _parallelism(job: Object) -> int:
    return int(job["spec"].get("parallelism", 1))


def _completions(job: Object) -> int:
    return int(job["spec"].get("completions", 1))


def _is_complete(job: Object, own: Iterable[Object]) -> bool:
    return len(_succeeded(job, own)) >= _completions(job)


def _succeeded(job: Object, own: Iterable[Object]) -> list[Object]:
    """Return the pods that count: of each index one, and only of indexes that are still asked for."""
    done = [pod for pod in own if pods.phase(pod) == "Succeeded"]
    if not _is_indexed(job):
        return done
    return list({pods.index_of(pod): pod for pod in done if pods.index_of(pod) < _completions(job)}.values())


def _surplus(job: Object, own: Iterable[Object]) -> list[Object]:
    """Return the active pods that are too many, those of the highest indexes first."""
    active = sorted(filter(pods.is_active, own), key=pods.index_of, reverse=True)
    if not _is_indexed(job):
        return active[: max(0, len(active) - _parallelism(job))]
    beyond = [pod for pod in active if pods.index_of(pod) >= _completions(job)]
    rest = [pod for pod in active if pod not in beyond]
    return beyond + rest[: max(0, len(rest) - _parallelism(job))]


def _missing_indexes(job: Object, own: Iterable[Object]) -> list[int]:
    """Return the indexes without a pod, the lowest first, as many as may run. One that is going is none."""
    own = list(own)
    taken = {pods.index_of(pod) for pod in own if pods.is_active(pod) or pods.phase(pod) == "Succeeded"}
    running = sum(pods.is_active(pod) for pod in own if pods.index_of(pod) < _completions(job))
    free = [index for index in range(_completions(job)) if index not in taken]
    return free[: max(0, _parallelism(job) - running)]


def _missing_count(job: Object, own: Iterable[Object]) -> int:
    own = list(own)
    wanted = min(_parallelism(job), _completions(job) - len(_succeeded(job, own)))
    return max(0, wanted - sum(map(pods.is_active, own)))
