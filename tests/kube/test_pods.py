"""What the pods of a burst say, one pod at a time."""

from __future__ import annotations

from typing import Any

import pytest

from burstd.core.model import Failure
from burstd.kube.pods import INDEX, Judged, judge
from burstd.kube.scaleups import Note

HOSTS = tuple(f"burst-0-{index}" for index in range(4))
RUNNING = {"phase": "Running", "containerStatuses": [{"name": "burst-0", "state": {"running": {}}}]}


def a_pod(index: int, status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    labels = {INDEX: str(index), "job-index": "flux"}
    name = f"burst-0-{index}-x7k2p"
    return {"metadata": {"name": name, "labels": labels, **metadata}, "status": status or RUNNING}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "burst-0", "state": state, **more}]}


def unscheduled(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


def test_all_that_run_is_nothing_to_wait_for() -> None:
    """Once every pod's containers run, nothing is pending."""
    judged = judge(HOSTS, 2, [a_pod(1), a_pod(0)])
    assert (judged.hosts, judged.pending, judged.failure) == (HOSTS[:2], "", None)


def test_the_operators_own_index_is_not_believed() -> None:
    """A pod's host is told by Kubernetes' completion index alone."""
    stranger = {"metadata": {"name": "x", "labels": {"job-index": "0"}}, "status": RUNNING}
    assert judge(HOSTS, 1, [stranger]).hosts == ()


@pytest.mark.parametrize(
    ("pod", "pending"),
    [
        (None, "1 of 2 hosts run; 1 have no pod yet"),
        (a_pod(1, unscheduled("0/3 nodes")), "1 of 2 hosts run; 1 wait for a machine (0/3 nodes)"),
        (a_pod(1, waiting("ContainerCreating")), "1 of 2 hosts run; 1 start their containers"),
        (a_pod(1, waiting("ErrImagePull", "x")), "1 of 2 hosts run; 1 pull their image"),
        (a_pod(1, deletionTimestamp="now"), "1 of 2 hosts run; 1 have no pod yet"),
        (a_pod(1, {"phase": "Failed"}), "1 of 2 hosts run; 1 have no pod yet"),
    ],
)
def test_what_a_host_waits_for_is_told(pod: dict[str, Any] | None, pending: str) -> None:
    """The most common wait is told with how many hosts run."""
    judged = judge(HOSTS, 2, [a_pod(0), *([pod] if pod else [])])
    assert (judged.pending, judged.failure) == (pending, None)


def test_a_scale_up_is_told_instead_of_the_schedulers_words() -> None:
    """What the autoscaler does about a pod is what its user wants to know."""
    pod = a_pod(0, unscheduled("0/1 nodes are available"))
    notes = {pod["metadata"]["name"]: Note("TriggeredScaleUp", "pool 0->4")}
    assert "(TriggeredScaleUp: pool 0->4)" in judge(HOSTS, 1, [pod], notes).pending


def test_no_machine_for_any_host_is_a_lack_of_room() -> None:
    """Where the autoscaler finds none for any host, the burst fails, and what was asked for is named."""
    pods = [a_pod(index, unscheduled("0/1 nodes are available")) for index in range(2)]
    notes = {pods[1]["metadata"]["name"]: Note("FailedScaleUp", "GCE out of resources")}
    failure = judge(HOSTS, 2, pods, notes, offer="c2-standard-4 in a").failure
    said = "no host gets a machine (FailedScaleUp: GCE out of resources)"
    assert failure == Failure(said, 300.0, "c2-standard-4 in a")


def test_fewer_machines_than_asked_for_are_no_failure() -> None:
    """Where some hosts have a machine, the others are waited for, with what the autoscaler says."""
    pods = [a_pod(0), a_pod(1, unscheduled("0/1 nodes are available"))]
    notes = {pods[1]["metadata"]["name"]: Note("FailedScaleUp", "GCE out of resources")}
    judged = judge(HOSTS, 2, pods, notes)
    assert judged.failure is None
    assert judged.pending == ("1 of 2 hosts run; 1 wait for a machine (FailedScaleUp: GCE out of resources)")


STOCKOUT = Failure("making cluster x: no machines left", 300.0, "c2-standard-4 in a")


def on_machine(index: int, status: dict[str, Any]) -> dict[str, Any]:
    return a_pod(index, status) | {"spec": {"nodeName": "one"}}


def test_what_is_wrong_with_the_machines_fails_a_burst_that_has_none() -> None:
    """What the maker of the machines says is the burst's failure while no host has one."""
    judged = judge(HOSTS, 1, [a_pod(0, unscheduled("0/1 nodes"))], trouble=STOCKOUT)
    assert judged.failure == STOCKOUT
    assert judge(HOSTS, 0, [], trouble=STOCKOUT).failure == STOCKOUT


def test_what_is_wrong_with_some_machines_is_what_the_other_hosts_wait_for() -> None:
    """Hosts that have a machine go on, though their containers only start yet; the rest is told."""
    pods = [on_machine(0, waiting("ContainerCreating")), a_pod(1, unscheduled("0/1 nodes"))]
    judged = judge(HOSTS, 2, pods, trouble=STOCKOUT)
    assert judged.failure is None
    assert judged.pending.endswith("; making cluster x: no machines left")
    assert judge(HOSTS, 1, [on_machine(0, RUNNING)], trouble=STOCKOUT) == Judged(HOSTS[:1])


def test_pods_that_a_quota_forbids_are_a_lack_of_room() -> None:
    """What the Job controller says of pods that it may not make is told, and fails the burst."""
    job = {"metadata": {"name": "burst-0"}}
    notes = {"burst-0": Note("FailedCreate", "pods is forbidden: exceeded quota: small")}
    judged = judge(HOSTS, 2, [], notes, job, offer="a machine")
    assert "2 have no pod yet (FailedCreate: pods is forbidden: exceeded quota" in judged.pending
    assert judged.failure is not None
    assert (judged.failure.retry_after, judged.failure.offer) == (900.0, "a machine")


def test_a_phase_that_nobody_knows_may_be_one_in_which_it_runs() -> None:
    """A pod whose phase a later Kubernetes invented is not taken for one that ended."""
    assert judge(HOSTS, 1, [a_pod(0, RUNNING | {"phase": "Resting"})]).hosts == HOSTS[:1]


@pytest.mark.parametrize(
    ("status", "text", "again"),
    [
        (waiting("ImagePullBackOff", 'image "x": not found'), "not found", None),
        (waiting("ImagePullBackOff", "registry: i/o timeout"), "i/o timeout", 60.0),
        (waiting("InvalidImageName", "x:y:z"), "InvalidImageName: x:y:z", None),
        (waiting("CreateContainerConfigError", 'secret "s" not found'), 'secret "s" not found', None),
        (waiting("CrashLoopBackOff", "back-off", restartCount=3), "keeps ending", 60.0),
    ],
)
def test_what_cannot_start_ends_the_burst(status: dict[str, Any], text: str, again: float | None) -> None:
    """The kubelet's own words are the failure; whether it may pass decides about another try."""
    failure = judge(HOSTS, 1, [a_pod(0, status)]).failure
    assert failure is not None
    assert text in failure.text
    assert failure.retry_after == again


def test_one_crash_is_not_the_end() -> None:
    """A container that ended once, as when the lead restarts, is left to the kubelet."""
    status = waiting("CrashLoopBackOff", "back-off", restartCount=1)
    assert judge(HOSTS, 1, [a_pod(0, status)]).failure is None


def test_last_words_of_burstds_own_steps_are_the_failure() -> None:
    """What the steps before the broker could not do is told at once, for good, in their words."""
    words = "burstd: this pod has Flux 0.80.0, the lead has 0.88.0"
    ended = {"terminated": {"exitCode": 1, "message": words}}
    status = waiting("CrashLoopBackOff", "back-off", restartCount=1, lastState=ended)
    failure = judge(HOSTS, 1, [a_pod(0, status)]).failure
    assert failure == Failure("burst-0-0-x7k2p: this pod has Flux 0.80.0, the lead has 0.88.0")


def test_a_container_that_keeps_ending_is_told_with_its_log() -> None:
    """Where it left no last words, the end of its log is told."""
    pod = a_pod(0, waiting("CrashLoopBackOff", "back-off", restartCount=3))
    failure = judge(HOSTS, 1, [pod], logs={pod["metadata"]["name"]: "flux: command not found"}).failure
    assert failure is not None
    assert "flux: command not found" in failure.text


def test_a_job_that_kubernetes_ended_ends_the_burst() -> None:
    """The Indexed Job's own failure, as when its deadline is over, is the burst's."""
    condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    job = {"metadata": {"name": "burst-0"}, "status": {"conditions": [condition]}}
    failure = judge(HOSTS, 1, [a_pod(0)], job=job).failure
    assert failure == Failure("Kubernetes ended the burst's Job: too long", 60.0)


def test_a_host_beyond_the_size_does_not_count() -> None:
    """A pod that is being taken away fails nobody."""
    judged = judge(HOSTS, 1, [a_pod(0), a_pod(1, waiting("InvalidImageName"))])
    assert (judged.pending, judged.failure) == ("", None)
