"""When a burst has been without a sign of its owner for too long."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.core.silence import LeaseTerms, Watched, left, seen, unseen

TERMS = LeaseTerms(idle_seconds=900, with_jobs_seconds=86_400)
LONGEST = 60.0


def look(watched: Watched, now: float, said: str = "one", *, busy: bool = False) -> Watched:
    return seen(watched, said, busy=busy, now=now, longest_seconds=LONGEST)


def looks(*moments: float, busy: bool = False) -> Watched:
    watched = Watched()
    for now in moments:
        watched = look(watched, now, busy=busy)
    return watched


def test_silence_counts_from_the_first_look() -> None:
    """A watcher that has just begun knows of no silence, however old the lease is."""
    assert left(look(Watched(), 1e9), TERMS) == 900


def test_an_idle_burst_ends_after_its_time() -> None:
    """Silence adds up from look to look, until nothing is left."""
    watched = looks(*range(0, 901, 30))
    assert watched.silent_seconds == 900
    assert left(watched, TERMS) == 0


def test_a_burst_with_jobs_ends_later() -> None:
    """The same silence leaves a burst on which jobs run the rest of a day."""
    assert left(looks(*range(0, 901, 30), busy=True), TERMS) == 86_400 - 900


def test_a_renewal_begins_anew() -> None:
    """A lease that says something else ends the silence, and says itself whether jobs run."""
    watched = look(looks(*range(0, 871, 30)), 900, "two", busy=True)
    assert (watched.silent_seconds, watched.busy) == (0, True)


def test_what_could_not_be_seen_is_no_silence() -> None:
    """Time before, during and after a look that failed does not count."""
    watched = look(unseen(looks(0, 30, 60)), 10_000)
    assert watched.silent_seconds == 60
    assert look(watched, 10_030).silent_seconds == 90


def test_a_watcher_that_slept_heard_nothing() -> None:
    """Between two looks no more counts than the longest time there should be between them."""
    assert looks(0, 100_000).silent_seconds == LONGEST


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    """Silence never shrinks but by a renewal."""
    assert looks(100, 130, 50).silent_seconds == 30


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "failed"]), st.floats(0, 1e4)), max_size=30))
def test_silence_is_never_more_than_the_time_since_the_last_renewal(steps: list[tuple[str, float]]) -> None:
    """Whatever a watcher sees, it never ends a burst earlier than its terms say."""
    watched, now, renewed = Watched(), 0.0, 0.0
    for what, pause in steps:
        now += pause
        if what != "failed" and what != watched.said:
            renewed = now
        watched = unseen(watched) if what == "failed" else look(watched, now, what)
        assert watched.silent_seconds <= now - renewed + 1e-6


@given(st.lists(st.floats(0, LONGEST), min_size=2, max_size=30))
def test_silence_that_is_seen_is_counted_whole(pauses: list[float]) -> None:
    """A watcher that looks often enough misses nothing of a silence."""
    moments = [sum(pauses[:count]) for count in range(len(pauses))]
    passed = sum(after - before for before, after in pairwise(moments))
    assert looks(*moments).silent_seconds == pytest.approx(passed)
