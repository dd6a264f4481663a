"""Providers are found by entry points, and only those that are named are loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from burstd.config import Config
from burstd.core.errors import ConfigError
from burstd.plugins import registry

ENTRIES = """[burstd.providers]
cloud = a_cloud:make
broken = a_broken_cloud:make
hollow = a_cloud:nothing
picky = a_cloud:refuse
closing = a_cloud:Closing
"""

CLOUD = """
from burstd.core.errors import ConfigError, Problem

def make(setting):
    return setting

class Closing:
    def __init__(self, setting):
        self.closed = False

    def close(self):
        self.closed = True

def refuse(setting):
    raise ConfigError((Problem(f"{setting.path}.zone", "missing"),))
"""


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers providers, as pip would install it."""
    info = tmp_path / "a_cloud-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a-cloud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (tmp_path / "a_cloud.py").write_text(CLOUD)
    (tmp_path / "a_broken_cloud.py").write_text("import an_sdk_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_cloud", raising=False)


def refusals(*providers: str) -> list[str]:
    pools = [{"name": f"p{index}", "provider": name} for index, name in enumerate(providers)]
    with pytest.raises(ConfigError) as caught:
        registry.providers(Config.model_validate({"pools": pools}))
    return [str(problem) for problem in caught.value.problems]


def test_installed_providers_are_listed_and_not_loaded() -> None:
    """Names come from the packages' metadata alone."""
    assert {"local", "cloud", "broken"} <= set(registry.installed())
    assert not {"a_cloud", "a_broken_cloud"} & set(sys.modules)


def test_each_pool_gets_its_provider() -> None:
    """A provider is made with the owner, the prefix, and the pool's own options and their path."""
    config = Config.model_validate(
        {"cluster_name": "c", "pools": [{"name": "p", "provider": "cloud", "options": {"zone": "z"}}]}
    )
    made = registry.providers(config)["p"]
    assert made == registry.setting(config, 0)
    assert (made.owner, made.prefix, made.options, made.path) == (
        "burstd",
        "c",
        {"zone": "z"},
        "pools[0].options",
    )


def test_what_cannot_be_loaded_names_its_package() -> None:
    """An import error of a plugin is told with the plugin, its package and the pool; all of them at once."""
    broken, hollow, missing = refusals("broken", "hollow", "clod")
    assert broken == (
        "pools[0].provider: provider 'broken' (a_broken_cloud:make, of a-cloud) cannot be loaded: "
        "No module named 'an_sdk_that_is_not_there' (install what a-cloud needs, or name another)"
    )
    assert hollow.startswith(
        "pools[1].provider: provider 'hollow' (a_cloud:nothing, of a-cloud) cannot be loaded"
    )
    assert missing.startswith("pools[2].provider: no provider 'clod' is installed")
    assert missing.endswith("did you mean cloud?)")


def test_a_provider_names_mistakes_in_its_options() -> None:
    """What a factory refuses is told with the path of the pool's options."""
    assert refusals("picky", "picky") == ["pools[0].options.zone: missing", "pools[1].options.zone: missing"]


def test_what_has_connections_of_its_own_is_closed() -> None:
    """A provider is closed when nobody will call it any more, if it has something to close."""
    pools = [{"name": "p", "provider": "closing"}, {"name": "q", "provider": "cloud"}]
    with registry.opened(Config.model_validate({"pools": pools})) as made:
        closing = made["p"]
        assert not closing.closed
    assert closing.closed
