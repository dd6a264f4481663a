"""What the plugin makes of marks, requests and constraints, beside what burstd makes of them."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.cli.plugged import PLUGIN, folder, install
from burstd.config import Config, poolfile
from burstd.config.model import PoolConfig
from burstd.core import constraint
from burstd.core.model import Placement
from burstd.lead.request import read_request, read_wish

pytestmark = pytest.mark.real_flux

JOBSPECS = json.loads((Path(__file__).parents[1] / "lead" / "transcripts" / "jobspecs.json").read_text())
WORDS = st.sampled_from(
    ["burst-0", "gke", " true ", "True", "1", "0", "FALSE", "", "mixed", "pool", "together"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["plugin", "pool", "placement", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)
CONSTRAINTS = st.recursive(
    st.lists(st.sampled_from(["a", "^a", "b", "^b"]), min_size=1, max_size=2).map(
        lambda names: {"properties": names}
    ),
    lambda inner: st.tuples(
        st.sampled_from(["and", "or", "not"]), st.lists(inner, min_size=1, max_size=2)
    ).map(lambda pair: {pair[0]: pair[1]}),
    max_leaves=5,
)
POOLS = (
    PoolConfig(name="small", provider="near", size=2, cores=2, properties=("tiny",)),
    PoolConfig(name="large", provider="far", size=4, cores=8, gpus=1, properties=("huge",)),
    PoolConfig(name="open", provider="far", size=8, cores=8, multi_user=True),
)
EVERY_QUEUE = frozenset({"batch", "small", "large", "open", "mixed"})


@pytest.fixture(scope="module")
def burst() -> ModuleType:
    """Load the plugin as Flux does: by its path."""
    return _loaded(folder() / PLUGIN)


@pytest.fixture
def known(burst: ModuleType, tmp_path: Path) -> Any:
    """Return what the plugin reads of POOLS."""
    path = tmp_path / "pools.json"
    path.write_text(poolfile.told(Config(pools=POOLS)))
    return burst.read_pools(str(path))


def test_both_sides_name_the_same_file(burst: ModuleType) -> None:
    """The plugin looks for the file, in the version, that burstd writes."""
    assert (burst.POOL_FILE, burst.VERSION) == (poolfile.NAME, poolfile.VERSION)


@given(VALUES)
def test_marks_mean_the_same_to_both(burst: ModuleType, value: Any) -> None:
    """What burstd takes for a wish the plugin takes for the same one, and nothing else for any."""
    wish, own = read_wish(value), burst.read_wish(value)
    if wish is None or wish.nonsense:
        assert own is None
    else:
        assert (own.target, own.placement) == (wish.target, str(wish.placement or ""))


@pytest.mark.parametrize("shape", ["n4", "n4c2", "g1", "N4", "N4x", "N4n8", "N2n2c2g1", "N2gpus"])
def test_requests_mean_the_same_to_both(burst: ModuleType, shape: str) -> None:
    """What `flux submit` makes of its options is read alike."""
    needs, request = burst.read_needs(JOBSPECS[shape]["resources"]), read_request(JOBSPECS[shape])
    assert needs == (request.hosts, request.slots, request.cores, request.gpus)


@given(CONSTRAINTS, st.sets(st.sampled_from(["a", "b"])))
def test_constraints_mean_the_same_to_both(burst: ModuleType, payload: Any, properties: set[str]) -> None:
    """Constraints on properties, in any combination, allow the same hosts."""
    allowed = constraint.parse(payload).allows(0, "host", frozenset(properties))
    assert burst.allows(payload, sorted(properties)) == allowed


@pytest.mark.parametrize(
    ("value", "shape", "system", "queue"),
    [
        (1, "N2", {}, "small"),
        (1, "N3", {}, "large"),
        (1, "N9", {}, ""),
        (1, "n4", {}, "small"),
        (1, "n5", {}, "large"),
        (1, "c4", {}, "large"),
        (1, "g1", {}, "large"),
        ("large", "N2", {}, "large"),
        ("far", "N2", {}, "large"),
        ("small", "N9", {}, "small"),
        ("elsewhere", "N2", {}, ""),
        ({"placement": "mixed"}, "N9", {}, "mixed"),
        ({"pool": "large", "placement": "together"}, "N2", {}, "large"),
        (0, "N2", {}, ""),
        (1, "N2", {"constraints": {"properties": ["huge"]}}, "large"),
        (1, "N2", {"constraints": {"hostlist": ["small-0"]}}, ""),
        (1, "none", {}, ""),
    ],
)
def test_a_job_goes_to_the_first_pool_that_can_serve_it(
    burst: ModuleType, known: Any, value, shape, system, queue
):
    """By hosts, cores, gpus, properties and what the mark names; what is not understood goes nowhere."""
    job = _jobspec(shape, {"burstable": value, **system})
    assert burst.queue_for(job, known, burst.Instance(EVERY_QUEUE, guest=False)) == queue


def test_a_pool_that_may_spread_is_told_with_the_queue_for_that(burst: ModuleType, tmp_path: Path) -> None:
    """Where the pool's placement is mixed, its jobs go to `mixed`, and the help says so."""
    path = tmp_path / "pools.json"
    path.write_text(poolfile.told(Config(placement=Placement.MIXED, pools=POOLS[:1])))
    job, instance = _jobspec("N9", {"burstable": 1}), burst.Instance(EVERY_QUEUE, guest=False)
    assert burst.queue_for(job, burst.read_pools(str(path)), instance) == "mixed"
    assert "small, 2 hosts of 2 cores, queue mixed" in burst._described(str(path))


def test_a_guest_goes_to_a_pool_for_everyone(burst: ModuleType, known: Any) -> None:
    """Who is not the instance owner is sent only where burstd would serve them."""
    job = _jobspec("N2", {"burstable": 1})
    assert burst.queue_for(job, known, burst.Instance(EVERY_QUEUE, guest=True)) == "open"


def test_a_queue_that_the_instance_lacks_is_not_set(burst: ModuleType, known: Any) -> None:
    """An instance within a job has none of these queues, and a job that names one would be refused."""
    job = _jobspec("N2", {"burstable": "small"})
    assert burst.queue_for(job, known, burst.Instance(frozenset({"batch"}), guest=False)) == ""


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"version": 2, "mixed_queue": "m", "pools": []}', '{"version": 1}',
     '{"version": 1, "mixed_queue": "m", "pools": [{"name": "x"}]}', "\x80"],
)  # fmt: skip
def test_a_spoilt_file_counts_as_missing(burst: ModuleType, tmp_path: Path, text: str) -> None:
    """No file of pools, whatever is in it, keeps a job from being submitted."""
    path = tmp_path / "pools.json"
    path.write_text(text, encoding="latin-1")
    assert burst.read_pools(str(path)) is None


def test_the_frobnicator_reads_the_file_beside_it(tmp_path: Path) -> None:
    """Installed, it needs no option; a job's own queue stays, and the file may change while it runs."""
    list(install(poolfile.told(Config(pools=POOLS)), tmp_path))
    parser = argparse.ArgumentParser()
    plugin = _loaded(tmp_path / PLUGIN).Frobnicator(parser)
    plugin.configure(parser.parse_args([]), {"queues": {name: {} for name in EVERY_QUEUE}})
    jobs = [_jobspec("N2", {"burstable": 1}), _jobspec("N2", {"burstable": 1}, "batch"), _jobspec("N2", {})]
    for job in jobs:
        plugin.frob(job, os.getuid(), 16, 0)
    assert [job.queue for job in jobs] == ["small", "batch", None]

    (tmp_path / poolfile.NAME).write_text(poolfile.told(Config(pools=POOLS[1:])))
    later = _jobspec("N2", {"burstable": 1})
    plugin.frob(later, os.getuid(), 16, 0)
    assert later.queue == "large"


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("burst", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _jobspec(shape: str, system: dict[str, Any], queue: str | None = None) -> SimpleNamespace:
    """Return what is read of a jobspec: hosts (N2), cores (n5), one task of many cores (c4), a gpu (g1)."""
    kind, number = shape[0], int(shape[1:]) if shape[1:].isdigit() else 1
    counts = {"core": number if kind == "c" else 1} | ({"gpu": number} if kind == "g" else {})
    inside = [{"type": name, "count": count} for name, count in counts.items()]
    slot = {"type": "slot", "count": number if kind == "n" else 1, "with": inside, "label": "task"}
    resources = [{"type": "node", "count": number, "with": [slot]}] if kind == "N" else [slot]
    broken = shape == "none"
    return SimpleNamespace(queue=queue, attributes={"system": system}, resources=[] if broken else resources)
