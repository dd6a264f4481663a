"""The fake operator, held to what the real one, and Kubernetes around it, were seen or read to do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fakes.kube import ApiServer
from fakes.operator import Delays, ImageBehaviour, install
from fakes.operator.install import deployment
from fakes.operator.minicluster import RESOURCE
from fakes.operator.yard import PRE, Yard

from burstd.core.errors import NotNow
from burstd.plugins.local.broker import FlavorName
from burstd.stage.watch import Watch


@pytest.fixture
def yard() -> Iterator[Yard]:
    with tempfile.TemporaryDirectory(prefix="yard-") as folder, ExitStack() as stack:
        api = stack.enter_context(ApiServer())
        install(api.store)
        api.store.create("namespaces", {"metadata": {"name": "burst"}})
        one = Yard(api.store, Path(folder), stack)
        crds = "customresourcedefinitions.apiextensions.k8s.io"
        one.until(lambda: (api.store.get(crds, "", RESOURCE).get("status") or {}).get("conditions"))
        yield one


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def flavor(request: pytest.FixtureRequest) -> FlavorName:
    return request.param


@pytest.mark.process
def test_a_minicluster_with_the_leads_certificate_joins(yard: Yard, flavor: FlavorName) -> None:
    """Each pod of a MiniCluster becomes a broker of the lead, by the name that the lead declares."""
    stage = yard.lead(flavor)
    operator = yard.operate(flavor=flavor)

    yard.burst(4)

    stage.wait_online(stage.pool_hosts)
    yard.until(lambda: yard.job()["status"].get("ready") == 4)
    assert sorted(operator.broker_pids.values()) == list(stage.pool_hosts)
    status = yard.minicluster()["status"]
    assert (status["size"], status["maximumSize"], status["selector"]) == (0, 4, "hpa-selector=burst-0")
    ready = [one["type"] for one in status["conditions"] if one["status"] == "True"]
    assert ready == ["JobMiniClusterReady"]
    assert set(yard.phases().values()) == {"Running"}


@pytest.mark.process
def test_pods_without_host_names_of_their_own_join_too(yard: Yard, flavor: FlavorName) -> None:
    """Where no process may have a host name of its own, brokers do not verify theirs, and are not drained."""
    stage = yard.lead(flavor, uts="never")
    yard.operate(flavor=flavor, uts="never")

    yard.burst(2)

    with Watch(stage.uri) as watch:
        view = watch.until_online(stage.pool_hosts[:2])
        job = watch.submit(["true"], 4)
        assert watch.until_ended(job) == (0, 1, 4, 5)
    assert not [host.name for host in view.hosts if host.drain_reason]


@pytest.mark.process
def test_what_a_job_left_behind_ends_with_its_pod(yard: Yard, flavor: FlavorName) -> None:
    """A process that a job put in a session of its own on a burst host does not outlive the pod."""
    stage = yard.lead(flavor)
    yard.operate(flavor=flavor)
    yard.burst(2)
    stage.wait_online(stage.pool_hosts[:2])
    path = yard.directory / "pid"
    script = f"setsid sleep 600 & echo $! > {path}.new; mv {path}.new {path}; wait"
    with Watch(stage.uri) as watch:
        watch.submit(["sh", "-c", script], 1, requires={"hostlist": ["burst-0-1"]})
        yard.until(path.exists)
    pid = int(path.read_text())
    assert is_alive(pid)

    yard.store.delete(RESOURCE, "burst", "burst-0")
    yard.until(lambda: not yard.pods())

    assert not is_alive(pid)


@pytest.mark.process
def test_without_its_first_step_a_minicluster_does_not_join(yard: Yard, flavor: FlavorName) -> None:
    """A host that keeps the operator's throw-away certificate is let in by nobody."""
    stage = yard.lead(flavor)
    operator = yard.operate(flavor=flavor)

    yard.burst(2, pre=f'[ "$JOB_COMPLETION_INDEX" = 1 ] || {PRE}')

    stage.wait_online(["burst-0-0"])
    yard.until(lambda: len(operator.broker_pids) == 2)
    with pytest.raises(NotNow):
        stage.wait_online(["burst-0-1"], 1)


@pytest.mark.process
def test_a_resize_takes_the_highest_index_and_never_goes_above_the_maximum(yard: Yard) -> None:
    """A shrunk MiniCluster loses its last hosts, a size above the first one is set back, 0 is not heard."""
    stage = yard.lead("embedded")
    operator = yard.operate()
    yard.burst(3)
    stage.wait_online(stage.pool_hosts[:3])

    yard.resize(1)

    yard.until(lambda: yard.hostnames() == ["burst-0-0"])
    assert list(operator.broker_pids.values()) == ["burst-0-0"]
    yard.until(lambda: yard.minicluster()["status"]["size"] == 1)
    yard.resize(9)
    yard.until(lambda: yard.minicluster()["spec"]["size"] == 3)
    stage.wait_online(stage.pool_hosts[:3])
    yard.resize(0)
    yard.until(lambda: yard.job()["status"].get("ready") == 3)
    assert yard.minicluster()["spec"]["size"] == 0


@pytest.mark.process
@pytest.mark.parametrize("what", ["minicluster", "namespace"])
def test_deletion_leaves_nothing(yard: Yard, flavor: FlavorName, what: str) -> None:
    """With its MiniCluster, or the namespace of that, every process, file and pod of a burst goes."""
    stage = yard.lead(flavor)
    operator = yard.operate(flavor=flavor)
    yard.burst(2)
    stage.wait_online(stage.pool_hosts[:2])

    if what == "minicluster":
        yard.store.delete(RESOURCE, "burst", "burst-0")
        yard.until(lambda: not yard.pods())
    else:
        yard.store.delete("namespaces", "", "burst")
        yard.until(lambda: yard.store.get("namespaces", "", "burst") is None)

    assert operator.broker_pids == {}
    assert list((yard.directory / "k").iterdir()) == []
    assert yard.store.list("jobs.batch", "burst") == []


@pytest.mark.process
def test_an_unknown_image_is_pulled_again_and_again(yard: Yard) -> None:
    """A pod whose image no registry has waits in ImagePullBackOff, and goes on once there is one."""
    images = {"other": ImageBehaviour()}
    stage = yard.lead("embedded")
    yard.operate(images=images)

    yard.burst(1)

    yard.until(lambda: yard.waiting() == "ImagePullBackOff")
    assert any("app: not found" in text for text in yard.events("Failed"))
    images["app"] = ImageBehaviour()
    stage.wait_online(["burst-0-0"])


@pytest.mark.process
def test_a_missing_secret_holds_the_pod(yard: Yard) -> None:
    """A pod whose Secret is missing waits, with an event that says so, until the Secret is there."""
    stage = yard.lead("embedded")
    yard.store.delete("secrets", "burst", "burst-secrets")
    yard.operate()
    yard.burst(1)
    yard.until(lambda: yard.events("FailedMount"))

    assert 'secret "burst-secrets" not found' in yard.events("FailedMount")[0]
    assert yard.waiting() == "PodInitializing"
    yard.give_secret()

    stage.wait_online(["burst-0-0"])


@pytest.mark.process
def test_a_first_step_that_exits_keeps_the_container_crashing(yard: Yard) -> None:
    """A `pre` that exits is run again after longer and longer pauses; its log and last words are told."""
    yard.lead("embedded")
    yard.operate()

    yard.burst(1, pre="echo no certificate here | tee /dev/termination-log; exit 3")

    yard.until(lambda: yard.waiting() == "CrashLoopBackOff")
    status = yard.pods()[0]["status"]["containerStatuses"][0]
    assert status["restartCount"] >= 1
    last = status["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (3, "Error", "no certificate here\n")
    assert "no certificate here" in yard.log("burst-0-0")


@pytest.mark.process
def test_a_first_step_that_only_fails_is_not_noticed(yard: Yard) -> None:
    """The operator's script goes on after a failing command: the broker runs, with the wrong certificate."""
    stage = yard.lead("embedded")
    operator = yard.operate()

    yard.burst(1, pre="install /nowhere /mnt/flux/config/curve/curve.cert", logging={"quiet": True})

    yard.until(lambda: yard.job()["status"].get("ready") == 1 and operator.broker_pids)
    with pytest.raises(NotNow):
        stage.wait_online(["burst-0-0"], 1)


@pytest.mark.process
def test_too_many_crashes_fail_the_job(yard: Yard) -> None:
    """Restarts count towards the Job's backoffLimit; beyond it the Job fails and its pods go."""
    yard.lead("embedded")
    yard.operate()

    yard.burst(1, pre="exit 1", backoffLimit=2)

    failed = yard.until(lambda: yard.job()["status"].get("conditions"))
    assert (failed[0]["type"], failed[0]["reason"]) == ("Failed", "BackoffLimitExceeded")
    yard.until(lambda: not yard.pods())


@pytest.mark.process
@pytest.mark.parametrize(
    ("flavor", "post"),
    [("embedded", ""), ("embedded", "exit 1"), pytest.param("real", "", marks=pytest.mark.real_flux)],
)
def test_after_a_crash_of_the_lead_the_first_host_is_not_started_again(
    yard: Yard, flavor: FlavorName, post: str
) -> None:
    """Brokers sent away by a lead that crashed come back; the first only if `post` makes its script fail."""
    stage = yard.lead(flavor)
    yard.operate(flavor=flavor)
    yard.burst(2, post=post)
    stage.wait_online(stage.pool_hosts[:2])

    stage.kill_lead()
    stage.restart_lead()

    sent_away = "sent disconnect control message"
    yard.until(
        lambda: all(sent_away in yard.log(host) or yard.restarts(host) for host in stage.pool_hosts[:2])
    )
    stage.wait_online(stage.pool_hosts[0 if post else 1 : 2])
    first = next(phase for name, phase in yard.phases().items() if name.startswith("burst-0-0-"))
    assert first == ("Running" if post else "Succeeded")


@pytest.mark.process
def test_a_lead_that_ends_in_order_ends_the_whole_burst(yard: Yard, flavor: FlavorName) -> None:
    """Brokers end with 0 when their lead says goodbye, which completes the Job."""
    stage = yard.lead(flavor)
    yard.operate(flavor=flavor)
    yard.burst(2)
    stage.wait_online(stage.pool_hosts[:2])

    stage.stop_host("flux-sample-0")

    yard.until(lambda: yard.job()["status"].get("completedIndexes") == "0-1")
    assert yard.job()["status"]["conditions"][0]["type"] == "Complete"


@pytest.mark.process
def test_a_brokerconfig_passes_through_a_shell(yard: Yard) -> None:
    """What looks like a variable in brokerConfig is replaced, as in any unquoted here-document."""
    yard.operate()

    config = "# <$JOB_COMPLETION_INDEX> <\\\\> <`echo run`>"
    yard.burst(1, flux={"brokerConfig": config}, pre="exit 1", container={"volumes": {}})

    yard.until(lambda: yard.log("burst-0-0", "flux-view"))
    assert "# <0> <\\> <run>" in yard.log("burst-0-0", "flux-view")


def test_a_lead_broker_makes_a_broken_broker_toml(yard: Yard) -> None:
    """The documented way of bursting ends in a broker.toml that no broker can use."""
    yard.operate(nodes="listed")
    lead = {"address": "34.1.2.3", "name": "flux-sample", "size": 4, "port": 30093}

    yard.burst(4, flux={"bursting": {"leadBroker": lead, "clusters": [{"name": "burst-0", "size": 4}]}})

    scripts = yard.until(lambda: yard.store.get("configmaps", "burst", "burst-0-entrypoint"))["data"]
    assert 'bind="tcp://eth0:%!s(int32=30093)"' in scripts["flux-view"]
    assert '{host="%!s(MISSING)"}' in scripts["flux-view"]
    assert 'hosts="34.1.2.3,flux-sample-[1-3],burst-0-[0-3]"' in scripts["flux-view"]
    assert scripts["curve.cert"].startswith("metadata\n")


def test_pods_wait_for_a_node_that_suits_them(yard: Yard) -> None:
    """Pods that no Node has room for, or that none suits, stay Pending, and say why."""
    yard.operate(nodes="listed")
    yard.burst(
        3,
        container={"resources": {"requests": {"cpu": "3500m"}}, "image": "held"},
        pod={"nodeSelector": {"pool": "b"}, "tolerations": [{"key": "spot", "operator": "Exists"}]},
    )
    yard.until(lambda: yard.refusals() == ["no nodes available to schedule pods"] * 3)

    yard.add_node("small", "2", labels={"pool": "b"})
    yard.add_node("other")
    yard.add_node("tainted", labels={"pool": "b"}, taints=[{"key": "gpu", "effect": "NoSchedule"}])

    told = (
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, "
    )
    told += "1 node(s) had untolerated taint {gpu: }."
    yard.until(lambda: yard.refusals() == [told] * 3)
    assert set(yard.phases().values()) == {"Pending"}
    assert len(yard.events("FailedScheduling")) >= 3


@pytest.mark.process
def test_pods_share_a_node_if_there_is_room(yard: Yard) -> None:
    """The operator only prefers a Node for each pod: without requests, all of them fit on one."""
    stage = yard.lead("embedded")
    yard.operate(nodes="listed")
    yard.add_node("one")
    yard.add_node("two", taints=[{"key": "spot", "effect": "NoSchedule"}])

    yard.burst(2)

    stage.wait_online(stage.pool_hosts[:2])
    assert {pod["spec"]["nodeName"] for pod in yard.pods()} == {"one"}


def test_with_one_per_node_a_second_pod_waits(yard: Yard) -> None:
    """Where it is asked for, two pods of MiniClusters never share a Node."""
    yard.operate(nodes="listed", one_per_node=True, images={})
    yard.add_node("one")

    yard.burst(2)

    told = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    yard.until(lambda: yard.refusals() == [told])


@pytest.mark.process
def test_a_node_that_goes_takes_its_broker_with_it(yard: Yard) -> None:
    """With a Node its broker dies at once; the Job makes another pod, which waits for a Node."""
    stage = yard.lead("embedded")
    operator = yard.operate(nodes="listed", deaf=True, delays=Delays(grace=60))
    yard.add_node("one")
    yard.burst(1)
    stage.wait_online(["burst-0-0"])

    yard.store.delete("nodes", "", "one")

    yard.until(lambda: yard.refusals() == ["no nodes available to schedule pods"])
    yard.until(lambda: len(yard.pods()) == 1)
    assert operator.broker_pids == {}


@pytest.mark.process
def test_a_deaf_pod_takes_its_grace_time(yard: Yard) -> None:
    """Where a shell is process 1 nobody hears SIGTERM, and a pod ends only when it is killed."""
    stage = yard.lead("embedded")
    yard.operate(deaf=True, delays=Delays(grace=1.0))
    yard.burst(1)
    stage.wait_online(["burst-0-0"])

    began = time.monotonic()
    yard.store.delete(RESOURCE, "burst", "burst-0")
    yard.until(lambda: not yard.pods())

    assert time.monotonic() - began >= 1.0


def test_nothing_happens_before_the_operator_is_available(yard: Yard) -> None:
    """A MiniCluster stays as it is until the operator's Deployment runs, and is taken up then."""
    yard.store.delete("deployments.apps", "operator-system", "operator-controller-manager")
    yard.operate(nodes="listed")
    yard.burst(1)
    yard.store.create("configmaps", {"metadata": {"name": "later", "namespace": "burst"}})
    assert "status" not in yard.minicluster()

    yard.store.create("deployments.apps", deployment())

    yard.until(lambda: yard.minicluster().get("status", {}).get("maximumSize") == 1)


@pytest.mark.parametrize(
    "spec",
    [
        {"flux": {"bursting": {"hostlist": "a", "clusters": [{"name": "b", "size": 1}]}}},
        {"maxSize": 1},
        {"minSize": 3},
        {"containers": [{"image": "a"}, {"image": "b"}]},
        {"size": 0},
    ],
)
def test_an_invalid_spec_is_ignored_without_a_word(yard: Yard, spec: dict[str, Any]) -> None:
    """A MiniCluster that the operator does not like gets no status and no Job."""
    yard.operate(nodes="listed")

    yard.burst(**({"size": 2} | spec))
    valid = {"metadata": {"name": "valid", "namespace": "burst"}, "spec": {"containers": [{"image": "a"}]}}
    yard.store.create(RESOURCE, valid)

    yard.until(lambda: yard.job("valid")["spec"])
    assert "status" not in yard.minicluster()
    assert yard.job()["spec"] == {}


def test_the_operators_index_label_is_wrong_on_strangers(yard: Yard) -> None:
    """Every pod of a MiniCluster's namespace gets a job-index, whosever pod it is."""
    yard.operate(nodes="listed")
    spec = {"containers": [{"name": "main", "image": "a"}]}
    yard.store.create("pods", {"metadata": {"name": "stranger-x", "namespace": "burst"}, "spec": spec})

    yard.burst(2)

    yard.until(lambda: len([one for one in yard.labels("job-index") if one]) == 3)
    assert sorted(yard.labels("job-index")) == ["0", "1", "stranger"]
    assert sorted(filter(None, yard.labels("batch.kubernetes.io/job-completion-index"))) == ["0", "1"]


def test_a_plain_job_runs_its_pods_and_completes(yard: Yard) -> None:
    """A Job that pulls an image ahead makes it ready on its Node, and is complete."""
    yard.operate(images={"big": ImageBehaviour(pull=0.2, output="pulled\n")}, nodes="listed")
    yard.add_node("one")

    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "big"}]}}
    metadata = {"name": "prepull", "namespace": "burst"}
    yard.store.create("jobs.batch", {"metadata": metadata, "spec": {"completions": 2, "template": template}})

    yard.until(lambda: yard.job("prepull")["status"].get("succeeded") == 2)
    assert yard.job("prepull")["status"]["conditions"][0]["type"] == "Complete"
    assert yard.log("prepull", "main") == "pulled\npulled\n"


def test_a_daemonset_has_a_ready_pod_on_each_node_that_suits(yard: Yard) -> None:
    """The pods of a DaemonSet run for ever, one on each Node that they may go to."""
    yard.operate(nodes="listed")
    for name in ("one", "two"):
        yard.add_node(name, labels={"pool": "b"})
    yard.add_node("three")
    containers = [{"name": "main", "image": "pause"}]
    pod = {"initContainers": [{"name": "first", "image": "big"}], "containers": containers}
    template = {"spec": pod | {"nodeSelector": {"pool": "b"}}}
    metadata = {"name": "prepull", "namespace": "burst"}

    yard.store.create("daemonsets.apps", {"metadata": metadata, "spec": {"template": template}})

    def ready() -> bool:
        status = yard.store.get("daemonsets.apps", "burst", "prepull").get("status") or {}
        return status.get("numberReady") == status.get("desiredNumberScheduled") == 2

    yard.until(ready)
    assert sorted(pod["spec"]["nodeName"] for pod in yard.pods()) == ["one", "two"]


@pytest.mark.process
def test_a_job_ends_with_its_deadline(yard: Yard) -> None:
    """The deadline of its spec ends a MiniCluster's Job and its pods, whatever they do."""
    stage = yard.lead("embedded")
    operator = yard.operate()

    yard.burst(1, deadlineSeconds=2)

    stage.wait_online(["burst-0-0"])
    failed = yard.until(lambda: yard.job()["status"].get("conditions"))
    assert failed[0]["reason"] == "DeadlineExceeded"
    yard.until(lambda: not yard.pods())
    assert operator.broker_pids == {}


@pytest.mark.process
def test_a_minicluster_with_a_command_is_an_instance_of_its_own(yard: Yard, flavor: FlavorName) -> None:
    """Without a lead to join, the first host leads, runs the command, and the Job completes."""
    yard.operate(flavor=flavor)
    toml = "\n".join(
        [
            "[bootstrap]",
            'curve_cert = "/mnt/flux/config/curve/curve.cert"',
            "default_port = 8050",
            'default_bind = "tcp://eth0:%p"',
            'default_connect = "tcp://%h.burst-0.burst.svc.cluster.local:%p"',
            'hosts = [{ host = "burst-0-[0-1]" }]',
            "[resource]",
            "noverify = true",
            "[[resource.config]]",
            'hosts = "burst-0-[0-1]"',
            'cores = "0"',
        ]
    )

    yard.burst(
        2,
        interactive=False,
        tasks=2,
        pre="",
        flux={"brokerConfig": toml},
        container={"command": "echo done in $HOSTNAME", "volumes": {}},
    )

    yard.until(lambda: yard.job()["status"].get("succeeded") == 2)
    assert "done in burst-0-" in yard.log("burst-0-0")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
