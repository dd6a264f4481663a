"""What burstd takes for granted of a Kubernetes API: the fake keeps to it, and a real API server does.

BURSTD_TEST_KUBECONFIG names a kubeconfig whose current context may create namespaces and
CustomResourceDefinitions; its cluster needs a controller manager, and no Node.
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.kube import ApiServer
from fakes.kube.calls import APPLY, MERGE, OPERATIONS, Calls, wait_for
from fakes.kube.samples import CRDS, Custom, config_map, owned_by
from kubernetes import client

KUBECONFIG = os.environ.get("BURSTD_TEST_KUBECONFIG", "")
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture(scope="module", params=["fake", "real"] if KUBECONFIG else ["fake"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    if request.param == "real":
        yield from _calls(Path(KUBECONFIG))
    else:
        with ApiServer() as server:
            yield from _calls(server.write_kubeconfig(tmp_path_factory.mktemp("kube") / "config"))


def _calls(kubeconfig: Path) -> Iterator[Calls]:
    calls = Calls(kubeconfig)
    yield calls
    calls.close()


@pytest.fixture
def namespace(api: Calls) -> Iterator[str]:
    name = api.make(NAMESPACES, {"metadata": {"generateName": "burstd-test-"}})["metadata"]["name"]
    yield name
    api("DELETE", f"{NAMESPACES}/{name}")


@pytest.fixture
def maps(namespace: str) -> str:
    """The path of the ConfigMaps of the test's namespace."""
    return f"{NAMESPACES}/{namespace}/configmaps"


@pytest.fixture(scope="module")
def custom(api: Calls) -> Iterator[Custom]:
    band = Custom()
    api.make(CRDS, band.definition)
    wait_for(lambda: api("GET", f"/apis/{band.group}/v1/bands")[0] == 200)
    yield band
    api("DELETE", band.definition_path)


def names(found: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


def causes(refusal: dict[str, Any]) -> set[tuple[str, str]]:
    return {(cause["reason"], cause["field"]) for cause in refusal["details"]["causes"]}


@pytest.mark.skipif(not KUBECONFIG, reason="NOT RUN on a real API server: BURSTD_TEST_KUBECONFIG names none")
def test_real_server_is_asked_too(api: Calls) -> None:
    """Where a kubeconfig is named, everything here runs on its server as well; else this one test says so."""
    assert api.read("/readyz") == "ok"


def test_server_tells_version_health_and_kinds(api: Calls) -> None:
    """Version, health and the lists of kinds answer, with and without a slash at the end."""
    assert api.read("/readyz") == api.read("/livez") == "ok"
    assert api.read("/version")["gitVersion"] == api.read("/version/")["gitVersion"]
    assert "v1" in api.read("/api")["versions"]
    assert {"apps", "batch"} <= {group["name"] for group in api.read("/apis/")["groups"]}
    assert "pods" in {entry["name"] for entry in api.read("/api/v1/")["resources"]}
    assert "jobs" in {entry["name"] for entry in api.read("/apis/batch/v1")["resources"]}


def test_typed_client_lists(api: Calls, namespace: str) -> None:
    """The official client's models take what the server sends."""
    core = client.CoreV1Api(api._client)
    core.create_namespaced_config_map(namespace, config_map("one"), _request_timeout=5)

    assert "one" in [
        found.metadata.name for found in core.list_namespaced_config_map(namespace, _request_timeout=5).items
    ]
    with pytest.raises(client.exceptions.NotFoundException):
        core.read_namespaced_config_map("two", namespace, _request_timeout=5)


def test_new_object_gets_identity(api: Calls, maps: str) -> None:
    """A new object gets uid, resourceVersion and creationTimestamp, and its creator is noted."""
    meta = api.make(maps, config_map("one"), fieldManager="burstd")["metadata"]

    assert meta["uid"]
    assert meta["creationTimestamp"].endswith("Z")
    assert int(meta["resourceVersion"]) > 0
    assert [(entry["manager"], entry["operation"]) for entry in meta["managedFields"]] == [
        ("burstd", "Update")
    ]
    assert "f:data" in meta["managedFields"][0]["fieldsV1"]


def test_absent_object_is_not_found(api: Calls, maps: str) -> None:
    """Reading, replacing, patching and deleting what is not there is NotFound, with what was named."""
    for method in ("GET", "DELETE"):
        code, refusal = api(method, f"{maps}/absent")
        assert (code, refusal["reason"], refusal["status"]) == (404, "NotFound", "Failure")
        assert refusal["details"] == {"name": "absent", "kind": "configmaps"}
    assert api("PATCH", f"{maps}/absent", {"data": {}}, MERGE)[1]["reason"] == "NotFound"
    assert api("PUT", f"{maps}/absent", config_map("absent"))[1]["reason"] == "NotFound"


def test_second_create_is_refused(api: Calls, maps: str) -> None:
    """A name that is taken is AlreadyExists."""
    api.make(maps, config_map("one"))

    code, refusal = api("POST", maps, config_map("one"))

    assert (code, refusal["reason"]) == (409, "AlreadyExists")


def test_create_without_namespace_is_refused(api: Calls) -> None:
    """Nothing is created in a namespace that is not there; the answer names the namespace."""
    code, refusal = api("POST", f"{NAMESPACES}/no-such-namespace/configmaps", config_map("one"))

    assert (code, refusal["reason"]) == (404, "NotFound")
    assert refusal["details"] == {"name": "no-such-namespace", "kind": "namespaces"}


def test_unknown_kind_is_no_status(api: Calls, namespace: str) -> None:
    """A kind that is not served is 404 without a Status."""
    code, text = api("GET", f"/apis/none.burstd.test/v1/namespaces/{namespace}/things")

    assert (code, text) == (404, "404 page not found\n")


def test_generated_names_differ(api: Calls, maps: str) -> None:
    """`generateName` is completed to a name of its own."""
    body = config_map("") | {"metadata": {"generateName": "one-"}}
    made = {api.make(maps, body)["metadata"]["name"] for _ in range(3)}

    assert len(made) == 3
    assert all(name.startswith("one-") and len(name) > 4 for name in made)


@pytest.mark.parametrize("name", ["", "Upper", "under_score"])
def test_bad_names_are_invalid(api: Calls, maps: str, name: str) -> None:
    """A name that is missing or no DNS name is Invalid, by its field."""
    code, refusal = api("POST", maps, config_map(name))

    assert (code, refusal["reason"]) == (422, "Invalid")
    assert {field for _, field in causes(refusal)} == {"metadata.name"}


def test_created_object_has_no_version(api: Calls, maps: str) -> None:
    """Creating an object that was read elsewhere, with its version, fails, and not as one would think."""
    code, refusal = api("POST", maps, config_map("one", resourceVersion="5"))

    assert (code, refusal.get("reason")) == (500, None)


def test_labels_are_checked(api: Calls, maps: str) -> None:
    """Labels and keys of data are Invalid where their characters or length do not do, and must be texts."""
    for labels in ({"a": "x" * 64}, {"a b": "x"}, {"a": "x/y"}, {"-a": "x"}, {"a/b/c": "x"}):
        code, refusal = api("POST", maps, config_map("one", labels))
        assert (code, refusal["reason"]) == (422, "Invalid"), labels
        assert {field for _, field in causes(refusal)} == {"metadata.labels"}
    assert api("POST", maps, config_map("one") | {"data": {"a b": ""}})[1]["reason"] == "Invalid"
    assert api("POST", maps, config_map("one", {"a": 1}))[1]["reason"] == "BadRequest"


def test_times_of_leases_have_six_digits(api: Calls, namespace: str) -> None:
    """A Lease keeps a time with exactly six digits of a second, and one with another number is BadRequest."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    spec = {"holderIdentity": "tester", "leaseDurationSeconds": 900}
    for time in ("2026-11-25T04:05:06Z", "2026-11-25T04:05:06.123Z"):
        body = {"metadata": {"name": "one"}, "spec": spec | {"renewTime": time}}
        assert api("POST", path, body)[1]["reason"] == "BadRequest"
    time = "2026-11-25T04:05:06.123456Z"
    made = api.make(path, {"metadata": {"name": "one"}, "spec": spec | {"renewTime": time}})
    assert made["spec"]["renewTime"] == time


def test_secrets_must_be_base64(api: Calls, namespace: str) -> None:
    """Data of a Secret that are no base64 are BadRequest."""
    body = {"metadata": {"name": "one"}, "data": {"a": "?"}}

    assert api("POST", f"{NAMESPACES}/{namespace}/secrets", body)[1]["reason"] == "BadRequest"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/apis/apps/v1/namespaces/default/deployments", "spec.selector"),
        ("/apis/batch/v1/namespaces/default/jobs", "spec.template.spec.containers"),
        ("/api/v1/namespaces/default/services", "spec.ports"),
        (CRDS, "spec.group"),
    ],
)
def test_what_is_missing_is_told(api: Calls, path: str, field: str) -> None:
    """An object without what its kind needs is Invalid, by its field."""
    code, refusal = api("POST", path, {"metadata": {"name": "incomplete"}, "spec": {}})

    assert (code, refusal["reason"]) == (422, "Invalid")
    assert field in {found for _, found in causes(refusal)}


def test_body_must_fit_path(api: Calls, maps: str) -> None:
    """An object under another name than the path's, or of another kind, is BadRequest."""
    api.make(maps, config_map("one"))

    assert api("PUT", f"{maps}/one", config_map("two"))[1]["reason"] == "BadRequest"
    assert api("POST", maps, config_map("two") | {"kind": "Secret"})[1]["reason"] == "BadRequest"


def test_stale_replace_conflicts(api: Calls, maps: str) -> None:
    """Replacing an object as it was before somebody else's change is a Conflict."""
    old = api.make(maps, config_map("one"))
    new = api.change(f"{maps}/one", {"data": {"b": "2"}})

    code, refusal = api("PUT", f"{maps}/one", old | {"data": {"c": "3"}})

    assert (code, refusal["reason"]) == (409, "Conflict")
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])


def test_replace(api: Calls, maps: str) -> None:
    """Replacing drops what the new object does not have and keeps the identity; no change is no version."""
    old = api.make(maps, config_map("one"))

    _, new = api("PUT", f"{maps}/one", old | {"data": {"c": "3"}})
    _, same = api("PUT", f"{maps}/one", new)

    assert new["data"] == {"c": "3"}
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert same["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"]


def test_another_uid_is_refused(api: Calls, maps: str) -> None:
    """Replacing another object of the same name is a Conflict, patching it is Invalid."""
    api.make(maps, config_map("one"))
    other = config_map("one", uid=str(uuid.uuid4()))

    assert api("PUT", f"{maps}/one", other)[1]["reason"] == "Conflict"
    code, refusal = api("PATCH", f"{maps}/one", other, MERGE)
    assert (code, refusal["reason"]) == (422, "Invalid")
    assert causes(refusal) == {("FieldValueInvalid", "metadata.uid")}
    assert api.apply(f"{maps}/one", other)[1]["reason"] == "Invalid"
    assert api.apply(f"{maps}/two", config_map("two", uid=str(uuid.uuid4())))[1]["reason"] == "Conflict"


def test_merge_patch(api: Calls, maps: str) -> None:
    """A merge patch sets, keeps and, by null, removes; with a stale resourceVersion it is a Conflict."""
    old = api.make(maps, config_map("one"))

    new = api.change(f"{maps}/one", {"data": {"a": None, "b": "2"}, "metadata": {"labels": {"x": "y"}}})
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"c": "3"}}

    assert new["data"] == {"b": "2"}
    assert new["metadata"]["labels"] == {"x": "y"}
    assert api("PATCH", f"{maps}/one", stale, MERGE)[1]["reason"] == "Conflict"


def test_json_patch(api: Calls, maps: str) -> None:
    """A JSON patch is applied in order, and wholly refused where a test in it fails."""
    api.make(maps, config_map("one", {"x": "y"}))
    label = {"op": "add", "path": "/metadata/labels/b~1c", "value": "2"}

    changed = api.change(f"{maps}/one", [label, {"op": "remove", "path": "/data/a"}], OPERATIONS)
    assert changed["metadata"]["labels"] == {"x": "y", "b/c": "2"}
    assert not changed.get("data")

    failing = [{"op": "add", "path": "/data", "value": {}}, {"op": "test", "path": "/kind", "value": "?"}]
    code, refusal = api("PATCH", f"{maps}/one", failing, OPERATIONS)
    assert (code, refusal["reason"]) == (422, "Invalid")
    assert api.read(f"{maps}/one")["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


def test_patch_of_another_shape_is_refused(api: Calls, maps: str) -> None:
    """A list as a merge patch is BadRequest; a patch of unknown type is 415."""
    api.make(maps, config_map("one"))

    assert api("PATCH", f"{maps}/one", [{"op": "remove", "path": "/data"}], MERGE)[0] == 400
    assert api("PATCH", f"{maps}/one", {"data": {}}, "application/json")[0] == 415


def test_apply_creates_then_updates(api: Calls, maps: str) -> None:
    """Applying creates with 201, then updates with 200 and removes what is no longer applied."""
    first = config_map("one") | {"data": {"a": "1", "b": "2"}}

    made, _ = api.apply(f"{maps}/one", first)
    updated, new = api.apply(f"{maps}/one", config_map("one") | {"data": {"b": "3"}})
    _, same = api.apply(f"{maps}/one", config_map("one") | {"data": {"b": "3"}})

    assert (made, updated) == (201, 200)
    assert new["data"] == {"b": "3"}
    assert same["metadata"]["resourceVersion"] == new["metadata"]["resourceVersion"]
    assert [(entry["manager"], entry["operation"]) for entry in new["metadata"]["managedFields"]] == [
        ("burstd", "Apply")
    ]


def test_apply_leaves_others_fields(api: Calls, maps: str) -> None:
    """Applying leaves what others wrote beside it."""
    api.apply(f"{maps}/one", config_map("one"))
    api.change(f"{maps}/one", {"data": {"b": "2"}}, fieldManager="other")

    assert api.apply(f"{maps}/one", config_map("one"))[1]["data"] == {"a": "1", "b": "2"}


def test_apply_conflicts_and_force(api: Calls, maps: str) -> None:
    """Changing a field that another manager owns is a Conflict that names both; force takes it over."""
    api.apply(f"{maps}/one", config_map("one"))
    wanted = config_map("one") | {"data": {"a": "2"}}

    code, refusal = api.apply(f"{maps}/one", wanted, "other")
    forced, taken = api.apply(f"{maps}/one", wanted, "other", force=True)

    assert (code, refusal["reason"]) == (409, "Conflict")
    assert causes(refusal) == {("FieldManagerConflict", ".data.a")}
    assert 'conflict with "burstd"' in refusal["message"]
    assert (forced, taken["data"]) == (200, {"a": "2"})
    assert api.apply(f"{maps}/one", config_map("one"))[0] == 409


def test_apply_meets_updates(api: Calls, maps: str) -> None:
    """A field that somebody changed by patching belongs to them: applying the old value is a Conflict."""
    api.apply(f"{maps}/one", config_map("one"))
    api.change(f"{maps}/one", {"data": {"a": "2"}}, fieldManager="other")

    assert api.apply(f"{maps}/one", config_map("one"))[0] == 409
    assert api.apply(f"{maps}/one", config_map("one"), force=True)[1]["data"] == {"a": "1"}


def test_apply_needs_manager_and_kind(api: Calls, maps: str) -> None:
    """Applying without a field manager is Invalid, without a kind BadRequest."""
    assert api("PATCH", f"{maps}/one", config_map("one"), APPLY)[1]["reason"] == "Invalid"
    assert api.apply(f"{maps}/one", {"data": {"a": "1"}})[1]["reason"] == "BadRequest"


def test_apply_of_unknown_fields_is_no_bad_request(
    api: Calls, custom: Custom, namespace: str, maps: str
) -> None:
    """Applying an unknown field, or a wrong type, is answered 500 without a reason, and always will be."""
    path = custom.path(namespace, "band")
    wrongs = [custom.body(odd=1), custom.body(size="many"), custom.body(players=[{"odd": 1}])]
    answers = [api.apply(path, body) for body in wrongs]
    answers += [api.apply(path, body, fieldValidation="Strict") for body in wrongs]
    answers += [api.apply(f"{maps}/one", config_map("one") | {"odd": 1})]
    answers += [api.apply(f"{maps}/one", config_map("one", {"a": 1}))]

    assert {(code, refusal.get("reason")) for code, refusal in answers} == {(500, None)}
    assert all("failed to create typed patch object" in refusal["message"] for _, refusal in answers)


def test_secret_text_becomes_data(api: Calls, namespace: str) -> None:
    """`stringData` is kept as base64 in `data` and never shown."""
    secret = {"metadata": {"name": "one"}, "stringData": {"key": "text"}}

    made = api.make(f"{NAMESPACES}/{namespace}/secrets", secret)

    assert made["data"] == {"key": base64.b64encode(b"text").decode()}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


def test_dry_run_keeps_nothing(api: Calls, maps: str) -> None:
    """With dryRun, creating, changing and deleting answer as usual and change nothing."""
    api.make(maps, config_map("one"))

    assert api.make(maps, config_map("two"), dryRun="All")["metadata"]["uid"]
    assert api.change(f"{maps}/one", {"data": {"a": "2"}}, dryRun="All")["data"] == {"a": "2"}
    assert api.apply(f"{maps}/three", config_map("three"), dryRun="All")[0] == 201
    assert api("DELETE", f"{maps}/one", dryRun="All")[0] == 200
    assert {"one"} == {"one", "two", "three"} & set(names(api.read(maps)))
    assert api.read(f"{maps}/one")["data"] == {"a": "1"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=x", ["one", "two"]),
        ("app==x,tier=back", ["two"]),
        ("app!=x", ["four", "three"]),
        ("app in (x,y),tier", ["three", "two"]),
        ("app notin (x)", ["four", "three"]),
        ("!app", ["four"]),
    ],
)
def test_label_selectors(api: Calls, maps: str, selector: str, expected: list[str]) -> None:
    """Equality, sets and presence select by labels."""
    for name, labels in {
        "one": {"app": "x"},
        "two": {"app": "x", "tier": "back"},
        "three": {"app": "y", "tier": "back"},
        "four": {},
    }.items():
        api.make(maps, config_map(name, labels | {"mine": "yes"}))

    assert names(api.read(maps, labelSelector=f"mine=yes,{selector}")) == expected


def test_field_selectors(api: Calls, namespace: str, maps: str) -> None:
    """Fields select by name, and events by what they are about; others are BadRequest."""
    events = f"{NAMESPACES}/{namespace}/events"
    api.make(maps, config_map("one"))
    for name in ("one", "two"):
        about = {"kind": "Pod", "name": name, "namespace": namespace}
        api.make(events, {"metadata": {"name": f"about-{name}"}, "involvedObject": about, "reason": "Told"})

    assert names(api.read(maps, fieldSelector="metadata.name=one")) == ["one"]
    assert names(api.read(events, fieldSelector="involvedObject.name=two")) == ["about-two"]
    assert api("GET", maps, fieldSelector="data.a=1")[1]["reason"] == "BadRequest"


def test_lists_come_in_pages(api: Calls, maps: str) -> None:
    """`limit` cuts a list and `continue` goes on with it as it was at the first page."""
    for name in ("a", "b", "c"):
        api.make(maps, config_map(name, {"mine": "yes"}))

    first = api.read(maps, labelSelector="mine=yes", limit=2)
    api.make(maps, config_map("d", {"mine": "yes"}))
    token = first["metadata"]["continue"]
    rest = api.read(maps, **{"labelSelector": "mine=yes", "limit": 2, "continue": token})

    assert (names(first), names(rest)) == (["a", "b"], ["c"])
    assert not rest["metadata"].get("continue")
    assert first["metadata"]["resourceVersion"] == rest["metadata"]["resourceVersion"]


def test_lists_of_all_namespaces(api: Calls, maps: str) -> None:
    """A list without a namespace has the objects of all, and says of what kind it is; its items do not."""
    label = uuid.uuid4().hex
    api.make(maps, config_map("one", {"mine": label}))

    found = api.read("/api/v1/configmaps", labelSelector=f"mine={label}")

    assert (found["kind"], found["apiVersion"], names(found)) == ("ConfigMapList", "v1", ["one"])
    assert found["items"][0].keys() == {"metadata", "data"}


def test_lists_of_custom_resources(api: Calls, custom: Custom, namespace: str) -> None:
    """A list of custom resources says their kind in each item too."""
    api.make(custom.path(namespace), custom.body())

    found = api.read(custom.path(namespace))

    assert (found["kind"], found["apiVersion"]) == ("BandList", custom.api_version)
    assert [(item["kind"], item["apiVersion"]) for item in found["items"]] == [("Band", custom.api_version)]


def test_bad_questions(api: Calls, maps: str) -> None:
    """A selector, version or continue token that is none is BadRequest; a future version is a Timeout."""
    for query in ({"labelSelector": "a in b"}, {"resourceVersion": "x"}, {"continue": "x", "limit": 1}):
        assert api("GET", maps, **query)[1]["reason"] == "BadRequest", query
    code, refusal = api("GET", maps, resourceVersion="99999999")
    assert (code, refusal["reason"]) == (504, "Timeout")
    assert {cause["reason"] for cause in refusal["details"]["causes"]} == {"ResourceVersionTooLarge"}


def test_generation_counts_changes_of_spec(api: Calls, custom: Custom, namespace: str) -> None:
    """The generation moves with the spec, not with labels or status."""
    path = custom.path(namespace, "band")
    assert api.make(custom.path(namespace), custom.body())["metadata"]["generation"] == 1

    api.change(path, {"metadata": {"labels": {"x": "y"}}})
    api.change(f"{path}/status", {"status": {"size": 1}})
    assert api.read(path)["metadata"]["generation"] == 1

    assert api.change(path, {"spec": {"size": 2}})["metadata"]["generation"] == 2


def test_status_is_written_apart(api: Calls, custom: Custom, namespace: str) -> None:
    """What has a status subresource gets its status there and nothing else, and nowhere else."""
    path = custom.path(namespace, "band")
    made = api.make(custom.path(namespace), custom.body() | {"status": {"size": 7}})
    both = {"spec": {"size": 5}, "status": {"size": 6}}

    assert "status" not in made
    assert "status" not in api.change(path, both)
    told = api.change(f"{path}/status", {"spec": {"size": 8}, "status": {"size": 9}})
    assert (told["spec"]["size"], told["status"]["size"]) == (5, 9)


def test_scale(api: Calls, custom: Custom, namespace: str) -> None:
    """The scale subresource shows and sets the fields that the definition names."""
    path = custom.path(namespace, "band")
    api.make(custom.path(namespace), custom.body(size=2))
    api.change(f"{path}/status", {"status": {"size": 1, "selector": "x=y"}})

    scale = api.read(f"{path}/scale")
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
    assert scale["status"] == {"replicas": 1, "selector": "x=y"}

    assert api.change(f"{path}/scale", {"spec": {"replicas": 4}})["spec"]["replicas"] == 4
    assert api.read(path)["metadata"]["generation"] == 2
    _, scale = api("PUT", f"{path}/scale", api.read(f"{path}/scale") | {"spec": {"replicas": 3}})
    assert scale["spec"]["replicas"] == api.read(path)["spec"]["size"] == 3


def test_scale_needs_a_number(api: Calls, custom: Custom, namespace: str) -> None:
    """A size that is no number, or that the schema forbids, is Invalid."""
    api.make(custom.path(namespace), custom.body())

    for size in ("x", 0):
        code, refusal = api(
            "PATCH", f"{custom.path(namespace, 'band')}/scale", {"spec": {"replicas": size}}, MERGE
        )
        assert (code, refusal["reason"]) == (422, "Invalid")


def test_stale_custom_replace_is_refused(api: Calls, custom: Custom, namespace: str) -> None:
    """Replacing a custom resource needs the version it replaces."""
    api.make(custom.path(namespace), custom.body())

    code, refusal = api("PUT", custom.path(namespace, "band"), custom.body(size=2))

    assert (code, refusal["reason"]) == (422, "Invalid")
    assert {field for _, field in causes(refusal)} == {"metadata.resourceVersion"}


def test_definition_is_established_then_served(api: Calls, custom: Custom) -> None:
    """A definition says when its names are accepted and its kind is served; then the kind is listed."""
    definition = api.read(custom.definition_path)
    conditions = {found["type"]: found["status"] for found in definition["status"]["conditions"]}

    assert conditions.items() >= {"NamesAccepted": "True", "Established": "True"}.items()
    wait_for(lambda: api("GET", f"/apis/{custom.group}/v1")[0] == 200)
    told = {entry["name"] for entry in api.read(f"/apis/{custom.group}/v1")["resources"]}
    assert told == {"bands", "bands/status", "bands/scale"}


def test_custom_resources_tell_their_kind(api: Calls, custom: Custom, namespace: str) -> None:
    """A custom resource without kind and apiVersion is BadRequest, though the path says it all."""
    code, refusal = api("POST", custom.path(namespace), {"metadata": {"name": "band"}, "spec": {"size": 1}})

    assert (code, refusal["reason"]) == (400, "BadRequest")


def test_new_definition_has_null_conditions(api: Calls) -> None:
    """The list of conditions of a definition is null at first: typed models of it cannot be trusted."""
    band = Custom()
    made = api.make(CRDS, band.definition)
    api("DELETE", band.definition_path)

    assert made["status"]["conditions"] is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"size": None}, "spec.size"),
        ({"size": 0}, "spec.size"),
        ({"size": "many"}, "spec.size"),
        ({"tempo": "odd"}, "spec.tempo"),
        ({"players": [{"name": 3}]}, "spec.players[0].name"),
    ],
)
def test_custom_resources_are_checked(
    api: Calls, custom: Custom, namespace: str, spec: dict[str, Any], field: str
) -> None:
    """What contradicts the schema is Invalid, by its field."""
    code, refusal = api("POST", custom.path(namespace), custom.body(**spec))

    assert (code, refusal["reason"]) == (422, "Invalid")
    assert field in {found for _, found in causes(refusal)}


def test_custom_resources_are_pruned_and_completed(api: Calls, custom: Custom, namespace: str) -> None:
    """Unknown fields are dropped, or refused where that is asked for; defaults are filled in."""
    body = custom.body(odd=1, players=[{"name": "a", "odd": 1}], labels={"any": "thing"})

    code, refusal = api("POST", custom.path(namespace), body, fieldValidation="Strict")
    made = api.make(custom.path(namespace), body)
    patch = api(
        "PATCH", custom.path(namespace, "band"), {"spec": {"odd": 1}}, MERGE, fieldValidation="Strict"
    )

    assert (code, refusal["reason"]) == (400, "BadRequest")
    assert 'unknown field "spec.odd"' in refusal["message"]
    assert patch[1]["reason"] == "Invalid"
    assert made["spec"] == {
        "size": 1,
        "tempo": "slow",
        "players": [{"name": "a"}],
        "labels": {"any": "thing"},
    }


def test_watch_goes_on_from_version(api: Calls, maps: str) -> None:
    """A watch from a list's version tells all that happened since, in order, and ends in time."""
    version = api.read(maps)["metadata"]["resourceVersion"]
    api.make(maps, config_map("one"))
    api.change(f"{maps}/one", {"data": {"a": "2"}})
    api("DELETE", f"{maps}/one")

    events = list(api.watch(maps, 1, resourceVersion=version, fieldSelector="metadata.name=one"))

    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[1]["object"]["data"] == {"a": "2"}
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("version", [{}, {"resourceVersion": "0"}], ids=["none", "0"])
def test_watch_without_version_begins_with_all(api: Calls, maps: str, version: dict[str, str]) -> None:
    """A watch from no version, or from 0, first tells what is there."""
    api.make(maps, config_map("one", {"mine": "yes"}))
    api.change(f"{maps}/one", {"data": {"a": "2"}})

    events = api.watch(maps, 1, labelSelector="mine=yes", **version)

    assert [(event["type"], event["object"]["data"]) for event in events] == [("ADDED", {"a": "2"})]


def test_watch_tells_live_changes(api: Calls, maps: str) -> None:
    """A watch tells a change while it runs."""
    version = api.read(maps)["metadata"]["resourceVersion"]
    events = api.watch(maps, 30, resourceVersion=version, labelSelector="mine=yes")

    api.make(maps, config_map("one", {"mine": "yes"}))

    assert next(events)["object"]["metadata"]["name"] == "one"
    events.close()


def test_watch_selects(api: Calls, maps: str) -> None:
    """For a watch with a selector, what comes under it is added and what leaves it is deleted."""
    version = api.read(maps)["metadata"]["resourceVersion"]
    api.make(maps, config_map("one"))
    api.change(f"{maps}/one", {"metadata": {"labels": {"mine": "yes"}}})
    api.change(f"{maps}/one", {"metadata": {"labels": {"mine": "no"}}})

    events = api.watch(maps, 1, resourceVersion=version, labelSelector="mine=yes")

    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


def test_watch_of_custom_resources(api: Calls, custom: Custom, namespace: str) -> None:
    """Custom resources are watched as others are, from a list's version."""
    version = api.read(custom.path(namespace))["metadata"]["resourceVersion"]
    api.make(custom.path(namespace), custom.body())

    (event,) = api.watch(custom.path(namespace), 1, resourceVersion=version)

    assert (event["type"], event["object"]["kind"], event["object"]["apiVersion"]) == (
        "ADDED",
        "Band",
        custom.api_version,
    )


def test_watch_has_bookmarks(api: Calls, maps: str, request: pytest.FixtureRequest) -> None:
    """A watch that allows bookmarks gets one before its end, with a version to go on from."""
    seconds = 1 if "fake" in request.node.name else 5  # a real server sends it two seconds before the end
    version = api.read(maps)["metadata"]["resourceVersion"]

    events = api.watch(maps, seconds, resourceVersion=version, allowWatchBookmarks="true")
    bookmarks = [event["object"] for event in events if event["type"] == "BOOKMARK"]

    assert bookmarks
    assert int(bookmarks[-1]["metadata"]["resourceVersion"]) >= int(version)
    assert bookmarks[-1]["kind"] == "ConfigMap"


def test_watch_of_old_version_expires(request: pytest.FixtureRequest, api: Calls, maps: str) -> None:
    """A watch from a version that the server no longer has gets one event: Expired, 410."""
    event, *more = api.watch(maps, 5, resourceVersion="1")

    if event["type"] != "ERROR" and request.node.callspec.params["api"] == "real":
        pytest.skip("NOT RUN on a real API server: it is young, and still has its first version")
    assert (event["type"], more) == ("ERROR", [])
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_finalizer_holds(api: Calls, maps: str) -> None:
    """An object with a finalizer stays, marked, takes no more finalizers, and goes when it has none."""
    path = f"{maps}/one"
    api.make(maps, config_map("one", finalizers=["burstd.test/hold"]))

    code, marked = api("DELETE", path)
    assert (code, marked["kind"]) == (200, "ConfigMap")
    assert marked["metadata"]["deletionTimestamp"]
    assert api.read(path)["metadata"]["finalizers"] == ["burstd.test/hold"]
    more = {"metadata": {"finalizers": ["burstd.test/hold", "burstd.test/more"]}}
    assert api("PATCH", path, more, MERGE)[1]["reason"] == "Invalid"
    assert api("POST", maps, config_map("one"))[1]["reason"] == "AlreadyExists"

    api.change(path, {"metadata": {"finalizers": []}})
    assert api.is_gone(path)


def test_delete_tells_what_went(api: Calls, maps: str) -> None:
    """Deleting at once is answered with success and the uid."""
    made = api.make(maps, config_map("one"))

    code, told = api("DELETE", f"{maps}/one")

    assert (code, told["status"]) == (200, "Success")
    assert told["details"] == {"name": "one", "kind": "configmaps", "uid": made["metadata"]["uid"]}


def test_delete_by_uid(api: Calls, maps: str) -> None:
    """Deleting an object by the uid of another is a Conflict, by its own it is done; a policy must be one."""
    made = api.make(maps, config_map("one"))

    code, refusal = api("DELETE", f"{maps}/one", {"preconditions": {"uid": str(uuid.uuid4())}})
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}

    assert (code, refusal["reason"]) == (409, "Conflict")
    assert api("DELETE", f"{maps}/one", {"propagationPolicy": "None"})[1]["reason"] == "Invalid"
    assert api("DELETE", f"{maps}/one", right)[0] == 200


def test_dependents_follow(api: Calls, maps: str) -> None:
    """Without more said, an owner goes at once and its dependents soon after."""
    owner = api.make(maps, config_map("owner"))
    api.make(maps, config_map("child", **owned_by(owner)))

    api("DELETE", f"{maps}/owner", {"propagationPolicy": "Background"})

    assert api.is_gone(f"{maps}/owner")
    wait_for(lambda: api.is_gone(f"{maps}/child"))


def test_owner_waits_for_dependents(api: Calls, maps: str) -> None:
    """In the foreground an owner stays, marked, until the dependents that block it are gone."""
    owner = api.make(maps, config_map("owner"))
    api.make(maps, config_map("child", finalizers=["burstd.test/hold"], **owned_by(owner, blocks=True)))

    _, marked = api("DELETE", f"{maps}/owner", {"propagationPolicy": "Foreground"})
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    wait_for(lambda: "deletionTimestamp" in api.read(f"{maps}/child")["metadata"])
    assert api.read(f"{maps}/owner")["metadata"]["deletionTimestamp"]

    api.change(f"{maps}/child", {"metadata": {"finalizers": []}})
    wait_for(lambda: api.is_gone(f"{maps}/owner"))
    assert api.is_gone(f"{maps}/child")


def test_dependents_are_orphaned(api: Calls, maps: str) -> None:
    """Dependents that are to be orphaned stay, without an owner."""
    owner = api.make(maps, config_map("owner"))
    api.make(maps, config_map("child", **owned_by(owner)))

    api("DELETE", f"{maps}/owner", propagationPolicy="Orphan")

    wait_for(lambda: api.is_gone(f"{maps}/owner"))
    assert not api.read(f"{maps}/child")["metadata"].get("ownerReferences")


def test_delete_collection(api: Calls, maps: str) -> None:
    """Deleting a collection takes what the selector names."""
    for name, label in {"one": "yes", "two": "yes", "three": "no"}.items():
        api.make(maps, config_map(name, {"mine": label}))

    assert api("DELETE", maps, labelSelector="mine=yes")[0] == 200

    assert names(api.read(maps, labelSelector="mine")) == ["three"]


def test_namespace_takes_its_contents_along(api: Calls, namespace: str, maps: str) -> None:
    """A namespace that is deleted is Terminating, takes nothing new, and goes when its contents are gone."""
    path = f"{NAMESPACES}/{namespace}"
    api.make(maps, config_map("one", finalizers=["burstd.test/hold"]))

    code, told = api("DELETE", path)
    assert (code, told["status"]["phase"]) == (200, "Terminating")
    wait_for(lambda: "deletionTimestamp" in api.read(f"{maps}/one")["metadata"])
    code, refusal = api("POST", maps, config_map("two"))
    assert (code, refusal["reason"]) == (403, "Forbidden")
    assert "NamespaceTerminating" in {reason for reason, _ in causes(refusal)}
    assert api.read(path)["spec"]["finalizers"] == ["kubernetes"]

    api.change(f"{maps}/one", {"metadata": {"finalizers": None}})
    wait_for(lambda: api.is_gone(path), 60)


def test_definition_takes_its_objects_along(api: Calls, namespace: str) -> None:
    """Deleting a definition deletes the objects of its kind; then the kind is no longer served."""
    band = Custom()
    assert api.is_gone(band.path(namespace))
    api.make(CRDS, band.definition)
    wait_for(lambda: api("POST", band.path(namespace), band.body())[0] in {201, 409})

    api("DELETE", band.definition_path)

    wait_for(lambda: api.is_gone(band.definition_path))
    wait_for(lambda: api.is_gone(band.path(namespace)))


def test_deployment_has_defaults_and_scale(api: Calls, namespace: str) -> None:
    """A Deployment has one replica unless told, and can be scaled; its status tells its generation."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    pod = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "none"}]}}
    body = {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": pod}}

    assert api.make(path, body)["spec"]["replicas"] == 1
    assert api.change(f"{path}/x/scale", {"spec": {"replicas": 0}})["spec"] == {}  # a 0 is left out
    wait_for(lambda: api.read(f"{path}/x")["status"].get("observedGeneration") == 2)


def test_services_get_addresses(api: Calls, namespace: str) -> None:
    """A Service gets an address unless it is headless, and a node port where it is reached from outside."""
    path, ports = f"{NAMESPACES}/{namespace}/services", [{"port": 8050}]
    outside = api.make(path, {"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": ports}})
    headless = api.make(path, {"metadata": {"name": "b"}, "spec": {"clusterIP": "None", "ports": ports}})

    (port,) = outside["spec"]["ports"]
    assert 30000 <= port["nodePort"] <= 32767
    assert (port["protocol"], port["targetPort"]) == ("TCP", 8050)
    assert outside["spec"]["clusterIP"].count(".") == 3
    assert headless["spec"]["clusterIP"] == "None"
    assert outside["status"] == {"loadBalancer": {}}


def test_log_of_absent_pod(api: Calls, namespace: str) -> None:
    """The log of a pod that is not there is NotFound."""
    assert api("GET", f"{NAMESPACES}/{namespace}/pods/absent/log")[1]["reason"] == "NotFound"


def test_anybody_may_ask_what_they_may(api: Calls) -> None:
    """A SelfSubjectAccessReview is answered at once, below a resource too, and nothing of it is kept."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for asked in ({"resource": "namespaces"}, {"resource": "pods", "subresource": "log"}):
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "get", "group": "", **asked}},
        }
        assert api.make(path, review)["status"]["allowed"] is True
    assert api("GET", path)[0] in (404, 405)
