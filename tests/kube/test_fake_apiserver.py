"""What the fake API server can do that a real one cannot be asked to: faults, settings, and hands inside."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import urllib3
from fakes.kube import ApiServer, Refused
from fakes.kube.calls import Calls, wait_for
from fakes.kube.samples import CRDS, Custom

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def calls(server: ApiServer, tmp_path: Path) -> Iterator[Calls]:
    calls = Calls(server.write_kubeconfig(tmp_path / "config"))
    yield calls
    calls.close()


def config_map(name: str, **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"} | meta, "data": {"a": "1"}}


def pod(name: str) -> dict[str, Any]:
    """A pod that has a Node: only such a pod gets time to end."""
    spec = {"containers": [{"name": "x", "image": "y"}], "nodeName": "node"}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def test_started_cluster_has_namespaces(calls: Calls) -> None:
    """A cluster begins with the namespaces default and kube-system."""
    found = calls.read("/api/v1/namespaces")["items"]

    assert [item["metadata"]["name"] for item in found] == ["default", "kube-system"]


def test_requests_are_kept(server: ApiServer, calls: Calls) -> None:
    """Every request that arrived is kept with its query, body and answer's status."""
    calls.make(MAPS, config_map("one"), fieldManager="me")

    (kept,) = server.requests
    assert (kept.method, kept.path, kept.query, kept.status) == ("POST", MAPS, {"fieldManager": "me"}, 201)
    assert kept.body["data"] == {"a": "1"}
    assert kept.user_agent


def test_faults_answer_for_the_server(server: ApiServer, calls: Calls) -> None:
    """A fault befalls as many requests as it shall, after those that pass, and applies none of them."""
    fault = server.faults.add(method="POST", path="/configmaps$", status=503, times=2, after=1)

    codes = [calls("POST", MAPS, config_map(name))[0] for name in ("a", "b", "c", "d")]

    assert codes == [201, 503, 503, 201]
    assert fault.hits == 2
    assert server.store.get("configmaps", "default", "b") is None


def test_throttling_says_when(server: ApiServer, calls: Calls) -> None:
    """A fault can be a 429 that says when to come again, in the header and in the Status."""
    server.faults.add(path=MAPS, status=429, retry_after=7)

    response = urllib3.request("GET", server.url + MAPS, retries=False)

    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert (response.json()["reason"], response.json()["details"]["retryAfterSeconds"]) == (
        "TooManyRequests",
        7,
    )
    assert calls("GET", MAPS)[0] == 200


@pytest.mark.parametrize(("drop", "applied"), [("before", False), ("after", True)])
def test_connections_drop(server: ApiServer, calls: Calls, drop: str, applied: bool) -> None:
    """A connection can be lost before the request is applied, or after it was."""
    server.faults.add(method="POST", drop=drop)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        calls("POST", MAPS, config_map("one"))

    assert (server.store.get("configmaps", "default", "one") is not None) is applied
    assert server.requests[-1].status == 0


def test_faults_delay(server: ApiServer, calls: Calls) -> None:
    """A fault can be a delay alone."""
    server.faults.add(path=MAPS, delay=0.05)

    assert calls("GET", MAPS)[0] == 200
    assert server.requests[0].status == 200


def test_frozen_server_answers_later(server: ApiServer) -> None:
    """A frozen server takes requests and answers nothing until it thaws."""
    answers: list[int] = []
    server.freeze()
    url = server.url + MAPS
    asking = threading.Thread(
        target=lambda: answers.append(urllib3.request("GET", url, retries=False).status)
    )
    asking.start()

    wait_for(lambda: server.requests)
    assert not answers
    server.thaw()
    asking.join(10)

    assert answers == [200]


def test_stop_ends_what_is_open(server: ApiServer, calls: Calls) -> None:
    """Stopping ends a watch and every thread; the objects are there when the server starts again."""
    events = calls.watch(MAPS, 60)
    server.store.create("configmaps", config_map("one"))
    assert next(events)["type"] == "ADDED"
    port = server.port

    server.stop()
    with pytest.raises((StopIteration, urllib3.exceptions.HTTPError)):
        next(events)
    assert not [thread for thread in threading.enumerate() if "fake-kube" in thread.name]

    server.start(port)
    assert calls.read(f"{MAPS}/one")["data"] == {"a": "1"}


def test_connections_can_be_cut(server: ApiServer, calls: Calls) -> None:
    """Cutting the connections breaks a watch, and the next request is answered."""
    events = calls.watch(MAPS, 60)
    server.store.create("configmaps", config_map("one"))
    next(events)

    server.drop_connections()

    with pytest.raises(urllib3.exceptions.HTTPError):
        next(events)
    assert calls("GET", MAPS)[0] == 200


def test_token_and_tls(tmp_path: Path) -> None:
    """With TLS and a token that may change, the right token is let in and another is Unauthorized."""
    tokens = ["first"]
    with ApiServer(tls=True, token=lambda: tokens[-1]) as server:
        path = server.write_kubeconfig(tmp_path / "config")
        calls = Calls(path)
        assert server.url.startswith("https://127.0.0.1:")
        assert path.stat().st_mode & 0o777 == 0o600
        assert calls("GET", MAPS)[0] == 200

        tokens.append("second")
        code, refusal = calls("GET", MAPS)
        assert (code, refusal["reason"]) == (401, "Unauthorized")
        calls.close()


def test_anonymous_may_ask_for_health() -> None:
    """Without a token only health and version are told."""
    with ApiServer(token="secret") as server:
        codes = [urllib3.request("GET", server.url + path).status for path in ("/readyz", "/version", MAPS)]

    assert codes == [200, 200, 401]


def test_compacted_versions_are_expired(server: ApiServer, calls: Calls) -> None:
    """After a compaction an old watch gets an error event with 410, and an old page is answered so."""
    for name in ("a", "b"):
        server.store.create("configmaps", config_map(name))
    first = calls.read(MAPS, limit=1)["metadata"]

    server.compact()

    (event,) = calls.watch(MAPS, 5, resourceVersion=first["resourceVersion"])
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    code, refusal = calls("GET", MAPS, **{"limit": 1, "continue": first["continue"]})
    assert (code, refusal["reason"]) == (410, "Expired")


def test_running_watch_survives_compaction(server: ApiServer, calls: Calls) -> None:
    """A watch that runs goes on when the history is compacted."""
    events = calls.watch(MAPS, 30, resourceVersion=calls.read(MAPS)["metadata"]["resourceVersion"])
    server.store.create("configmaps", config_map("one"))
    next(events)

    server.compact()
    server.store.create("configmaps", config_map("two"))

    assert next(events)["object"]["metadata"]["name"] == "two"
    events.close()


def test_pods_end_at_once_or_by_hand(server: ApiServer, calls: Calls) -> None:
    """A deleted pod is gone at once, or where a kubelet is played it stays, marked, until that ends it."""
    for name in ("one", "two", "three"):
        calls.make(PODS, pod(name))
    calls("DELETE", f"{PODS}/one")
    assert calls.is_gone(f"{PODS}/one")

    server.store.hold_pods = True
    _, marked = calls("DELETE", f"{PODS}/two")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert "deletionTimestamp" in calls.read(f"{PODS}/two")["metadata"]
    server.store.finish("pods", "default", "two")
    assert calls.is_gone(f"{PODS}/two")

    calls("DELETE", f"{PODS}/three", {"gracePeriodSeconds": 0})
    assert calls.is_gone(f"{PODS}/three")


def test_namespace_waits_for_held_pods(server: ApiServer, calls: Calls) -> None:
    """A namespace stays as long as a pod in it has not ended."""
    server.store.hold_pods = True
    server.store.create("namespaces", {"metadata": {"name": "full"}})
    server.store.create("pods", pod("one") | {"metadata": {"name": "one", "namespace": "full"}})

    server.store.delete("namespaces", "", "full")
    wait_for(lambda: "deletionTimestamp" in calls.read("/api/v1/namespaces/full/pods/one")["metadata"])
    assert calls.read("/api/v1/namespaces/full")["status"]["phase"] == "Terminating"

    server.store.finish("pods", "full", "one")
    wait_for(lambda: calls.is_gone("/api/v1/namespaces/full"))


def test_logs_of_pods(server: ApiServer, calls: Calls) -> None:
    """A container's log is what the store holds, cut to its last lines where that is asked for."""
    calls.make(PODS, pod("one"))
    server.store.logs["default", "one", "x"] = "first\nsecond\n"

    assert calls.read(f"{PODS}/one/log") == "first\nsecond\n"
    assert calls.read(f"{PODS}/one/log", container="x", tailLines=1) == "second\n"
    assert calls("GET", f"{PODS}/one/log", container="none")[1]["reason"] == "BadRequest"


def test_deployments_come_up(server: ApiServer, calls: Calls) -> None:
    """A Deployment becomes available for each of its generations, unless it is to stay down."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "y"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    calls.make(path, {"metadata": {"name": "one"}, "spec": spec})
    status = wait_for(lambda: _available(calls.read(f"{path}/one")))
    assert (status["availableReplicas"], status["observedGeneration"]) == (2, 1)

    server.deployments_stay_down = True
    calls.change(f"{path}/one", {"spec": {"replicas": 3}})
    wait_for(lambda: calls.read(f"{path}/one")["status"]["observedGeneration"] == 2)
    assert not _available(calls.read(f"{path}/one"))

    server.deployments_stay_down = False
    assert wait_for(lambda: _available(calls.read(f"{path}/one")))["availableReplicas"] == 3


def test_kinds_may_lag_behind_their_definitions(server: ApiServer, calls: Calls) -> None:
    """As on a real server, a kind may be Established and yet not be found for a moment."""
    server.pace.serve_seconds = 0.1
    band = Custom()
    calls.make(CRDS, band.definition)

    wait_for(lambda: calls.read(band.definition_path)["status"]["conditions"])
    assert calls("POST", band.path("default"), band.body()) == (404, "404 page not found\n")
    wait_for(lambda: calls("POST", band.path("default"), band.body())[0] == 201)


def _available(deployment: dict[str, Any]) -> dict[str, Any] | None:
    """Return the status where the Deployment is available."""
    status = deployment.get("status") or {}
    up = {(found["type"], found["status"]) for found in status.get("conditions") or ()}
    return status if ("Available", "True") in up else None


def test_store_wakes_and_refuses(server: ApiServer) -> None:
    """Whoever subscribed is woken by each change; what the API refuses is refused inside too."""
    woken = threading.Event()
    end = server.store.subscribe(woken.set)
    server.store.create("configmaps", config_map("one", labels={"x": "y"}))
    assert woken.is_set()

    with pytest.raises(Refused, match="already exists"):
        server.store.create("configmaps", config_map("one"))
    assert [obj["metadata"]["name"] for obj in server.store.list("configmaps", labels={"x": "y"})] == ["one"]
    assert server.store.set_status("configmaps", "default", "absent", {}) is None
    woken.clear()
    end()
    server.store.delete("configmaps", "default", "one")
    assert not woken.is_set()
    assert server.store.get("configmaps", "default", "one") is None


def test_what_is_handed_out_is_a_copy(server: ApiServer) -> None:
    """Changing what the store handed out changes nothing in it."""
    server.store.create("configmaps", config_map("one"))["data"]["a"] = "2"
    found = server.store.get("configmaps", "default", "one")
    assert found
    found["data"]["a"] = "3"

    assert server.store.list("configmaps")[0]["data"] == {"a": "1"}
    assert server.store.update("configmaps", found)["data"] == {"a": "3"}


def test_eight_clients_at_once(calls: Calls) -> None:
    """Writers in parallel lose nothing: of two that change the same version, one meets a Conflict."""
    calls.make(MAPS, config_map("one") | {"data": {"n": "0"}})
    threads = [threading.Thread(target=_count_up, args=(calls, 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls.read(f"{MAPS}/one")["data"] == {"n": "80"}


def _count_up(calls: Calls, times: int) -> None:
    while times:
        obj = calls.read(f"{MAPS}/one")
        obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
        times -= calls("PUT", f"{MAPS}/one", obj)[0] == 200


def a_role(server: ApiServer, name: str, *rules: tuple[str, str, str]) -> Calls:
    """Give a ServiceAccount these rights alone (group, resource, verb), in the namespace default."""
    of = "rbac.authorization.k8s.io"
    meta = {"name": name, "namespace": "default"}
    given = [{"apiGroups": [group], "resources": [kind], "verbs": [verb]} for group, kind, verb in rules]
    server.store.create(f"roles.{of}", {"metadata": meta, "rules": given})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": of, "kind": "Role", "name": name}
    server.store.create(f"rolebindings.{of}", {"metadata": meta, "roleRef": role, "subjects": [subject]})
    with tempfile.TemporaryDirectory() as folder:
        token = server.account_token("default", name)
        return Calls(server.write_kubeconfig(Path(folder) / "config", token=token))


def test_an_account_may_do_what_its_role_says(server: ApiServer) -> None:
    """A ServiceAccount may do what a role of its namespace allows, and is told which right it lacks."""
    server.store.create("configmaps", config_map("one"))
    with closing(a_role(server, "reader", ("", "configmaps", "get"))) as calls:
        assert calls("GET", f"{MAPS}/one")[0] == 200
        for method, path in (("GET", MAPS), ("DELETE", f"{MAPS}/one"), ("GET", PODS)):
            code, told = calls(method, path)
            assert (code, told["reason"]) == (403, "Forbidden")
        assert 'User "system:serviceaccount:default:reader" cannot list resource "pods"' in told["message"]


def test_an_account_gives_no_right_that_it_lacks(server: ApiServer) -> None:
    """Making a Role, or binding one, needs every right in it."""
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    rights = [("rbac.authorization.k8s.io", "roles", "create"), ("", "configmaps", "get")]
    with closing(a_role(server, "maker", *rights)) as calls:
        for verb, code in (("get", 201), ("delete", 403)):
            rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["x"], "verbs": [verb]}
            body = {"metadata": {"name": f"may-{verb}"}, "rules": [rule]}
            assert calls("POST", roles, body)[0] == code
