"""What the page shows at once, and what is left out of it without the token."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from burstd.core.discretion import PLAIN
from burstd.core.model import Caps, Failure, Outcome, Verb
from burstd.core.money import day_of
from burstd.core.overview import Overview, overview, spend
from burstd.core.reasons import Code, Reason
from burstd.core.withheld import WITHHELD, discreet_status
from burstd.testing.builders import NOW, a_burst, a_policy, a_pool, a_snapshot

NOON = day_of(NOW) + 43200.0


def costing(**changes):
    return a_burst(
        created=NOON - 3600, since=NOON - 3600, cost_per_hour=2.0, lifetime_seconds=7200.0, **changes
    )


def test_spend_counts_what_lives_and_what_is_reserved() -> None:
    """Dollars of today by pool, dollars an hour, and what may still come, beside the caps."""
    policy = a_policy(a_pool(dollars_per_day=50.0), caps=Caps(20.0, 100.0, 10.0))
    found = spend(a_snapshot(bursts=(costing(),)), policy, NOON)
    assert (found.dollars_today, found.dollars_per_hour) == pytest.approx((8.0, 8.0))
    assert found.reserved == pytest.approx((3600 + 600) / 3600 * 8.0)
    assert (found.cap_per_hour, found.cap_per_day, found.cap_per_user_day) == (20.0, 100.0, 10.0)
    assert [(one.pool, one.dollars_today, one.cap_per_day) for one in found.pools] == [
        ("burst-0", pytest.approx(8.0), 50.0)
    ]


def test_what_has_no_end_has_no_bound() -> None:
    """A burst that costs and has no lifetime reserves more than any number: null, which JSON can hold."""
    endless = replace(costing(), lifetime_seconds=None)
    assert spend(a_snapshot(bursts=(endless,)), a_policy(), NOON).reserved is None


def test_the_document_has_the_names_of_the_description() -> None:
    """What is told has every field of the value that describes it, and no other."""
    found = overview(a_snapshot(), a_policy(), (), NOW, lead_answers=True, seen_at=None)
    assert list(found) == [one.name for one in fields(Overview)]


def test_without_the_token_words_of_others_are_withheld() -> None:
    """That something failed is told; in which words is not, nor which job waits for what."""
    failure = Failure("job ƒABC of alice broke it")
    burst = a_burst(failure=failure, why=failure.text, outcome=Outcome(Verb.LAUNCH, NOW, failure))
    reasons = ((1, Reason(Code.UNKNOWN_TARGET, "'alice'")),)
    found = overview(a_snapshot(bursts=(burst,)), a_policy(), reasons, NOW, lead_answers=True, seen_at=NOW)
    discreet = discreet_status(found)
    assert "alice" in str(found)
    assert "alice" not in str(discreet)
    assert (discreet["bursts"][0]["why"], discreet["bursts"][0]["last_error"]) == (WITHHELD, WITHHELD)
    assert discreet["waiting"][0]["sentence"] == PLAIN[Code.UNKNOWN_TARGET]


def test_why_an_idle_burst_goes_is_nobodys_secret() -> None:
    """The own words of burstd about a burst that did not fail are told to everybody."""
    found = overview(
        a_snapshot(bursts=(a_burst(why="idle"),)), a_policy(), (), NOW, lead_answers=True, seen_at=NOW
    )
    assert discreet_status(found)["bursts"][0]["why"] == "idle"


def test_every_reason_has_a_meaning_without_names() -> None:
    """No code is left without words for who has no token."""
    assert set(PLAIN) == set(Code)
