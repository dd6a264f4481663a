"""What `render lead-toml` makes of a configuration."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from burstd.config import Config
from burstd.config.declaration import lead_side
from burstd.core.errors import ConfigError
from burstd.core.model import Shape
from burstd.join.brokerconfig import merge_lead
from burstd.join.papers import Declared

WHOLE: dict[str, Any] = {
    "lead": {"hosts": "flux-sample-[0-3]", "cores": 2, "curve_cert": "/c.cert"},
    "pools": [{"size": 4, "cores": 8, "gpus": 1, "properties": ["burst"]}],
}

BASE = """
[bootstrap]
curve_cert = "/old.cert"
hosts = [
  { host = "login", bind = "tcp://eth0:9000", connect = "tcp://login:9000" },
  { host = "node[0-1],burst-0-[0-1],other-[0-1]" },
]
[[resource.config]]
hosts = "login,node[0-1],other-[0-1]"
cores = "0-1"
[[resource.config]]
hosts = "burst-0-[0-1]"
cores = "0-7"
[[resource.config]]
hosts = "node[0-1]"
properties = ["fast"]
[queues.debug]
"""


def side(config: dict[str, Any], base: str = "") -> Any:
    return lead_side(Config.model_validate(config), base)


def test_a_lead_from_nothing() -> None:
    """Explicit hosts and cores give a whole declaration; the lead's hosts and each pool's have a property."""
    made = side(WHOLE)
    assert made.declared == (
        Declared("flux-sample-[0-3]", Shape(2, 0, frozenset({"local"}))),
        Declared("burst-0-[0-3]", Shape(8, 1, frozenset({"burst", "burst-0"}))),
    )
    assert (made.host, made.bind, made.connect) == (
        "flux-sample-0",
        "tcp://*:8050",
        "tcp://flux-sample-0:8050",
    )
    assert (made.default_queue, made.queue_policy) == ("batch", "easy")


def test_a_lead_from_nothing_names_all_that_is_missing() -> None:
    """Every setting that rendering needs and does not find is asked for."""
    with pytest.raises(ConfigError) as caught:
        side({})
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["pools[0].size", "lead.hosts", "lead.curve_cert", "lead.cores"]


def test_new_hosts_of_a_pool_stand_behind_its_old_ones() -> None:
    """A pool that grows stays in one piece; what the base says of others stays."""
    made = side({"pools": [{"size": 4, "cores": 8}, {"name": "big", "size": 2, "cores": 64}]}, BASE)
    assert [one.hosts for one in made.declared] == [
        "login",
        "node[0-1]",
        "burst-0-[0-3]",
        "other-[0-1]",
        "big-[0-1]",
    ]
    assert [one.shape.cores for one in made.declared] == [2, 2, 8, 2, 64]
    assert made.declared[1].shape.properties == {"fast", "local"}
    assert (made.bind, made.curve_cert) == ("tcp://eth0:9000", "/old.cert")


def test_a_base_that_declares_the_pools_needs_no_more() -> None:
    """Size and shape may come from the file that is merged into, and merging again changes nothing."""
    made = side({}, BASE)
    merged = merge_lead(BASE, made)
    assert tomllib.loads(merge_lead(merged, side({}, merged))) == tomllib.loads(merged)
    assert made.declared[2] == Declared("burst-0-[0-1]", Shape(8, properties=frozenset({"burst-0"})))


def test_the_queues() -> None:
    """The lead's own hosts, each pool's, and all: the queues differ in the property that they require."""
    pools = [{"size": 2, "cores": 8}, {"name": "big", "queue": "large", "size": 1, "cores": 64}]
    made = side(WHOLE | {"pools": pools})
    assert made.queues == {"batch": ("local",), "burst-0": ("burst-0",), "large": ("big",), "mixed": ()}
    assert list(made.queues) == ["batch", "burst-0", "large", "mixed"]


def test_the_queues_of_a_mixed_lead() -> None:
    """With mixed placement the default queue requires nothing; the pools' queues are theirs alone still."""
    made = side(WHOLE | {"placement": "mixed"})
    assert made.queues == {"batch": (), "burst-0": ("burst-0",), "mixed": ()}


@pytest.mark.parametrize(("placement", "requires"), [("pool", ("fast", "local")), ("mixed", ("fast",))])
def test_what_a_person_requires_stays(placement: str, requires: tuple[str, ...]) -> None:
    """The lead's own queue keeps what it required, and other queues are not touched."""
    base = BASE + '[queues.batch]\nrequires = ["fast", "local"]\npolicy.limits.duration = "1h"\n'
    made = side({"placement": placement}, base)
    assert made.queues["batch"] == requires
    queues = tomllib.loads(merge_lead(base, made))["queues"]
    assert queues["debug"] == {}
    assert queues["batch"] == {"requires": list(requires), "policy": {"limits": {"duration": "1h"}}}


def test_hosts_behind_the_leads_own_are_others() -> None:
    """With a size, hosts behind it that are in no pool stay as they are: they may be somebody else's."""
    made = side({"lead": {"size": 3}}, BASE)
    properties = {one.hosts: one.shape.properties for one in made.declared}
    assert properties["login"] == {"local"}
    assert properties["other-[0-1]"] == frozenset()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "local"}, "pools[0].name: 'local' is the property of the lead's own hosts"),
        ({"name": "mixed"}, "pools[0].name: the lead has a queue 'mixed' beside its pools'"),
        ({"queue": "batch"}, "pools[0].queue: the lead has a queue 'batch' beside its pools'"),
        (
            {"properties": ["local"]},
            "pools[0].properties: 'local' is the property of the lead's own hosts alone",
        ),
        ({"properties": ["big"]}, "pools[0].properties: 'big' is the property of pool big's hosts alone"),
        ({"name": "old"}, "lead.properties: 'old' is the property of pool old's hosts alone"),
    ],
)
def test_what_would_mean_two_things(change: dict[str, Any], sentence: str) -> None:
    """A name or a property that would let a queue reach hosts of others is refused."""
    pools = [{"size": 2, "cores": 8} | change, {"name": "big", "size": 1, "cores": 64}]
    with pytest.raises(ConfigError) as caught:
        side({"lead": WHOLE["lead"] | {"properties": ["old"]}, "pools": pools})
    assert [str(problem) for problem in caught.value.problems] == [f"{sentence} (choose another)"]


def test_growing_without_a_shape() -> None:
    """New hosts need `cores`, since nobody else knows."""
    with pytest.raises(ConfigError, match=r"pools\[0\].cores: missing"):
        side({"pools": [{"size": 4}]}, BASE)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("[bootstrap", "is not TOML"),
        ("[bootstrap]\nhosts = 3", "is not laid out as flux-config"),
        ('[[resource.config]]\nhosts = "a"\ncores = "2-3"', "does not count from 0"),
    ],
)
def test_a_base_that_flux_would_not_take(base: str, words: str) -> None:
    """A base that cannot be understood, or not kept, is refused."""
    with pytest.raises(ConfigError, match=words):
        side(WHOLE, base)
