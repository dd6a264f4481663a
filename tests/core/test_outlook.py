"""What comes next after each reason, and when: estimates where there are any."""

from __future__ import annotations

import pytest

from burstd.core.discretion import PLAIN, sentence
from burstd.core.model import ByHand, Caps, Closed, Cooldown, Phase
from burstd.core.money import DAY_SECONDS, day_of
from burstd.core.outlook import Prospect, outlook
from burstd.core.reasons import Code, Reason
from burstd.testing.builders import NOW, a_burst, a_policy, a_pool, a_snapshot

POOL = a_pool(provision_seconds=100.0, launch_seconds=50.0, join_seconds=20.0, drain_seconds=30.0)
RISE = (("burst-0", 60.0),)
BURST = "burst-0-g1"


def ahead(code: Code, detail: str = "", *bursts, policy=None, **seen):
    """Return what comes next, and when in seconds from now."""
    snapshot = a_snapshot(bursts=bursts, **seen)
    prospect = Prospect(snapshot, policy or a_policy(POOL), bursts, NOW)
    found = outlook(Reason(code, detail), "burst-0", prospect)
    moments = (found.earliest, found.about, found.latest)
    return found.text, tuple(None if one is None else one - NOW for one in moments)


@pytest.mark.parametrize("code", list(Code))
def test_every_reason_has_something_that_comes_next(code: Code) -> None:
    """No reason leaves anybody without a word, also where nothing is known of its pool."""
    text, moments = ahead(code)
    assert text.endswith(".")
    assert moments == (None, None, None)


@pytest.mark.parametrize("code", list(Code))
def test_every_reason_has_words_for_strangers(code: Code) -> None:
    """What is said without the detail is a sentence of its own."""
    assert PLAIN[code].endswith(".")
    assert "{" not in PLAIN[code]


@pytest.mark.parametrize(
    ("burst", "starts", "moments"),
    [
        (a_burst(Phase.PROVISIONING, created=NOW - 10, since=NOW - 10), (), (None, None, 160)),
        (a_burst(Phase.PROVISIONING, created=NOW - 10, since=NOW - 10), RISE, (None, 50, 160)),
        (a_burst(Phase.JOINING, created=NOW - 30, since=NOW - 5), RISE, (None, 15, 15)),
        (a_burst(Phase.JOINING, created=NOW - 90, since=NOW - 5), RISE, (None, None, 15)),
        (a_burst(Phase.SERVING, since=NOW - 900, resized=NOW - 5), RISE, (None, None, 15)),
        (a_burst(Phase.DRAINING, since=NOW - 5), RISE, (None, None, None)),
    ],
)
def test_hosts_that_come_up_have_deadlines_and_a_history(burst, starts, moments) -> None:
    """At the latest when every phase before serving is over; about when as long passed as did before."""
    assert ahead(Code.HOSTS_COMING, BURST, burst, starts=starts)[1] == moments


def test_hosts_of_two_bursts_are_there_when_the_last_is() -> None:
    """One of which nothing is known leaves it open."""
    first = a_burst(Phase.JOINING, since=NOW - 5)
    second = a_burst(Phase.JOINING, pool="burst-1", since=NOW)
    policy = a_policy(POOL, a_pool("burst-1", first_rank=8, join_seconds=90.0))
    names = f"{BURST}, burst-1-g1: 3 pods wait"
    assert ahead(Code.HOSTS_COMING, names, first, second, policy=policy)[1] == (None, None, 90)
    assert ahead(Code.HOSTS_COMING, names, first, second)[1] == (None, None, None)


def test_a_burst_that_is_made_lets_the_job_wait_for_it() -> None:
    """The pool's newest burst counts, not one that is gone."""
    gone = a_burst(Phase.GONE, generation=2)
    assert ahead(Code.BURST_IN_FLIGHT, BURST, a_burst(Phase.JOINING, since=NOW), gone)[1] == (None, None, 20)


@pytest.mark.parametrize("code", [Code.POOL_COOLDOWN, Code.NO_ROOM, Code.POOL_CLOSED])
def test_a_pause_ends_when_it_ends(code: Code) -> None:
    """Nothing is tried before; what ends by no time has none."""
    rest = Cooldown("burst-0", "quota", NOW + 40)
    assert ahead(code, "", cooldowns=(rest,))[1] == (40, None, None)
    assert ahead(code, "", cooldowns=(Cooldown("burst-0", "quota", None),))[1] == (None, None, None)
    by_hand = ByHand(closed=(Closed("burst-0"),))
    assert ahead(code, "", cooldowns=(rest,), by_hand=by_hand)[1] == (None, None, None)


@pytest.mark.parametrize(
    ("burst", "latest"),
    [
        (a_burst(Phase.DRAINING, since=NOW - 10, why="its lifetime is over"), 20),
        (a_burst(Phase.DRAINING, since=NOW - 10, why="idle"), None),
        (a_burst(Phase.RELEASING), None),
    ],
)
def test_a_pool_that_is_released_waits_for_its_jobs(burst, latest) -> None:
    """Jobs are waited for until a deadline where there is one; how long the removal takes nobody knows."""
    assert ahead(Code.POOL_RELEASING, "burst-0", burst)[1] == (None, None, latest)


def test_caps_of_a_day_begin_anew_at_midnight() -> None:
    """A cap of an hour does not."""
    day = a_policy(POOL, caps=Caps(dollars_per_day=1.0))
    assert ahead(Code.OVER_BUDGET, policy=day)[1][1] == day_of(NOW) + DAY_SECONDS - NOW
    hour = a_policy(POOL, caps=Caps(dollars_per_hour=1.0))
    assert ahead(Code.OVER_BUDGET, policy=hour)[1] == (None, None, None)


def test_a_limit_names_what_must_go_first() -> None:
    """Bursts of paid pools stand in the way, others do not."""
    policy = a_policy(a_pool(paid=True))
    assert BURST in ahead(Code.LIMIT_REACHED, "max_bursts is 1", a_burst(), policy=policy)[0]
    assert BURST not in ahead(Code.LIMIT_REACHED, "max_bursts is 1", a_burst())[0]


def test_the_user_of_a_job_is_not_told_what_others_spent() -> None:
    """Sentences about money are said without dollars, all others as they are."""
    assert sentence(Reason(Code.OVER_BUDGET, "today could cost 12.30")) == PLAIN[Code.OVER_BUDGET]
    busy = Reason(Code.POOL_BUSY, "burst-0")
    assert sentence(busy) == busy.sentence
