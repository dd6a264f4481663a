"""What is told of what happened, and that it is told once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.model import ByHand, Caps, Closed, Cooldown, Failure, Phase, Policy
from burstd.core.notices import Event, Told, of_burst, of_state, trial
from burstd.core.planner import plan
from burstd.core.reasons import Code, Reason
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot

DAY = 86400.0
OVER = Reason(Code.OVER_BUDGET, "dollars_per_day is 5, and today could cost 7.20")


def of(before, after):
    return [(str(one.event), one.sentence) for one in of_burst(before, after, "tester", NOW)]


def events(told, snapshot, policy=None, waits=(), now=NOW):
    told, notices = of_state(told, snapshot, policy or a_policy(), waits, now)
    return told, [str(one.event) for one in notices]


JOINING = a_burst(Phase.JOINING)
PRICED = a_burst(Phase.RELEASING, cost_per_hour=3.6)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (JOINING, a_burst(), [("burst-up", "burst-0-g1 serves with 4 hosts.")]),
        (None, a_burst(), []),
        (a_burst(Phase.DRAINING), a_burst(), []),
        (a_burst(), a_burst(size=3), []),
        (
            JOINING,
            replace(JOINING, failure=Failure("no quota", 5.0)),
            [("burst-failed", "burst-0-g1 failed and is taken away: no quota")],
        ),
        (
            a_burst(reclaimed=("a",)),
            a_burst(reclaimed=("a", "b", "c")),
            [
                (
                    "machine-reclaimed",
                    "burst-0-g1: the cloud takes back b, c; burstd drains what is left, "
                    "and jobs there may fail.",
                )
            ],
        ),
        (
            PRICED,
            replace(PRICED, phase=Phase.GONE, ended=NOW),
            [
                (
                    "burst-gone",
                    "burst-0-g1 is gone, verified; it has cost 4.00 dollars, by burstd's estimate.",
                )
            ],
        ),
        (
            a_burst(Phase.RELEASING),
            a_burst(Phase.GONE),
            [("burst-gone", "burst-0-g1 is gone, verified.")],
        ),
    ],
)
def test_what_a_record_tells(before, after, expected) -> None:
    """A burst that begins to serve, fails, loses machines or is gone is told; one that was found is not."""
    assert of(before, after) == expected


@pytest.mark.parametrize(
    ("cooldown", "closed"),
    [
        (Cooldown("burst-0", "no image", None), True),
        (Cooldown("burst-0", "silent", NOW + 60, 3, 3, closed=True), True),
        (Cooldown("burst-0", "silent", NOW + 60), False),
        (Cooldown("burst-0", "none left", NOW + 60, offer="n2 in a"), False),
    ],
)
def test_a_pool_that_closes_and_opens_is_told_once_each(cooldown: Cooldown, closed: bool) -> None:
    """A pool that failed for good or never joined is closed, one that only rests is not told."""
    told, first = events(Told(), a_snapshot(cooldowns=(cooldown,)))
    told, second = events(told, a_snapshot(cooldowns=(cooldown,)))
    told, third = events(told, a_snapshot())
    assert (first, second, third) == ((["pool-closed"], [], ["pool-open"]) if closed else ([], [], []))
    assert told == Told()


def test_a_pool_that_was_taken_down_is_closed_whatever_else_holds() -> None:
    """A pause neither hides a closed pool nor opens it."""
    down = ByHand(closed=(Closed("burst-0"),))
    told, first = events(Told(), a_snapshot(by_hand=down))
    told, second = events(told, a_snapshot(by_hand=replace(down, paused=True)))
    told, third = events(told, a_snapshot(by_hand=down))
    assert (first, second, third) == (["pool-closed"], ["paused"], ["resumed"])


def test_a_pool_that_is_not_declared_for_a_while_is_not_told_again() -> None:
    """A lead that does not fit for a moment leaves no pools, and what was told of them holds on."""
    failed = a_snapshot(cooldowns=(Cooldown("burst-0", "no image", None),))
    told, _ = events(Told(), failed)
    told, none = events(told, failed, Policy("tester", ()))
    _, again = events(told, failed)
    assert (none, again) == ([], [])


def test_unknown_spend_is_told_and_its_end() -> None:
    """That nothing is bought is told, and that it was resumed."""
    told, first = events(Told(), a_snapshot(by_hand=ByHand(spend_unknown=True)))
    _, second = events(told, a_snapshot())
    assert (first, second) == (["spend-unknown"], ["resumed"])


def test_a_burst_for_which_there_was_no_room_does_not_tell_its_end() -> None:
    """Nothing was ever there, so that it is gone is no news; where it served before, it is."""
    lacking = a_burst(Phase.RELEASING, served=False, failure=Failure("none left", 600.0, "n2 in a"))
    assert of(lacking, replace(lacking, phase=Phase.GONE)) == []
    assert len(of(replace(lacking, served=True), replace(lacking, phase=Phase.GONE, served=True))) == 1


def test_each_cap_is_told_once_a_day() -> None:
    """Each cap for which jobs wait is told once, however the amounts change, and again the next day."""
    later = replace(OVER, detail="dollars_per_day is 5, and today could cost 9.00")
    limit = Reason(Code.LIMIT_REACHED, "max_hosts is 4")
    told, first = events(Told(), a_snapshot(), waits=[(1, OVER), (2, OVER)])
    told, second = events(told, a_snapshot(), waits=[(1, later)])
    told, third = events(told, a_snapshot(), waits=[(1, later), (3, limit)])
    _, fourth = events(told, a_snapshot(), waits=[(1, later)], now=NOW + DAY)
    assert (first, second, third, fourth) == (["cap-reached"], [], ["cap-reached"], ["cap-reached"])


def test_a_cap_of_a_real_plan_is_told() -> None:
    """The planner's own reasons are those that are told."""
    pool = a_pool(paid=True, cost_per_hour=100.0, max_lifetime_seconds=3600.0)
    policy = a_policy(pool, caps=Caps(dollars_per_day=1.0))
    snapshot = a_snapshot(jobs=(a_job(7, userid=1001),))
    made = plan(snapshot, policy, NOW)
    _, (notice,) = of_state(Told(), snapshot, policy, made.reasons, NOW)
    assert notice.event is Event.CAP_REACHED
    assert notice.sentence.startswith("Its hosts would cost more than is allowed: dollars_per_day is 1, and")
    assert notice.sentence.endswith(": 1 job waits.")
    assert notice.document(jobs=True)["users"] == [1001]


def test_jobs_and_users_leave_only_where_that_is_allowed() -> None:
    """A document has neither unless it was asked for, and is one line of plain text in any case."""
    notice = replace(trial("tester", NOW), sentence="a\nb\x1b[0m", jobs=(1,), users=(1000,))
    assert set(notice.document(jobs=True)) - set(notice.document(jobs=False)) == {"jobs", "users"}
    assert notice.document(jobs=False)["sentence"] == "a\\nb\\x1b[0m"


def test_what_was_told_survives_a_restart() -> None:
    """What was told comes back from the ledger's text; a text of another version tells nothing."""
    told, _ = events(Told(), a_snapshot(cooldowns=(Cooldown("burst-0", "x", None),)), waits=[(1, OVER)])
    assert Told.read(told.text()) == told != Told()
    assert {Told.read(text) for text in (None, "", "{}", "[1]", "[[], 0, 0, [1]]")} == {Told()}
