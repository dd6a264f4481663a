"""What the pods of a burst say: which hosts run, what the others wait for, what can never work. Pure.

Formats: Pod status of Kubernetes' core/v1; the waiting reasons are those of the kubelet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from burstd.core.model import Failure
from burstd.kube import scaleups
from burstd.kube.kinds import Manifest
from burstd.kube.scaleups import Note
from burstd.kube.steps import MARK

INDEX = "batch.kubernetes.io/job-completion-index"
"""Kubernetes' own label; the operator's `job-index` is wrong where a namespace has other pods."""

AGAIN_SECONDS = 60.0
"""Before a pool is tried again whose pods could not start in a way that may pass."""

CRASHES = 2
"""Restarts of a container before its crashes are the burst's failure: one may be a lead that restarts."""

_PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_LASTING = ("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError")
_ABSENT = ("not found", "denied", "unauthorized", "manifest unknown", "does not exist", "forbidden")
"""What a registry says of an image that will not be there next time either."""

_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """The hosts that have a pod, what is waited for ("" once all run), and why that cannot work."""

    hosts: tuple[str, ...]
    pending: str = ""
    failure: Failure | None = None


def judge(
    hosts: Sequence[str],
    size: int,
    pods: Iterable[Manifest],
    notes: Mapping[str, Note] | None = None,
    job: Manifest | None = None,
    logs: Mapping[str, str] | None = None,
    offer: str = "",
    trouble: Failure | None = None,
) -> Judged:
    """Judge the pods of a burst that is to have the first `size` of `hosts`.

    `notes` has, by name, what an event says about a pod that waits for a machine, or about the Job; `job` is
    the Indexed Job, whose failure ends the burst; `logs` has, by pod name, what a container that keeps ending
    wrote; `offer` names the machines that are asked for; `trouble` is what is wrong with them, by who makes
    them: it fails the burst where no host has one.
    """
    by_index = {index: pod for pod in pods if lives(pod) and (index := index_of(pod)) is not None}
    there = tuple(host for index, host in enumerate(hosts) if index in by_index)
    wanted = [by_index.get(index) for index in range(size)]
    failures = (
        failure for pod in wanted if pod is not None if (failure := _failure(pod, logs or {})) is not None
    )
    told = dict(notes or {})
    of_job = told.get((job.get("metadata") or {}).get("name", "")) if job else None
    failure = _job_failure(job) or next(failures, None) or _shortage(wanted, told, of_job, offer)
    pending = _pending(wanted, told, of_job)
    if trouble is not None and not any(has_machine(pod) for pod in wanted):
        return Judged(there, pending or trouble.text, failure or trouble)
    return Judged(there, f"{pending}; {trouble.text}" if pending and trouble else pending, failure)


def index_of(pod: Manifest) -> int | None:
    """Return the completion index of an Indexed Job's pod, None for another."""
    text = (pod["metadata"].get("labels") or {}).get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def crashed(pod: Manifest) -> str:
    """Return the name of a container that ended badly and was started again too often; "" if none did."""
    return next((status["name"] for status in _statuses(pod) if _crashes(status)), "")


def waits_for_machine(pod: Manifest) -> bool:
    """Say whether no Node could take the pod yet."""
    return lives(pod) and _unscheduled(pod) is not None


def has_machine(pod: Manifest | None) -> bool:
    """Say whether a pod is there that is bound to a Node."""
    return pod is not None and bool((pod.get("spec") or {}).get("nodeName"))


def lives(pod: Manifest) -> bool:
    """Say whether a pod may run, or will: a phase that nobody knows may be one in which it does."""
    phase = (pod.get("status") or {}).get("phase", "Pending")
    return "deletionTimestamp" not in pod["metadata"] and phase not in ("Succeeded", "Failed")


def _shortage(
    wanted: Sequence[Manifest | None], notes: Mapping[str, Note], of_job: Note | None, offer: str
) -> Failure | None:
    """Return why no host can have a machine. Where one has, the rest are waited for: they are no failure."""
    waiting = [pod["metadata"]["name"] for pod in wanted if pod is not None and waits_for_machine(pod)]
    if len(waiting) != sum(pod is not None for pod in wanted):
        return None
    told = [notes[name] for name in waiting if name in notes] or ([of_job] if of_job and not waiting else [])
    for note in told:
        seconds = scaleups.shortage(note)
        if seconds is not None:
            return Failure(f"no host gets a machine ({str(note)[:_LONGEST_TEXT]})", seconds, offer)
    return None


def _pending(wanted: Sequence[Manifest | None], notes: Mapping[str, Note], of_job: Note | None) -> str:
    waits = [wait for pod in wanted if (wait := _wait(pod, notes, of_job))]
    if not waits:
        return ""
    (common, count), *_ = Counter(waits).most_common(1)
    return f"{len(wanted) - len(waits)} of {len(wanted)} hosts run; {count} {common}"


def _wait(pod: Manifest | None, notes: Mapping[str, Note], of_job: Note | None) -> str:
    """Return what a host waits for, as words that follow a number; "" if its pod runs."""
    if pod is None:
        return f"have no pod yet ({str(of_job)[:_LONGEST_TEXT]})" if of_job else "have no pod yet"
    unscheduled = _unscheduled(pod)
    if unscheduled is not None:
        note = str(notes.get(pod["metadata"]["name"], unscheduled))
        return f"wait for a machine ({note[:_LONGEST_TEXT]})" if note else "wait for a machine"
    waiting = next((reason for reason, _ in _waiting(pod)), "")
    if waiting in _PULLING:
        return "pull their image"
    if waiting and waiting not in ("ContainerCreating", "PodInitializing"):
        return f"wait: {waiting}"
    return "" if _runs(pod) else "start their containers"


def _runs(pod: Manifest) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(statuses) and all("running" in (status.get("state") or {}) for status in statuses)


def _unscheduled(pod: Manifest) -> str | None:
    """Return the scheduler's words about a pod that got no machine; None where it said none."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message", ""))
    return None


def _failure(pod: Manifest, logs: Mapping[str, str]) -> Failure | None:
    name = pod["metadata"]["name"]
    for status in _statuses(pod):
        words = _last_words(status)
        if words.startswith(MARK):
            return Failure(f"{name}: {words.removeprefix(MARK)}")
        if _crashes(status):
            said = words or logs.get(name, "")[-_LONGEST_TEXT:] or "it said nothing"
            text = f"its container {status['name']} keeps ending (exit code {_exit_code(status)}): {said}"
            return Failure(f"{name}: {text}", AGAIN_SECONDS)
    return next((_start_failure(name, reason, text) for reason, text in _waiting(pod) if _bad(reason)), None)


def _start_failure(name: str, reason: str, text: str) -> Failure:
    text = f"{name} cannot start: {reason}: {text[:_LONGEST_TEXT]}"
    passes = reason in _PULLING and not any(mark in text.lower() for mark in _ABSENT)
    return Failure(text, AGAIN_SECONDS if passes else None)


def _bad(reason: str) -> bool:
    """ErrImagePull is tried again at once by the kubelet; ImagePullBackOff means that it failed again."""
    return reason in _LASTING or reason == "ImagePullBackOff"


def _waiting(pod: Manifest) -> Iterator[tuple[str, str]]:
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting")
        if waiting:
            yield str(waiting.get("reason", "")), str(waiting.get("message", ""))


def _statuses(pod: Manifest) -> Iterator[Manifest]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _last_words(status: Manifest) -> str:
    for key in ("state", "lastState"):
        ended = (status.get(key) or {}).get("terminated") or {}
        if ended.get("message"):
            return str(ended["message"]).strip()[:_LONGEST_TEXT]
    return ""


def _exit_code(status: Manifest) -> int:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return int(ended.get("exitCode", 0))


def _crashes(status: Manifest) -> bool:
    waiting = (status.get("state") or {}).get("waiting") or {}
    return waiting.get("reason") == "CrashLoopBackOff" and int(status.get("restartCount", 0)) >= CRASHES


def _job_failure(job: Manifest | None) -> Failure | None:
    for condition in ((job or {}).get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            text = condition.get("message") or condition.get("reason") or "no reason given"
            return Failure(f"Kubernetes ended the burst's Job: {text}", AGAIN_SECONDS)
    return None
