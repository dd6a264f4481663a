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
    "lead": {"hosts": "flux-sample-[0-3]", "cores": 2, "properties": ["local"], "curve_cert": "/c.cert"},
    "pools": [{"size": 4, "cores": 8, "gpus": 1, "properties": ["burst"], "queue": "burst"}],
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
    """Explicit hosts and cores give a whole declaration, with a queue for the lead's own hosts."""
    made = side(WHOLE)
    assert made.declared == (
        Declared("flux-sample-[0-3]", Shape(2, 0, frozenset({"local"}))),
        Declared("burst-0-[0-3]", Shape(8, 1, frozenset({"burst"}))),
    )
    assert (made.host, made.bind, made.connect) == (
        "flux-sample-0",
        "tcp://*:8050",
        "tcp://flux-sample-0:8050",
    )
    assert (made.queues, made.default_queue) == ({"batch": ("local",), "burst": ("burst",)}, "batch")


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
    assert made.declared[1].shape.properties == {"fast"}
    assert (made.bind, made.curve_cert, made.queues) == ("tcp://eth0:9000", "/old.cert", {})


def test_a_base_that_declares_the_pools_needs_no_more() -> None:
    """Size and shape may come from the file that is merged into, and merging again changes nothing."""
    made = side({}, BASE)
    merged = merge_lead(BASE, made)
    assert tomllib.loads(merge_lead(merged, side({}, merged))) == tomllib.loads(merged)
    assert made.declared[2] == Declared("burst-0-[0-1]", Shape(8))


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
