"""What `burstd doctor` finds on a cluster: server, rights, clock, operator, Secrets. Nothing is changed."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from fakes.operator import Delays, ImageBehaviour, install
from kube_venue import IMAGE, Town, a_kubernetes, town

from burstd.core.findings import Check, Finding, State
from burstd.core.model import Site
from burstd.join.diagnosis import Diagnosis, diagnose
from burstd.kube.podwords import containers, lines
from burstd.plugins.kubernetes import Kubernetes

RIGHTS = Path(__file__).parents[2] / "deploy" / "rights.yaml"
FAST = Delays(back_off=0.05, retry=0.05)
CRASH = "registry.example.org/crash:1"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def place() -> Iterator[Town]:
    with town(delays=FAST) as made:
        yield made


def examined(place: Town, provider: Kubernetes | None = None, **join: str) -> dict[str, Finding]:
    """Return the worst finding of each check; nothing was changed to find them."""
    before = len(place.api.requests)
    provider = provider or a_kubernetes(place)
    found: dict[str, Finding] = {}
    for one in provider.diagnose(place.pool, replace(place.join, **join)):
        known = found.get(one.check)
        worse = known is None or list(State).index(one.state) > list(State).index(known.state)
        found[one.check] = one if worse or known is None else known
    provider.close()
    made = [one for one in place.api.requests[before:] if one.method != "GET" and one.path != REVIEWS]
    assert made == []
    return found


def confined(place: Town, *without: str) -> None:
    """Let burstd be a ServiceAccount with the rights of the role, without those on some resources."""
    role = yaml.safe_load(RIGHTS.read_text())
    role["rules"] = [rule for rule in role["rules"] if not set(rule["resources"]) & set(without)]
    place.api.store.create("clusterroles.rbac.authorization.k8s.io", role)
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "burstd"}
    subject = {"kind": "ServiceAccount", "name": "burstd", "namespace": "default"}
    binding = {"metadata": {"name": "burstd"}, "roleRef": reference, "subjects": [subject]}
    place.api.store.create("clusterrolebindings.rbac.authorization.k8s.io", binding)
    place.api.write_kubeconfig(place.kubeconfig, token=place.api.account_token("default", "burstd"))


def test_a_cluster_that_is_well(place: Town) -> None:
    """A cluster on which the operator can be installed has nothing wrong with it."""
    found = examined(place)
    assert {check: one.state for check, one in found.items()} == {
        Check.CREDENTIALS: State.OK,
        Check.CLOCK: State.OK,
        Check.PERMISSIONS: State.OK,
        Check.OPERATOR: State.OK,
        Check.SECRETS: State.OK,
    }
    assert "Kubernetes v1.36.0" in found[Check.CREDENTIALS].sentence


def test_a_cluster_that_is_silent(place: Town) -> None:
    """Where no API server answers, that is said once, and what builds on it was not checked."""
    place.api.stop()
    found = examined(place)
    assert found[Check.CREDENTIALS].state is State.FAILED
    assert "does not answer" in found[Check.CREDENTIALS].sentence
    others = {one.state for check, one in found.items() if check != Check.CREDENTIALS}
    assert others == {State.NOT_CHECKED}


def test_credentials_that_are_refused() -> None:
    """A token that is not accepted is told, with where it comes from."""
    with town(token="right") as place:
        place.api.write_kubeconfig(place.kubeconfig, token="wrong")
        found = examined(place)[Check.CREDENTIALS]
    assert (found.state, "does not accept burstd's credentials" in found.sentence) == (State.FAILED, True)


def test_the_rights_of_the_role_suffice(place: Town) -> None:
    """With the rights of deploy/rights.yaml nothing is missing where the operator is there."""
    install(place.api.store)
    confined(place)
    assert examined(place)[Check.PERMISSIONS].state is State.OK


def test_rights_that_are_missing(place: Town) -> None:
    """Rights that are missing are named, and installing the operator needs more of them."""
    confined(place, "pods", "pods/log")
    found = examined(place)[Check.PERMISSIONS]
    assert found.state is State.FAILED
    for right in ("list pods", "get pods/log", "create clusterroles.rbac.authorization.k8s.io"):
        assert right in found.sentence


def test_a_right_that_can_be_done_without(place: Town) -> None:
    """That Nodes cannot be seen is a warning."""
    install(place.api.store)
    confined(place, "nodes")
    found = examined(place)[Check.PERMISSIONS]
    assert (found.state, "watch nodes" in found.sentence) == (State.WARNING, True)


@pytest.mark.parametrize(
    ("seconds", "state"), [(5, State.OK), (-100, State.WARNING), (100, State.WARNING), (1000, State.FAILED)]
)
def test_clocks_that_differ(place: Town, seconds: float, state: State) -> None:
    """A clock that is half a minute off is told, one that is far off is wrong."""
    place.api.skew_seconds = seconds
    assert examined(place)[Check.CLOCK].state is state


def test_an_operator_that_is_missing(place: Town) -> None:
    """Where the operator is not there and may not be installed, both ways out are said."""
    provider = a_kubernetes(place, operator={"install": False})
    found = examined(place, provider)[Check.OPERATOR]
    assert (found.state, found.remedy) == (
        State.FAILED,
        "install it there, or set operator.install: true",
    )


def test_an_operator_that_does_not_run(place: Town) -> None:
    """An operator none of whose replicas is available takes up no burst."""
    install(place.api.store)
    place.api.deployments_stay_down = True
    place.api.store.set_status(
        "deployments.apps", "operator-system", "operator-controller-manager", {"availableReplicas": 0}
    )
    found = examined(place)[Check.OPERATOR]
    assert (found.state, "no replica of it is available" in found.sentence) == (State.FAILED, True)


def test_a_manifest_that_cannot_be_applied(place: Town) -> None:
    """A manifest that is none is told before it is needed."""
    file = place.directory / "operator.yaml"
    file.write_text("kind: Nothing\n")
    provider = a_kubernetes(place, operator={"manifest": str(file), "install": True})
    assert examined(place, provider)[Check.OPERATOR].state is State.FAILED


def test_a_pull_secret_that_nobody_brings(place: Town) -> None:
    """A pull secret must come with the burst, since its namespace is new each time."""
    found = examined(place, a_kubernetes(place, pull_secret="registry"))[Check.SECRETS]
    assert found.state is State.FAILED
    assert "nothing puts the pull secret registry" in found.sentence


@pytest.mark.parametrize(
    ("kind", "state"), [("kubernetes.io/dockerconfigjson", State.OK), ("Opaque", State.FAILED)]
)
def test_a_pull_secret_of_a_file(place: Town, kind: str, state: State) -> None:
    """A pull secret in one of the pool's manifests is fine if it is of the type for it."""
    file = place.directory / "secret.yaml"
    metadata = {"name": "registry"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind}
    file.write_text(yaml.safe_dump(secret))
    file.chmod(0o600)
    provider = a_kubernetes(place, pull_secret="registry", manifests=[str(file)])
    assert examined(place, provider)[Check.SECRETS].state is state


def test_a_secret_that_should_be_there(place: Town) -> None:
    """A Secret that is named for the certificate must be on the cluster, with the certificate in it."""
    assert examined(place, curve_cert_secret="kept")[Check.SECRETS].state is State.FAILED
    data = {"curve.cert": base64.b64encode(b"x").decode()}
    metadata = {"name": "kept", "namespace": "default"}
    place.api.store.create("secrets", {"metadata": metadata, "data": data})
    assert examined(place, curve_cert_secret="kept")[Check.SECRETS].state is State.OK


def waiting(*, init: bool = False, **status: object) -> dict[str, object]:
    """Return a pod with one container in this state."""
    key = "initContainerStatuses" if init else "containerStatuses"
    return {"metadata": {"name": "b-0"}, "status": {key: [{"name": "broker", **status}]}}


def test_a_pod_as_lines() -> None:
    """What keeps a pod from running becomes lines; a container that runs has none."""
    pull = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off\n pulling x"}}}
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    crash = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": killed}
    assert list(lines(waiting(**pull))) == [
        "pod b-0: container broker: waiting: ImagePullBackOff: Back-off pulling x"
    ]
    assert list(lines(waiting(init=True, **crash))) == [
        "pod b-0: container broker: ended: OOMKilled (exit code 137)",
        "pod b-0: container broker: waiting: CrashLoopBackOff",
    ]
    assert list(lines(waiting(state={"running": {}}, lastState=killed))) == []
    assert list(lines(waiting(state={"terminated": {"reason": "Completed", "exitCode": 0}}))) == []


def test_a_pod_without_a_machine_as_lines() -> None:
    """A pod that waits for a machine, and one that was put off its own, say so."""
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    pod = {"metadata": {"name": "b-0"}, "status": {"conditions": [no]}}
    assert list(lines(pod)) == ["pod b-0: not scheduled: 0/3 nodes"]
    pod = {"metadata": {"name": "b-0"}, "status": {"reason": "Evicted", "message": "low on memory"}}
    assert list(lines(pod)) == ["pod b-0: evicted: low on memory"]


def test_containers_in_the_order_in_which_they_run() -> None:
    """Containers that prepare come before the others."""
    spec = {"initContainers": [{"name": "view"}], "containers": [{"name": "broker"}, {"name": "extra"}]}
    assert containers({"spec": spec}) == ("view", "broker", "extra")


def cause(provider: Kubernetes, site: Site, code: str) -> Diagnosis:
    """Wait until the logs of a burst tell this cause, and return it."""
    deadline = time.monotonic() + 30
    while True:
        found = {one.code: one for one in diagnose(dict(provider.logs(site)))}
        if code in found:
            return found[code]
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.mark.process
def test_the_words_of_a_burst_that_crashes() -> None:
    """The log of a host has what all its containers wrote; the certificate is the one that it was given."""
    images = {IMAGE: ImageBehaviour(), CRASH: ImageBehaviour(output="flux: command not found", exit_code=127)}
    extra = {"name": "extra", "image": CRASH, "noWrapEntrypoint": True}
    with town(images, FAST) as place:
        provider, order = a_kubernetes(place, containers=[extra]), place.order(1)
        provider.launch(order)
        site = Site(order.site_name, "burst-0", 1, ())
        assert cause(provider, site, "no-flux").hosts == ("burst-0-0",)
        assert provider.certificate(site) == place.join.curve_cert.read_text()
        provider.remove(site)
        provider.close()


@pytest.mark.process
def test_an_image_that_cannot_be_pulled() -> None:
    """Hosts whose image is not there are told so by the states of their pods."""
    with town({}, FAST) as place:
        provider, order = a_kubernetes(place, image="registry.example.org/absent:1"), place.order(2)
        provider.launch(order)
        site = Site(order.site_name, "burst-0", 1, ())
        found = cause(provider, site, "image")
        assert "absent:1" in found.line
        provider.remove(site)
        provider.close()
