"""The connection to an API server, over a real socket: what it makes of faults, and how watches go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest
from fakes.kube import ApiServer, Refused

from burstd.core.errors import Never, NoRoom, NotNow
from burstd.kube import kubeconfig
from burstd.kube.client import Access, Cluster, connect
from burstd.kube.kinds import NAMESPACE, POD, SECRET
from burstd.kube.refusals import Exists, Expired, Forbidden, Silent, Unauthorized
from burstd.kube.watcher import Watcher


def a_secret(name: str = "s", **data: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": "default", "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def cluster(api: ApiServer) -> Iterator[Cluster]:
    with closing(connect(Access(api.url), patience_seconds=5.0)) as made:
        yield made


def test_what_is_not_there_is_none(cluster: Cluster) -> None:
    """Asking for an object that is not there is no error, nor is listing a kind that nobody knows."""
    assert cluster.get(SECRET, "nobody", "default") is None
    assert cluster.list(SECRET, "default", {"app": "nobody"}).items == ()


def test_applying_makes_and_changes(cluster: Cluster) -> None:
    """The same call makes an object, and later brings its fields to what is said."""
    assert cluster.apply(a_secret(a="MQ=="))["data"] == {"a": "MQ=="}
    assert cluster.apply(a_secret(b="Mg=="))["data"] == {"b": "Mg=="}


def test_a_name_that_is_taken_is_told_apart(cluster: Cluster) -> None:
    """Creating what is there already is its own error, so that the caller can look whose it is."""
    cluster.create(a_secret())
    with pytest.raises(Exists):
        cluster.create(a_secret())


def test_only_the_object_that_was_found_is_deleted(cluster: Cluster) -> None:
    """A newer object of the same name survives the deletion of the older one."""
    old = cluster.create(a_secret())
    cluster.delete(SECRET, old)
    deadline = time.monotonic() + 20
    while cluster.get(SECRET, "s", "default") is not None:  # a foreground deletion ends in its own time
        assert time.monotonic() < deadline
        time.sleep(0.01)
    cluster.create(a_secret())
    with pytest.raises(NotNow):
        cluster.delete(SECRET, old)
    assert cluster.get(SECRET, "s", "default") is not None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again(api: ApiServer, cluster: Cluster, status: int) -> None:
    """A server that is overloaded or stumbles is asked again."""
    fault = api.faults.add(method="POST", path="secrets", status=status, times=2)
    cluster.create(a_secret())
    assert fault.hits == 2


def test_a_lost_answer_is_found_out(api: ApiServer, cluster: Cluster) -> None:
    """Where a creation was applied and its answer lost, the second try says that it is there."""
    api.faults.add(method="POST", path="secrets", drop="after")
    with pytest.raises(Exists):
        cluster.create(a_secret())


def test_a_server_that_is_away_is_not_waited_for_for_ever() -> None:
    """A server that cannot be reached is given up with where it was looked for."""
    with closing(connect(Access("http://127.0.0.1:9"), patience_seconds=0.2)) as dead:
        began = time.monotonic()
        with pytest.raises(Silent, match=r"127\.0\.0\.1:9 does not answer"):
            dead.get(NAMESPACE, "default")
        assert time.monotonic() - began < 5
        assert not dead.answers()


@pytest.mark.parametrize(("status", "shape"), [(401, NotNow), (403, Never), (422, Never)])
def test_refusals_have_their_shape(
    api: ApiServer, cluster: Cluster, status: int, shape: type[Exception]
) -> None:
    """A refusal that no patience helps against is for good, one of credentials may pass."""
    api.faults.add(method="POST", path="secrets", status=status)
    with pytest.raises(shape):
        cluster.create(a_secret())


def test_a_right_that_is_missing_is_named(api: ApiServer, cluster: Cluster) -> None:
    """Which right a user lacks is said in the words in which a role is written."""
    text = (
        'miniclusters.flux-framework.org is forbidden: User "system:serviceaccount:lead:burstd" cannot '
        'create resource "miniclusters" in API group "flux-framework.org" in the namespace "burst-0"'
    )
    api.faults.add(status=403, body=Refused(403, text).body())
    said = (
        "user system:serviceaccount:lead:burstd lacks the right to create miniclusters.flux-framework.org in "
        "the namespace burst-0; give it that"
    )
    with pytest.raises(Forbidden, match=said):
        cluster.create(a_secret())


def test_a_quota_that_is_used_up_is_a_lack_of_room(api: ApiServer, cluster: Cluster) -> None:
    """A quota's refusal, which Kubernetes calls forbidden, passes when something else ends."""
    text = 'secrets "x" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=2'
    api.faults.add(status=403, body=Refused(403, text).body())
    with pytest.raises(NoRoom, match="exceeded quota: small") as caught:
        cluster.create(a_secret())
    assert caught.value.offer == f"the quota small on {api.url}"


def test_a_namespace_that_is_going_is_waited_for(cluster: Cluster) -> None:
    """What is refused because its namespace is being deleted may work later."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}}
    found = cluster.create(namespace)
    blocker = {"name": "s", "namespace": "going", "finalizers": ["example.org/wait"]}
    cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": blocker})
    cluster.delete(NAMESPACE, found)
    late = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t", "namespace": "going"}}
    with pytest.raises(NotNow, match="being deleted"):
        cluster.create(late)


def test_each_request_has_a_fresh_token() -> None:
    """A token that the server no longer takes is followed by the next that is given."""
    given = iter(range(1000))
    current = [""]

    def token() -> str:
        current[0] = f"token-{next(given)}"
        return current[0]

    with (
        ApiServer(tls=True, token=lambda: current[0]) as api,
        closing(connect(Access(api.url, api.ca_pem, token), patience_seconds=1.0)) as cluster,
    ):
        assert cluster.list(NAMESPACE).items
        assert cluster.list(NAMESPACE).items
        assert current[0] == "token-1"


def test_a_token_that_is_refused_is_told() -> None:
    """Whoever gives the tokens hears that one was not taken, so that the next is another."""
    kept = ["old"]
    with (
        ApiServer(tls=True, token="new") as api,
        closing(
            connect(Access(api.url, api.ca_pem, lambda: kept[0], lambda: kept.insert(0, "new")))
        ) as cluster,
    ):
        with pytest.raises(Unauthorized, match="they are read again for the next call"):
            cluster.list(NAMESPACE)
        assert cluster.list(NAMESPACE).items


def test_a_watch_goes_on_from_a_list(cluster: Cluster) -> None:
    """Changes after a list are told, those before are not."""
    cluster.create(a_secret("before"))
    version = cluster.list(SECRET).version
    cluster.create(a_secret("after"))
    event = next(iter(cluster.watch(SECRET, version)))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "after")


def test_a_version_that_is_too_old_is_told(api: ApiServer, cluster: Cluster) -> None:
    """A watch from a version that was forgotten ends so that one lists again."""
    version = cluster.list(SECRET).version
    cluster.create(a_secret())
    api.store.compact()
    cluster.create(a_secret("t"))
    with pytest.raises(Expired):
        list(cluster.watch(SECRET, version))


def test_a_change_wakes(api: ApiServer, cluster: Cluster) -> None:
    """A watcher tells the first change after the list it was given, and watches again from the next list."""
    told: SimpleQueue[None] = SimpleQueue()
    watcher = Watcher(cluster, POD, {"app": "x"}, lambda: told.put(None))
    for number in range(2):
        watcher.resume(cluster.list(POD).version)
        metadata = {"name": f"p{number}", "namespace": "default", "labels": {"app": "x"}}
        api.store.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}})
        told.get(timeout=10)
    watcher.close()


def test_closing_ends_a_watch(api: ApiServer) -> None:
    """A watch that waits for a change ends when its connection is closed."""
    cluster = connect(Access(api.url))
    version = cluster.list(POD).version
    thread = threading.Thread(target=lambda: list(cluster.watch(POD, version)))
    thread.start()
    deadline = time.monotonic() + 5
    while not any("watch" in record.query for record in api.requests) and time.monotonic() < deadline:
        time.sleep(0.01)
    cluster.close()
    thread.join(10)
    assert not thread.is_alive()


def a_kubeconfig(path: Path, **user: object) -> str:
    import yaml

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    """A kubeconfig that asks a program for credentials which is not installed names it and what to do."""
    file = a_kubeconfig(
        tmp_path / "k",
        exec={
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "gke-gcloud-auth-plugin-of-nobody",
            "installHint": "Install it.\nIt helps.",
        },
    )
    with pytest.raises(
        Never, match=r"'gke-gcloud-auth-plugin-of-nobody', which is not installed here: Install it\.$"
    ):
        kubeconfig.connect(file)


def test_a_program_that_gives_nothing_is_told(tmp_path: Path) -> None:
    """A program that fails is told, and nothing is asked without credentials."""
    file = a_kubeconfig(
        tmp_path / "k", exec={"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "false"}
    )
    with pytest.raises(Never, match=r"'false' that .* names gave no credentials"):
        kubeconfig.connect(file)


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """A wrong context is named, with the right ones."""
    with pytest.raises(Never, match="has no context 'd'; it has c"):
        kubeconfig.connect(a_kubeconfig(tmp_path / "k"), "d")


@pytest.mark.parametrize(("text", "what"), [("a: [", "is not YAML"), ("a: 1", "is not a kubeconfig")])
def test_what_is_no_kubeconfig_is_told(tmp_path: Path, text: str, what: str) -> None:
    """A file that is none is one sentence."""
    (tmp_path / "k").write_text(text)
    with pytest.raises(Never, match=what):
        kubeconfig.connect(str(tmp_path / "k"))
