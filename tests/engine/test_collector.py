"""Removing orphans: with an intent on disk, only while they are orphans, until they are verified gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from burstd.config import Config, PoolConfig
from burstd.core.errors import LedgerError, Never, NotNow
from burstd.core.model import Site
from burstd.engine.collector import Collector, collect
from burstd.engine.ledger import Ledger
from burstd.engine.orphans import Seen, View, judged, survey
from burstd.plugins.contract import Listing

NOW = 1_000_000.0
SITE = Site("tester-burst-0-g1", "burst-0", 1, ("burst-0-0",), NOW - 9000, renewed=NOW - 5000)
POOL = PoolConfig(provider="local")


THERE = Listing((SITE,))


@dataclass
class Provider:
    """A provider of one site, which can be told how each call goes."""

    listing: Listing = THERE
    paid: bool = True
    listing_seconds: float = 0.001
    removed: list[Site] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    on_remove: Callable[[], None] = lambda: None
    failure: Exception | None = None

    def observe(self) -> Listing:
        self.listing = self.listings.pop(0) if self.listings else self.listing
        return self.listing

    def remove(self, site: Site) -> None:
        self.on_remove()
        self.removed.append(site)
        if self.failure is not None:
            raise self.failure
        self.listing = Listing(())


def a_config(folder: Path) -> Config:
    return Config(owner="tester", state_dir=folder, pools=(POOL,))


def a_view(folder: Path, provider: Provider) -> View:
    return View("tester", POOL, a_config(folder), provider)  # type: ignore[arg-type]


def seen(folder: Path, provider: Provider) -> Seen:
    return judged(a_view(folder, provider), SITE)


@pytest.fixture
def remove(tmp_path: Path):
    """Remove the site of a provider, and return why it is left."""

    def run(provider: Provider, verify_seconds: float = 20.0) -> str:
        collector = Collector(a_config(tmp_path), clock=lambda: NOW, verify_seconds=verify_seconds)
        try:
            return collector.remove(seen(tmp_path, provider))
        finally:
            collector.close()

    return run


def test_the_intent_is_on_disk_before_the_call(remove, tmp_path: Path) -> None:
    """While the provider is called, the ledger names exactly what is removed; later it has the outcome."""
    found = []

    def look() -> None:
        ledger = Ledger(tmp_path / "tester" / "gc.db", read_only=True)
        found.extend(intent.action.key for intent in ledger.open_intents())
        ledger.close()

    provider = Provider(on_remove=look)
    assert remove(provider) == ""
    assert found == ["tester/tester-burst-0-g1"]
    ledger = Ledger(tmp_path / "tester" / "gc.db", read_only=True)
    assert ledger.open_intents() == ()
    ledger.close()


def test_without_a_ledger_nothing_is_removed(tmp_path: Path) -> None:
    """Where no intent can be written, no call is made."""
    (tmp_path / "tester" / "gc.db").mkdir(parents=True)
    provider = Provider()
    found = survey([a_view(tmp_path, provider)], NOW)
    assert len(found.orphans) == 1
    with pytest.raises(LedgerError):
        collect(a_config(tmp_path), found, lambda _: None)
    assert provider.removed == []


def test_what_gave_a_sign_of_life_meanwhile_is_spared(remove) -> None:
    """A site is looked at once more just before its end."""
    provider = Provider(listings=[Listing((replace(SITE, renewed=NOW - 1),))])
    assert "sign of life" in remove(provider)
    assert provider.removed == []


def test_what_cannot_be_seen_is_left(remove) -> None:
    """A site that an incomplete listing omits is neither removed nor taken for gone."""
    provider = Provider(listings=[Listing((), complete=False)])
    assert remove(provider) == "it cannot be seen now"
    assert provider.removed == []


def test_gone_is_what_two_complete_listings_do_not_show(remove) -> None:
    """An incomplete list, or one that shows the site again, begins the count anew."""
    gone, there, partial = Listing(()), THERE, Listing((), complete=False)
    provider = Provider(listings=[there, gone, there, gone, partial, gone, gone])
    assert remove(provider) == ""
    assert provider.listings == []


def test_what_stays_is_told(remove) -> None:
    """A site that is listed on and on counts as left."""
    provider = Provider(listings=[Listing((SITE,))] * 10_000)
    assert "do not show it gone" in remove(provider, verify_seconds=0.05)


@pytest.mark.parametrize("failure", [Never("forbidden"), NotNow("not now", 60.0)])
def test_a_failure_is_told(remove, failure: Exception) -> None:
    """What the provider says is why the site is left."""
    assert remove(Provider(failure=failure)) == str(failure)


def test_what_went_by_itself_is_no_failure(remove) -> None:
    """A site that is gone before it is removed is verified gone, and no call is made."""
    provider = Provider(listings=[Listing(()), Listing(()), Listing(())])
    assert remove(provider) == ""
    assert provider.removed == []


def test_a_living_site_is_no_orphan(tmp_path: Path) -> None:
    """What was renewed lately is not in the survey, whatever its age."""
    living = Listing((replace(SITE, renewed=NOW - 800),))
    assert survey([a_view(tmp_path, Provider(living))], NOW).orphans == ()


def test_a_site_that_two_pools_see_is_told_once(tmp_path: Path) -> None:
    """Pools that share a place show each other's sites; the own pool's view counts."""
    other = PoolConfig(name="other", provider="local")
    config = Config(owner="tester", state_dir=tmp_path, pools=(other, POOL))
    found = [View("tester", pool, config, Provider()) for pool in config.pools]  # type: ignore[arg-type]
    (orphan,) = survey(found, NOW).orphans
    assert orphan.view.pool.name == "burst-0"


def test_what_a_provider_does_not_tell_is_a_gap(tmp_path: Path) -> None:
    """A provider that fails, or lists incompletely, is named; what the others show still counts."""

    class Away(Provider):
        def observe(self) -> Listing:
            raise NotNow("it is away")

    partial = Provider(Listing((), complete=False))
    found = survey([a_view(tmp_path, one) for one in (Away(), partial, Provider())], NOW)
    assert len(found.orphans) == 1
    assert found.gaps == (
        "pool burst-0: not all sites of tester can be seen now: it is away",
        "pool burst-0: not all sites of tester can be seen now",
    )
