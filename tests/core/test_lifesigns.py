"""What listings tell of the owners of sites: which are silent, and which may live on."""

from __future__ import annotations

import pytest

from burstd.core.lifesigns import last_sign
from burstd.core.model import Site
from burstd.core.silence import LeaseTerms

TERMS = LeaseTerms(idle_seconds=900, with_jobs_seconds=86_400)
HOSTS = ("burst-0-0",)


@pytest.mark.parametrize(
    ("site", "over_at"),
    [
        (Site("s", "burst-0", 1, HOSTS, 100.0, renewed=1000.0), 1900),
        (Site("s", "burst-0", 1, (), 100.0, renewed=1000.0), 1900),
        (Site("s", "burst-0", 1, HOSTS, 100.0, renewed=1000.0, busy=True), 87_400),
        (Site("s", "burst-0", 1, HOSTS, 100.0), 86_500),
        (Site("s", "burst-0", 1, (), 100.0), 100 + 900 + 600),
        (Site("s", "burst-0", 1, (), 100.0, kept_until=5000.0), 5900),
    ],
    ids=["renewed", "renewed, no host", "with jobs", "no lease", "nothing runs", "kept"],
)
def test_a_site_is_silent_after_its_last_sign_of_life(site: Site, over_at: float) -> None:
    """What a listing tells decides how long a site may still be silent."""
    sign = last_sign(site, TERMS, provision_seconds=600, lifetime_seconds=14_400)
    assert not sign.is_over(over_at)
    assert sign.is_over(over_at + 1)


def test_a_site_of_unknown_age_is_not_silent() -> None:
    """Where nothing tells when a site was made, nobody takes it for forgotten."""
    assert not last_sign(Site("s", "burst-0", 1, ()), TERMS, 600, 14_400).is_over(1e12)


def test_a_site_without_a_lease_may_live_as_long_as_its_pool_says() -> None:
    """Where only the age tells, a burst that may live on is not forgotten, nor one without an end."""
    site = Site("s", "burst-0", 1, HOSTS, 100.0)
    assert not last_sign(site, TERMS, 600, 200_000).is_over(200_100)
    assert last_sign(site, TERMS, 600, 200_000).is_over(200_101)
    assert not last_sign(site, TERMS, 600, None).is_over(1e12)
