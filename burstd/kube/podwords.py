"""The states of pods as lines, one for each that keeps a broker from running, to be read with its log. Pure.

Formats: Pod status of Kubernetes' core/v1; the reasons are those of the kubelet and of the scheduler.
"""

from __future__ import annotations

from collections.abc import Iterator

from burstd.kube.kinds import Manifest


def lines(pod: Manifest) -> Iterator[str]:
    """Yield what the pod's present state says is wrong; nothing where all its containers run."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if status.get("reason") in ("Evicted", "Preempted", "Preempting"):
        yield f"pod {name}: evicted: {_one_line(status.get('message'))}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"pod {name}: not scheduled: {_one_line(condition.get('message'))}"
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from (f"pod {name}: container {one['name']}: {said}" for said in _container(one))


def containers(pod: Manifest) -> tuple[str, ...]:
    """Return the containers that may have written something, in the order in which they run."""
    spec = pod.get("spec") or {}
    return tuple(one["name"] for key in ("initContainers", "containers") for one in spec.get(key) or ())


def _container(status: Manifest) -> Iterator[str]:
    """A container that waits tells how it ended before; one that runs is over that."""
    state = status.get("state") or {}
    ended = state.get("terminated") or (
        (status.get("lastState") or {}).get("terminated") if "waiting" in state else None
    )
    if ended and (ended.get("exitCode") or ended.get("reason") not in ("Completed", None)):
        told = _one_line(ended.get("message"))
        reason = f"ended: {ended.get('reason') or 'Error'} (exit code {ended.get('exitCode', 0)})"
        yield f"{reason}: {told}" if told else reason
    waiting = state.get("waiting")
    if waiting:
        told = _one_line(waiting.get("message"))
        reason = f"waiting: {waiting.get('reason') or 'no reason given'}"
        yield f"{reason}: {told}" if told else reason


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())
