"""What every provider must keep: a test class that a plugin's own tests inherit.

    class TestMine(ProviderContract):
        @pytest.fixture
        def venue(self, tmp_path) -> Venue: ...

The brokers need not find a lead: a provider starts and removes them, whether they join or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, cast, get_args

import pytest

from burstd.core.model import Pool, Shrinks, Site
from burstd.join.papers import Join
from burstd.plugins.contract import Diagnoses, NotNow, Order, Owners, Provider, Renews, State

__all__ = ["ProviderContract", "Venue"]

_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Venue:
    """Where a provider is tried: how one is made for an owner, for which pool, of three hosts or more.

    `prefix` is that of each provider's setting; `seconds` is how long a change may take to show in a listing.
    Whatever the tests leave is the fixture's to remove.
    """

    make: Callable[[str], Provider]
    pool: Pool
    join: Join
    prefix: str = "contract"
    seconds: float = 5.0

    def order(self, size: int, *, owner: str = "tester", generation: int = 1) -> Order:
        """Return an order for the first hosts of the pool."""
        name = f"{self.prefix}-{self.pool.name}-g{generation}"
        return Order(owner, name, self.pool, generation, size, self.join)

    def bring_up(self, provider: Provider, order: Order) -> Site:
        """Provision and launch, and return the site once all its hosts show."""
        provider.provision(order)
        provider.launch(order)
        return self.shown(provider, order)

    def shown(self, provider: Provider, order: Order) -> Site:
        """Wait until the listing shows exactly the order's hosts, none pending; return the site."""
        return self._wait(provider, order, lambda site: site is not None and _complete(site, order))

    def gone(self, provider: Provider, order: Order) -> None:
        """Wait until the listing does not show the site."""
        deadline = time.monotonic() + self.seconds
        while (site := site_of(provider, order)) is not None:
            assert time.monotonic() < deadline, f"{site} is still there"
            time.sleep(_LOOK_SECONDS)

    def _wait(self, provider: Provider, order: Order, fits: Callable[[Site | None], bool]) -> Site:
        deadline = time.monotonic() + self.seconds
        while not fits(site := site_of(provider, order)):
            assert time.monotonic() < deadline, f"the listing shows {site}, not {order.hosts}"
            time.sleep(_LOOK_SECONDS)
        assert site is not None
        return site


def _complete(site: Site, order: Order) -> bool:
    return site.hosts == order.hosts and not site.pending


def site_of(provider: Provider, order: Order) -> Site | None:
    """Return what the listing shows of the order's site; a listing must be complete and name a site once."""
    listing = provider.observe()
    assert listing.complete
    keys = [(site.pool, site.generation) for site in listing.sites]
    assert len(keys) == len(set(keys))
    return next((site for site in listing.sites if site.name == order.site_name), None)


class ProviderContract:
    """Inherit it, and give it a fixture `venue`."""

    def test_it_says_what_it_is(self, venue: Venue) -> None:
        """A provider says whether it costs money, how its sites shrink, and how often they may be listed."""
        provider = venue.make("tester")
        assert provider.paid in (True, False)
        assert provider.shrinks in get_args(Shrinks)
        assert provider.listing_seconds > 0

    def test_check_finds_no_fault(self, venue: Venue) -> None:
        """A pool that can be brought up has no problems."""
        assert venue.make("tester").check(venue.pool, venue.join) == ()

    def test_check_changes_nothing(self, venue: Venue) -> None:
        """Checking a pool makes no site."""
        provider = venue.make("tester")
        provider.check(venue.pool, venue.join)
        assert provider.observe().sites == ()

    def test_nothing_is_there_at_first(self, venue: Venue) -> None:
        """An owner that never ordered anything has no sites, and the listing is complete."""
        listing = venue.make("tester").observe()
        assert listing.complete
        assert listing.sites == ()

    def test_provision_starts_no_host(self, venue: Venue) -> None:
        """Provisioning makes the place and no more."""
        provider, order = venue.make("tester"), venue.order(2)
        provider.provision(order)
        site = site_of(provider, order)
        assert site is None or site.hosts == ()

    def test_launch_shows_the_hosts_in_order(self, venue: Venue) -> None:
        """After launch the listing shows exactly the ordered hosts, under the ordered name."""
        provider, order = venue.make("tester"), venue.order(2)
        site = venue.bring_up(provider, order)
        assert (site.name, site.pool, site.generation) == (order.site_name, venue.pool.name, 1)

    def test_everything_twice_is_once(self, venue: Venue) -> None:
        """The same order again, as after a crash, changes nothing."""
        provider, order = venue.make("tester"), venue.order(2)
        first = venue.bring_up(provider, order)
        second = venue.bring_up(provider, order)
        assert first == second

    def test_launch_needs_no_memory(self, venue: Venue) -> None:
        """Another provider object, as after a restart of burstd, sees and takes on the same site."""
        order = venue.order(2)
        first = venue.bring_up(venue.make("tester"), order)
        assert venue.bring_up(venue.make("tester"), order) == first

    def test_resize_grows_and_shrinks_at_the_top(self, venue: Venue) -> None:
        """Resizing makes exactly the first hosts of the pool run; a site that cannot shrink only grows."""
        provider = venue.make("tester")
        venue.bring_up(provider, venue.order(1))
        for size in (3, 3) if provider.shrinks == "no" else (3, 1, 1, 2):
            provider.resize(venue.order(size))
            venue.shown(provider, venue.order(size))

    def test_remove_takes_the_site_away(self, venue: Venue) -> None:
        """After remove the listing does not show the site, and removing it again is no error."""
        provider, order = venue.make("tester"), venue.order(2)
        site = venue.bring_up(provider, order)
        for _ in range(2):
            provider.remove(site)
            venue.gone(provider, order)

    def test_remove_of_a_provisioned_site(self, venue: Venue) -> None:
        """A site on which nothing was ever launched can be removed."""
        provider, order = venue.make("tester"), venue.order(2)
        provider.provision(order)
        provider.remove(Site(order.site_name, venue.pool.name, 1, ()))
        venue.gone(provider, order)

    def test_a_cancelled_order_leaves_nothing(self, venue: Venue) -> None:
        """An order for which nobody waits ends, as NotNow or as done, and what it left can be removed."""
        provider, order = venue.make("tester"), venue.order(2)
        for call in (provider.provision, provider.launch):
            with suppress(NotNow):
                call(replace(order, cancelled=lambda: True))
        provider.remove(Site(order.site_name, venue.pool.name, 1, ()))
        venue.gone(provider, order)

    def test_remove_of_what_never_was(self, venue: Venue) -> None:
        """Removing a site that never existed is no error."""
        venue.make("tester").remove(Site(venue.order(1).site_name, venue.pool.name, 1, ()))

    def test_remove_spares_another_owner(self, venue: Venue) -> None:
        """A site of another owner is neither shown nor touched, whatever its name."""
        other = venue.order(1, owner="stranger")
        site = venue.bring_up(venue.make("stranger"), other)
        provider = venue.make("tester")
        assert provider.observe().sites == ()
        provider.remove(site)
        assert venue.shown(venue.make("stranger"), other) == site

    def test_remove_spares_another_generation(self, venue: Venue) -> None:
        """Removing one generation leaves another alone."""
        provider, old, new = venue.make("tester"), venue.order(1), venue.order(1, generation=2)
        site = venue.bring_up(provider, old)
        venue.bring_up(provider, new)
        provider.remove(site)
        venue.gone(provider, old)
        venue.shown(provider, new)

    def test_its_sites_have_a_lease_from_the_start(self, venue: Venue) -> None:
        """A site that was brought up shows when its lease was renewed, and that no job runs there."""
        provider, order = _renewing(venue.make("tester")), venue.order(1)
        site = venue.bring_up(provider, order)
        assert site.renewed is not None
        assert not site.busy

    def test_renewing_shows(self, venue: Venue) -> None:
        """Each renewal is told by the listing: that it is a later one, and whether jobs run there."""
        provider, order = _renewing(venue.make("tester")), venue.order(1)
        before = venue.bring_up(provider, order)
        for busy in (True, False):
            provider.renew(before, busy=busy)
            after = site_of(provider, order)
            assert after is not None
            assert (after.renewed or 0.0) > (before.renewed or 0.0)
            assert after.busy is busy
            before = after

    def test_renewing_what_is_gone_makes_nothing(self, venue: Venue) -> None:
        """A renewal that comes too late, or of what never was, brings no site back."""
        provider, order = _renewing(venue.make("tester")), venue.order(1)
        site = venue.bring_up(provider, order)
        provider.remove(site)
        for one in (site, Site(venue.order(1, generation=7).site_name, venue.pool.name, 7, ())):
            provider.renew(one, busy=True)
        venue.gone(provider, order)
        assert provider.observe().sites == ()

    def test_renewing_spares_another_owner(self, venue: Venue) -> None:
        """The lease of another owner's site is not renewed."""
        site = venue.bring_up(venue.make("stranger"), venue.order(1, owner="stranger"))
        _renewing(venue.make("tester")).renew(site, busy=True)
        assert venue.shown(venue.make("stranger"), venue.order(1, owner="stranger")) == site

    def test_it_tells_whose_sites_there_are(self, venue: Venue) -> None:
        """Every owner of a site is named, in order, and nobody else."""
        provider = venue.make("tester")
        if not isinstance(provider, Owners):
            pytest.skip("it does not tell owners")
        assert provider.owners() == ()
        for owner in ("tester", "stranger"):
            venue.make(owner).provision(venue.order(1, owner=owner, generation=len(owner)))
        assert provider.owners() == ("stranger", "tester")

    def test_it_can_be_examined(self, venue: Venue) -> None:
        """Examining a pool and its site changes nothing, and each host that runs has a log to read."""
        provider = venue.make("tester")
        if not isinstance(provider, Diagnoses):
            pytest.skip("it has nothing to examine")
        site = venue.bring_up(provider, venue.order(1))
        found = tuple(provider.diagnose(venue.pool, venue.join))
        assert found
        assert [one for one in found if one.state is State.FAILED] == []
        assert tuple(host for host, _ in provider.logs(site)) == site.hosts
        assert provider.certificate(site) == venue.join.curve_cert.read_text()
        assert venue.shown(provider, venue.order(1)) == site


class _Renewing(Provider, Renews, Protocol):
    """A provider whose sites have a lease."""


def _renewing(provider: Provider) -> _Renewing:
    if not isinstance(provider, Renews) or not provider.renewal_seconds:
        pytest.skip("its sites have no lease")
    return cast(_Renewing, provider)
