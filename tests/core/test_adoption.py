"""What listings say about bursts."""

from __future__ import annotations

from dataclasses import replace

from burstd.core.adoption import adopt, resumed, sight
from burstd.core.model import Outcome, Phase, Site, Span, Verb
from burstd.core.money import cost
from burstd.testing.builders import NOW, a_burst, a_pool

POOL = a_pool()


def a_site(generation: int = 3, hosts: int = 2, pool: str = "burst-0") -> Site:
    names = tuple(f"{pool}-{number}" for number in range(hosts))
    return Site(f"tester-{pool}-g{generation}", pool, generation, names, created=NOW - 50)


class TestSight:
    def test_a_site_that_is_listed_is_seen(self):
        """The record gets the site and starts counting absences anew."""
        burst = sight(a_burst(generation=3, absences=1), [a_site()], complete=True, begun=NOW)

        assert (burst.site, burst.absences) == (a_site(), 0)

    def test_complete_listings_without_it_count(self):
        """Each complete listing that does not show the site adds one absence."""
        assert sight(a_burst(), [], complete=True, begun=NOW).absences == 1

    def test_what_is_kept_of_a_burst_is_not_the_burst(self):
        """A burst whose cluster is kept for the next one counts as absent, so that it can be gone."""
        kept = replace(a_site(1, hosts=0), kept_until=NOW + 60)
        assert sight(a_burst(), [kept], complete=True, begun=NOW).absences == 1

    def test_an_incomplete_listing_proves_nothing(self):
        """A listing that may lack sites counts no absence."""
        assert sight(a_burst(), [], complete=False, begun=NOW).absences == 0

    def test_a_listing_begun_before_the_effect_ended_is_stale(self):
        """What was listed before the removal was accepted says nothing about it."""
        burst = a_burst(outcome=Outcome(Verb.REMOVE, NOW))

        assert sight(burst, [], complete=True, begun=NOW - 1) == burst


class TestAdopt:
    def test_a_site_without_a_record_is_taken_over(self):
        """With the ledger lost, a burst is found by its site and launched again at its size."""
        (burst,) = adopt([a_site()], [], [POOL], {}, NOW)

        assert (burst.name, burst.phase, burst.size) == ("burst-0-g3", Phase.LAUNCHING, 2)

    def test_what_is_kept_for_the_next_burst_is_left_alone(self):
        """A site that nobody lives on stays for as long as it is kept, and is released after that."""
        kept = replace(a_site(hosts=0), kept_until=NOW + 60)
        assert adopt([kept], [], [POOL], {}, NOW) == []

        (burst,) = adopt([kept], [], [POOL], {}, NOW + 60)
        assert (burst.phase, burst.why) == (Phase.RELEASING, "it was kept for long enough")

    def test_nothing_is_kept_for_a_pool_that_is_no_longer_declared(self):
        """A kept site whose pool is gone from the configuration is released at once."""
        (burst,) = adopt([replace(a_site(), kept_until=NOW + 60)], [], [], {}, NOW)
        assert burst.phase is Phase.RELEASING

    def test_a_known_site_is_left_alone(self):
        """A site that has a living record is not taken over twice."""
        assert adopt([a_site()], [a_burst(generation=3)], [POOL], {"burst-0": 3}, NOW) == []

    def test_an_older_generation_is_released(self):
        """Beside a newer burst of the pool an older one only runs out."""
        newer, older = adopt([a_site(2), a_site(3)], [], [POOL], {}, NOW)

        assert (newer.generation, newer.phase) == (3, Phase.LAUNCHING)
        assert (older.generation, older.phase) == (2, Phase.RELEASING)

    def test_a_generation_that_was_gone_is_released(self):
        """A site that comes back after its burst was gone is taken away, never used again."""
        (burst,) = adopt([a_site(3)], [], [POOL], {"burst-0": 3}, NOW)

        assert burst.phase is Phase.RELEASING

    def test_a_site_of_an_undeclared_pool_is_released(self):
        """A pool that is no longer declared leaves nothing behind."""
        (burst,) = adopt([a_site(pool="old")], [], [POOL], {}, NOW)

        assert burst.phase is Phase.RELEASING


def test_what_is_kept_after_its_burst_goes_on_in_the_same_account():
    """A cluster that waited without hosts costs its own price meanwhile; what its burst had cost stays."""
    prices = {"cost_per_hour": 1.0, "cluster_cost_per_hour": 0.5}
    gone = a_burst(Phase.GONE, generation=3, created=0.0, spans=(Span(0.0, 2),), ended=3600.0, **prices)
    found = replace(a_burst(Phase.RELEASING, generation=3, size=1, created=0.0), spans=())
    again = resumed(found, gone)
    assert cost(again, 2 * 3600.0) == cost(gone, 2 * 3600.0) + 0.5
    assert (again.phase, again.ended, again.size) == (Phase.RELEASING, None, 1)
    assert resumed(found, None) == found
