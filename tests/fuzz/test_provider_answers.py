"""What clouds and clusters may answer: fields that are missing, enums nobody knows, texts of any kind."""

from __future__ import annotations

import math
from typing import Any

from google.cloud import container_v1 as gke
from hypothesis import given, settings
from hypothesis import strategies as st

from burstd.kube import labels as kube_labels
from burstd.kube.pods import INDEX, crashed, index_of, judge, waits_for_machine
from burstd.plugins.gke import marks, reading
from burstd.plugins.gke.troubles import Place, of_making

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
"""What a protocol buffer may hold as text: all but lone surrogates."""

NUMBERS = st.integers(-(2**31), 2**31 - 1)
ENUMS = st.integers(-3, 60)
LABELS = st.dictionaries(
    st.sampled_from(
        [marks.OWNER, marks.POOL, marks.GENERATION, marks.SERVES, marks.SPEC, marks.IDLE_SINCE, "x"]
    ),
    st.sampled_from(["none", "7", "-7", "0", "nan", "inf", "1e9", "1_0", "", "²", "9" * 63]) | TEXT,
)
MOMENTS = (
    st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+00:00", "now", "9999-99-99"])
    | TEXT
)

CONDITIONS = st.lists(
    st.fixed_dictionaries({}, optional={"code": ENUMS, "canonical_code": ENUMS, "message": TEXT}), max_size=2
)
NODE_POOLS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT,
        "status": ENUMS,
        "status_message": TEXT,
        "config": st.fixed_dictionaries({}, optional={"resource_labels": LABELS}),
        "autoscaling": st.fixed_dictionaries({}, optional={"max_node_count": NUMBERS}),
        "conditions": CONDITIONS,
    },
)
CLUSTERS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT,
        "location": TEXT,
        "zone": TEXT,
        "id": TEXT,
        "status": ENUMS,
        "status_message": TEXT,
        "resource_labels": LABELS,
        "label_fingerprint": TEXT,
        "endpoint": TEXT,
        "master_auth": st.fixed_dictionaries(
            {}, optional={"cluster_ca_certificate": TEXT | st.just("bm90IGEgcGVt")}
        ),
        "create_time": MOMENTS,
        "conditions": CONDITIONS,
        "node_pools": st.lists(NODE_POOLS, max_size=2),
    },
)
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT,
        "location": TEXT,
        "zone": TEXT,
        "status": ENUMS,
        "status_message": TEXT,
        "target_link": TEXT,
        "start_time": MOMENTS,
        "error": st.fixed_dictionaries({}, optional={"code": NUMBERS, "message": TEXT}),
        "cluster_conditions": CONDITIONS,
        "nodepool_conditions": CONDITIONS,
    },
)


@given(answer=CLUSTERS)
@settings(max_examples=200)
def test_any_cluster_is_read(answer):
    """A cluster of unknown states and strange labels is read, and is ours only by whole labels."""
    seen = reading.cluster(gke.Cluster.pb()(**answer))

    assert math.isfinite(seen.created)
    assert seen.lives in (True, False)
    for found in (seen.marks, *(pool.marks for pool in seen.node_pools)):
        if found is not None:
            assert found.generation >= 0
            assert math.isfinite(found.idle_since)
            assert found.serves is not None or marks.read(found.labels()) == found
    assert of_making("making it", seen.words, Place("p", "z", "m")).text


@given(answer=OPERATIONS)
@settings(max_examples=200)
def test_any_operation_is_read(answer):
    """An operation of any kind is done or not; one that failed says something or is said to be silent."""
    seen = reading.operation(gke.Operation.pb()(**answer))

    assert not seen.failed or seen.done
    assert seen.is_on("c") in (True, False)
    assert of_making("making it", seen.words, Place("p", "z", "m")).text


REASONS = st.sampled_from(
    [
        "ErrImagePull",
        "ImagePullBackOff",
        "CrashLoopBackOff",
        "ContainerCreating",
        "CreateContainerError",
        "New",
        "",
    ]
)
ENDED = st.none() | st.fixed_dictionaries(
    {}, optional={"exitCode": NUMBERS, "message": TEXT | st.none(), "reason": TEXT}
)
STATES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "waiting": st.none()
        | st.fixed_dictionaries({}, optional={"reason": REASONS, "message": TEXT | st.none()}),
        "running": st.just({}),
        "terminated": ENDED,
    },
)
CONTAINERS = st.none() | st.lists(
    st.fixed_dictionaries(
        {"name": TEXT}, optional={"state": STATES, "lastState": STATES, "restartCount": st.integers(0, 9)}
    ),
    max_size=2,
)
STATUSES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", "New"]),
        "conditions": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "type": st.sampled_from(["PodScheduled", "Ready"]),
                    "status": TEXT | st.just("False"),
                    "message": TEXT | st.none(),
                },
            ),
            max_size=2,
        ),
        "initContainerStatuses": CONTAINERS,
        "containerStatuses": CONTAINERS,
    },
)
POD_LABELS = st.none() | st.dictionaries(
    st.sampled_from([INDEX, kube_labels.GENERATION, kube_labels.OWNER]),
    st.sampled_from(["0", "3", "-1", "²", "٣", "9" * 63, ""]) | TEXT,
)
PODS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": TEXT}, optional={"labels": POD_LABELS, "deletionTimestamp": TEXT}
        )
    },
    optional={"status": STATUSES},
)
JOBS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "status": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "conditions": st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "type": st.just("Failed"),
                            "status": st.just("True"),
                            "message": TEXT,
                            "reason": TEXT,
                        },
                    ),
                    max_size=2,
                )
            },
        )
    },
)


@given(pods=st.lists(PODS, max_size=4), job=JOBS, size=st.integers(0, 4))
@settings(max_examples=300)
def test_any_pods_are_judged(pods: list[dict[str, Any]], job: dict[str, Any] | None, size: int):
    """Pods without a status, with unknown reasons or odd indexes are judged, host by host."""
    hosts = tuple(f"burst-0-{index}" for index in range(4))
    judged = judge(hosts, size, pods, {}, job, {})

    assert set(judged.hosts) <= set(hosts)
    assert judged.failure is None or judged.failure.text
    for pod in pods:
        assert (index_of(pod) or 0) >= 0
        assert isinstance(crashed(pod), str)
        assert waits_for_machine(pod) in (True, False)
        assert kube_labels.generation(pod) >= 0
