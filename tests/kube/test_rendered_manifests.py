"""What `burstd render lead` and `burstd render burst` print: golden files, held against the kind's schema.

`UPDATE_GOLDEN=1` writes the files anew. BURSTD_TEST_CRD may name the real Flux Operator's manifest, or its
CustomResourceDefinition: then what is printed is held against that, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from burstd.cli import rendered
from burstd.config import Config, Flags, load
from burstd.core.errors import ConfigError
from burstd.core.model import Pool, Shape
from burstd.join.papers import Declared, Join, Order
from burstd.kube import minicluster
from burstd.kube.leadside import warnings
from burstd.kube.options import KubeOptions

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
OURS = HERE.parent / "fakes" / "flux-operator.yaml"
REAL = os.environ.get("BURSTD_TEST_CRD", "")

CONFIG: dict[str, Any] = {
    "lead": {
        "hosts": "flux-sample-[0-3]",
        "cores": 4,
        "image": "registry.example.org/flux:0.88.0",
        "host": "34.28.41.20",
        "port": 30093,
        "minicluster": {"up": 2, "burstd_image": "registry.example.org/burstd:0.1.0-flux0.88.0"},
    },
    "pools": [
        {
            "name": "burst-0",
            "provider": "kubernetes",
            "size": 4,
            "cores": 4,
            "properties": ["burst"],
            "options": {"context": "other"},
        }
    ],
}
FULL = {
    "scheduler_name": "fluence",
    "node_selector": {"size": "large"},
    "tolerations": [{"key": "burst", "operator": "Exists", "effect": "NoSchedule"}],
    "requests": {"cpu": "3"},
    "limits": {"nvidia.com/gpu": "1"},
    "environment": {"OMP_NUM_THREADS": "4"},
    "pull_secret": "registry",
    "use_view": False,
    "min_size": 2,
    "deadline_seconds": 3600,
    "service_account": "jobs",
    "volumes": {"data": {"path": "/data", "claim": "data", "read_only": True}},
    "containers": [{"name": "restful", "image": "registry.example.org/restful:1", "ports": [5000]}],
}


def a_config(lead: dict[str, Any] | None = None, **options: Any) -> Config:
    changed = CONFIG["lead"] | (lead or {})
    minicluster = CONFIG["lead"]["minicluster"] | changed.get("minicluster", {})
    pool = CONFIG["pools"][0]
    pool = pool | {"options": pool["options"] | options}
    return Config.model_validate({"lead": changed | {"minicluster": minicluster}, "pools": [pool]})


LEAD: dict[str, Callable[[], str]] = {
    "lead": lambda: rendered.lead(a_config(), gateway=False),
    "lead-gateway": lambda: rendered.lead(a_config(), gateway=True),
    "lead-auto": lambda: rendered.lead(
        a_config(
            {
                "host": "auto",
                "port": None,
                "flux_image": "registry.example.org/view:0.88.0",
                "minicluster": {
                    "state_claim": "ledger",
                    "credentials_secret": "cloud",
                    "workload_identity": True,
                    "node_port": 30100,
                },
            }
        ),
        gateway=False,
    ),
    "lead-balancer": lambda: rendered.lead(
        a_config({"minicluster": {"service_type": "LoadBalancer", "source_ranges": ("203.0.113.0/24",)}}),
        gateway=False,
    ),
    "burst": lambda: rendered.burst(a_config(), rendered.Wanted("burst-0")),
    "burst-full": lambda: rendered.burst(a_config(**FULL), rendered.Wanted("burst-0", 3, 7)),
    "burst-command": lambda: rendered.burst(
        a_config(), rendered.Wanted("burst-0", 2, command="lmp -v x 1 -in in.reaxff.hns -nocite")
    ),
}

every_case = pytest.mark.parametrize("name", LEAD)


@every_case
def test_what_is_printed_is_as_it_was(name: str) -> None:
    """Each case prints what its golden file holds."""
    text, file = LEAD[name](), GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


@every_case
@pytest.mark.parametrize("manifest", [str(OURS), *([REAL] if REAL else [])])
def test_what_is_printed_fits_the_kind(name: str, manifest: str) -> None:
    """Every MiniCluster has only fields that the kind has, of their types, and those that it must have."""
    found = [one for one in yaml.safe_load_all(LEAD[name]()) if one["kind"] == "MiniCluster"]
    assert found
    validator = Draft7Validator(closed(schema_of(Path(manifest))))
    assert [error.message for one in found for error in validator.iter_errors(one)] == []


@every_case
def test_a_second_run_prints_the_same(name: str) -> None:
    """Nothing in it depends on when or where it is printed."""
    assert LEAD[name]() == LEAD[name]()


def test_a_batch_script_is_taken_along(tmp_path: Path) -> None:
    """With --batch the MiniCluster runs the script, and has no lead."""
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\nhostname\n")
    text = rendered.burst(a_config(), rendered.Wanted("burst-0", batch=script))
    (found,) = [one for one in yaml.safe_load_all(text) if one["kind"] == "MiniCluster"]
    (container,) = found["spec"]["containers"]
    assert (container["batch"], container["command"]) == (True, script.read_text())
    assert "bursting" not in found["spec"]["flux"]
    assert "burst-secrets" not in text


def test_no_secret_is_printed(tmp_path: Path) -> None:
    """The Secret says where its contents are, and holds none of them."""
    from burstd.join import curve

    certificate = curve.write(tmp_path / "curve.cert", "tests")
    text = rendered.burst(a_config({"curve_cert": tmp_path / "curve.cert"}), rendered.Wanted("burst-0"))
    assert certificate.secret_key.decode() not in text
    assert f"(the contents of {tmp_path / 'curve.cert'})" in text


@pytest.mark.parametrize(
    ("lead", "what"),
    [
        ({"hosts": "a,b"}, "lead.hosts: a,b are not <name>-0"),
        ({"image": ""}, "lead.image: missing"),
        ({"minicluster": {"burstd_image": ""}}, "lead.minicluster.burstd_image: missing"),
        ({"minicluster": {"up": 9}}, "lead.minicluster.up: 9, but lead.hosts names 4"),
        ({"minicluster": {"min_size": 3}}, "lead.minicluster.min_size: 3"),
    ],
)
def test_what_a_lead_cannot_be_is_told(lead: dict[str, Any], what: str) -> None:
    """A lead that the operator would not start, or would start wrongly, is not printed."""
    with pytest.raises(ConfigError) as caught:
        rendered.lead(a_config(lead), gateway=False)
    assert what in str(caught.value)


def test_a_name_that_the_operators_shell_would_change_is_told() -> None:
    """A dollar sign in a property would be the name of a variable to the shell that writes the file."""
    with pytest.raises(ConfigError, match="would not leave as it is"):
        rendered.lead(a_config({"properties": ("cost$",)}), gateway=False)


@pytest.mark.parametrize(
    ("lead", "what"),
    [
        ({"minicluster": {"workload_identity": True}}, "users' jobs included"),
        ({"host": "auto"}, "token of the ServiceAccount"),
        ({}, "ledger goes with its pod"),
    ],
)
def test_what_one_should_know_is_said(lead: dict[str, Any], what: str) -> None:
    """What gives rights to others, or can be lost, is said beside the manifests."""
    assert any(what in sentence for sentence in warnings(a_config(lead)))


def test_the_seeds_example_is_printed() -> None:
    """The configuration of examples/gke prints a lead and a burst."""
    path = HERE.parents[1] / "examples" / "gke" / "burstd.yaml"
    config = load(path, Flags(), None, here=False)
    assert "kind: MiniCluster" in rendered.lead(config, gateway=False)
    text = rendered.burst(config, rendered.Wanted("burst-0"))
    assert "cloud.google.com/gke-nodepool" in text


def schema_of(manifest: Path) -> dict[str, Any]:
    """Return the schema of the kind MiniCluster in a manifest."""
    (found,) = [
        one for one in yaml.safe_load_all(manifest.read_text()) if one["kind"] == "CustomResourceDefinition"
    ]
    schema: dict[str, Any] = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def closed(schema: Any) -> Any:
    """Return a schema that refuses fields it does not name: the API server would take them away unsaid."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


def a_broker(join: Join, **options: Any) -> dict[str, Any]:
    """Return the spec of a burst's MiniCluster: its view, and its broker's container."""
    shape = Shape(4)
    pool = Pool("burst-0", "kubernetes", ("burst-0-0",), (1,), shape)
    order = Order("burstd", "burstd-burst-0-g1", pool, 1, 1, join)
    made = minicluster.minicluster(order, KubeOptions(**options), minicluster.Machine())
    return {"view": made["spec"]["flux"]["container"], **made["spec"]["containers"][0]}


JOIN = Join("h", 8050, (Declared("lead-0,burst-0-0", Shape(4)),), Path("/none"), version="0.88.0", userid=500)


@pytest.mark.parametrize(
    ("join", "options", "image", "view", "user"),
    [
        (JOIN, {}, "fluxrm/flux-core:bookworm-v0.88.0", {"disable": True}, 500),
        (JOIN, {"run_as_user": 0}, "fluxrm/flux-core:bookworm-v0.88.0", {"disable": True}, 0),
        (JOIN, {"image": "mine:1"}, "mine:1", {"image": minicluster.FLUX_VIEW}, None),
        (JOIN, {"image": "mine:1", "use_view": False, "run_as_user": 7}, "mine:1", {"disable": True}, 7),
        (replace(JOIN, image="lead:1", flux_image="view:1"), {}, "lead:1", {"image": "view:1"}, None),
    ],
)
def test_images_default_to_the_leads(
    join: Join, options: dict[str, Any], image: str, view: dict[str, Any], user: int | None
) -> None:
    """A pool's own image counts, then the lead's, then that of the lead's version, as the lead's user."""
    found = a_broker(join, **options)
    assert (found["image"], found["view"]) == (image, view)
    assert found.get("securityContext") == (None if user is None else {"runAsUser": user})
