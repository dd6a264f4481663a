"""A lead's broker.toml whose resources stand in an R: its hosts become entries beside the pools'."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from burstd.config import Config
from burstd.config.declaration import lead_side
from burstd.config.rfile import inlined, path_of, remarks
from burstd.core.errors import ConfigError
from burstd.core.model import Shape
from burstd.join.brokerconfig import merge_lead

BASE = """\
# the cluster's own
[bootstrap]
curve_cert = "/etc/flux/system/curve.cert"
hosts = [{ host = "node[0-3]" }]

[resource]
path = "/etc/flux/system/R"  # made by flux R encode
exclude = "node0"

[ingest]
batch-count = 4
"""
R: dict[str, Any] = {
    "version": 1,
    "execution": {
        "R_lite": [
            {"rank": "0,3", "children": {"core": "0-1"}},
            {"rank": "1-2", "children": {"core": "0-7", "gpu": "0-1"}},
        ],
        "starttime": 0.0,
        "expiration": 0.0,
        "nodelist": ["node[0-2]", "node3"],
        "properties": {"fast": "1-2", "login": "0"},
    },
}


def entries(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["resource"]["config"]
    return found


def test_the_hosts_of_an_r_become_entries() -> None:
    """Cores, gpus and properties of each host are kept, by name; the path is gone and all else stays."""
    text = inlined(BASE, path_of(BASE), json.dumps(R))
    assert entries(text) == [
        {"hosts": "node[0,3]", "cores": "0-1"},
        {"hosts": "node[1-2]", "cores": "0-7", "gpus": "0-1"},
        {"hosts": "node[1-2]", "properties": ["fast"]},
        {"hosts": "node0", "properties": ["login"]},
    ]
    document, before = tomllib.loads(text), tomllib.loads(BASE)
    assert (document["resource"]["exclude"], "path" in document["resource"]) == ("node0", False)
    assert [document[key] for key in ("bootstrap", "ingest")] == [
        before[key] for key in ("bootstrap", "ingest")
    ]
    assert text.startswith("# the cluster's own\n")


def test_pools_are_declared_beside_them() -> None:
    """A lead that is rendered from such a base declares its own hosts as the R has them, then the pool's."""
    config = Config.model_validate({"lead": {"port": 8050}, "pools": [{"size": 2, "cores": 16}]})
    text = inlined(BASE, path_of(BASE), json.dumps(R))
    side = lead_side(config, text)
    assert [(one.hosts, one.shape) for one in side.declared] == [
        ("node0", Shape(2, properties=frozenset({"login", "local"}))),
        ("node[1-2]", Shape(8, 2, frozenset({"fast", "local"}))),
        ("node3", Shape(2, properties=frozenset({"local"}))),
        ("burst-0-[0-1]", Shape(16, properties=frozenset({"burst-0"}))),
    ]
    merged = tomllib.loads(merge_lead(text, side))["resource"]
    assert (merged["exclude"], "path" in merged, len(merged["config"])) == ("node0", False, 4)


@pytest.mark.parametrize(
    ("base", "path"),
    [
        (BASE, "/etc/flux/system/R"),
        ("", ""),
        ("[resource]\nexclude = 'a'\n", ""),
        ("[resource]\npath = 'R'\n[[resource.config]]\nhosts = 'a'\n", ""),
        ("[resource", ""),
        ("resource = 1\n", ""),
    ],
)
def test_flux_reads_one_of_the_two(base: str, path: str) -> None:
    """A path beside [[resource.config]] counts for nothing, as in Flux."""
    assert path_of(base) == path


def test_what_becomes_of_the_path_is_said() -> None:
    """That the path is gone is said, and that what Fluxion alone reads of the R is gone with it."""
    (gone,) = remarks(BASE, "/etc/flux/system/R", json.dumps(R))
    assert gone.startswith("resource.path (/etc/flux/system/R) is taken out")
    with_graph = BASE.replace("[resource]\n", "[resource]\nscheduling = '/etc/flux/graph'\n")
    _, lost, kept = remarks(with_graph, "R", json.dumps(R | {"scheduling": {}}))
    assert "key `scheduling` of that file is left out" in lost
    assert kept.startswith("resource.scheduling stays")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("R", "is not JSON"),
        ("[]", "has no version 1"),
        (json.dumps(R | {"version": 2}), "has no version 1"),
        (json.dumps({"version": 1}), "cannot be understood: KeyError('execution')"),
        (json.dumps({"version": 1, "execution": R["execution"] | {"nodelist": ["node0"]}}), "cannot be und"),
        (json.dumps({"version": 1, "execution": R["execution"] | {"properties": {"x": "9"}}}), "KeyError(9)"),
    ],
)
def test_what_is_no_r_is_named(text: str, words: str) -> None:
    """A file that is no R is one error with its path."""
    with pytest.raises(ConfigError) as caught:
        inlined(BASE, "/etc/flux/system/R", text)
    (problem,) = caught.value.problems
    assert problem.path == "--base"
    assert problem.what.startswith("the R at /etc/flux/system/R, which resource.path names, ")
    assert words in problem.what


@pytest.mark.parametrize(
    "resource",
    [
        "[resource]\npath = 'R'\n[resource.verify]\ncore = 'ignore'\n",
        "[resource.verify]\ncore = 'ignore'\n[resource]\npath = 'R'\n",
        "[resource]\npath = 'R'\n[x]\n[resource.verify]\ncore = 'ignore'\n",
        "resource.path = 'R'\n",
    ],
)
def test_a_file_may_be_laid_out_in_many_ways(resource: str) -> None:
    """Wherever the path stands, the file means what it should afterwards."""
    text = inlined(f"{resource}[y]\nz = 1\n", "R", json.dumps(R))
    assert (len(entries(text)), tomllib.loads(text)["y"]) == (4, {"z": 1})


def test_a_layout_that_cannot_be_changed_is_refused() -> None:
    """Where the change would not mean what it should, nothing is written."""
    with pytest.raises(ConfigError, match=r"put all of it under one \[resource\]"):
        inlined("resource = { path = 'R' }\n", "R", json.dumps(R))
