"""The money of the day, and which jobs were on which burst."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from burstd.core.budget import checkpoint
from burstd.core.model import Action, LeadView, Outcome, Phase, Site, Span, Verb
from burstd.core.money import day_of
from burstd.core.report import Use
from burstd.engine.accounts import Accounts
from burstd.engine.ledger import KEPT_OFTEN_SECONDS, KEPT_SECONDS, Ledger
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot, some_hosts

POOL = a_pool(paid=True)
POLICY = a_policy(POOL)
DAY = day_of(NOW)


class Kvs:
    """The lead as far as its KVS goes."""

    def __init__(self, **values):
        self.values = values
        self.asked = []

    def look_up(self, key):
        self.asked.append(key)
        return self.values.get(key)


@pytest.fixture
def ledger(tmp_path):
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


def a_view(*busy: tuple[int, int]) -> LeadView:
    """The lead with these jobs on these ranks."""
    hosts = some_hosts([POOL], online=POOL.ranks)
    jobs = {rank: tuple(job for one, job in busy if one == rank) for rank, _ in busy}
    shown = tuple(replace(host, jobs=jobs.get(host.rank, ())) for host in hosts)
    return LeadView("x", shown, tuple(a_job(job, userid=100 + job) for job in {job for _, job in busy}))


def test_a_job_s_stay_is_written_down(ledger) -> None:
    """From when it came to when it left, with its user and its hosts; nothing while nothing changes."""
    accounts = Accounts(ledger, Kvs(), NOW)
    burst = a_burst()
    for later, view in enumerate([a_view((4, 1), (5, 1), (6, 2)), a_view((4, 1), (5, 1)), a_view()]):
        for _ in range(2):
            accounts.note_uses([burst], view, POLICY, NOW + later)
    assert ledger.uses() == (
        Use("burst-0-g1", 1, 101, 2, NOW, NOW + 2),
        Use("burst-0-g1", 2, 102, 1, NOW, NOW + 1),
    )


def test_a_stay_goes_on_over_a_restart(ledger) -> None:
    """What was open is taken up as it was; what ended meanwhile ends when that is seen."""
    Accounts(ledger, Kvs(), NOW).note_uses([a_burst()], a_view((4, 1), (5, 2)), POLICY, NOW)
    Accounts(ledger, Kvs(), NOW + 9).note_uses([a_burst()], a_view((4, 1)), POLICY, NOW + 9)
    assert ledger.uses(open_only=True) == (Use("burst-0-g1", 1, 101, 1, NOW),)
    assert ledger.uses()[1].ended == NOW + 9


def test_the_gone_of_today_are_past_and_those_of_yesterday_are_not(ledger) -> None:
    """A day is one of UTC; at midnight it begins anew."""
    gone = a_burst(Phase.GONE, outcome=Outcome(Verb.REMOVE, DAY + 5), ended=DAY + 5)
    ledger.record([gone], (), DAY + 6)
    accounts = Accounts(ledger, Kvs(), DAY + 10)
    assert [burst.name for burst in accounts.fields(DAY + 10)["past"]] == ["burst-0-g1"]
    assert accounts.fields(DAY + 86400)["past"] == ()


class TestLostLedger:
    """A new ledger, where an old one was."""

    def note(self) -> str:
        living = a_burst(created=DAY, spans=(Span(DAY, 4),), cost_per_hour=1.0, lifetime_seconds=9e5)
        return checkpoint(a_snapshot(), (living,), DAY + 3600)

    def test_the_lead_s_note_is_taken(self, ledger) -> None:
        """It is read once, kept, and asked for no more."""
        lead = Kvs(**{"burstd.tester.spend": self.note()})
        accounts = Accounts(ledger, lead, DAY + 7200)
        accounts.recover("tester")
        assert accounts.fields(DAY + 7200)["carried"].without([]).pools == {"burst-0": 4.0}
        again = Accounts(ledger, lead, DAY + 7200)
        again.recover("tester")
        assert again.fields(DAY + 7200)["carried"] == accounts.fields(DAY + 7200)["carried"]
        assert lead.asked == ["burstd.tester.spend"]

    def test_a_ledger_that_knows_bursts_asks_nobody(self, ledger) -> None:
        """It was not lost: what it says counts."""
        ledger.record([a_burst()], (), NOW)
        lead = Kvs(**{"burstd.tester.spend": self.note()})
        Accounts(ledger, lead, NOW).recover("tester")
        assert lead.asked == []

    @pytest.mark.parametrize(
        ("told", "created", "unknown"), [(True, 0.0, False), (False, NOW, False), (False, 0.0, True)]
    )
    def test_what_neither_tells_is_unknown(self, ledger, told, created, unknown) -> None:
        """Paid sites that do not say since when they are there, and no note: nobody knows what was spent."""
        accounts = Accounts(ledger, Kvs(**{"burstd.tester.spend": self.note()} if told else {}), NOW)
        accounts.recover("tester")
        site = Site("x-burst-0-g1", "burst-0", 1, POOL.hosts, created)
        assert accounts.is_unknown([site], POLICY) is unknown
        assert not accounts.is_unknown([site], a_policy(replace(POOL, paid=False)))


def test_what_goes_on_in_the_same_account_counts_once(ledger) -> None:
    """A record that lives again is no past one beside itself."""
    gone = a_burst(Phase.GONE, outcome=Outcome(Verb.REMOVE, DAY + 5), ended=DAY + 5)
    ledger.record([gone], (), DAY + 6)
    accounts = Accounts(ledger, Kvs(), DAY + 10)
    accounts.note_back(replace(gone, phase=Phase.RELEASING, ended=None))
    assert accounts.fields(DAY + 10)["past"] == ()


def test_with_each_day_what_is_old_is_forgotten(ledger) -> None:
    """Effects that ended long ago go, those of which there are many sooner; what is open and bursts stay."""
    seconds = {Verb.LAUNCH: KEPT_SECONDS, Verb.RENEW: KEPT_OFTEN_SECONDS}
    for verb, kept in seconds.items():
        for age in (kept + 86400.0, kept - 86400.0 + 1.0):
            at = DAY + 86400.0 - age
            number = ledger.intend(Action(verb, f"{verb} {age}"), None, at)
            ledger.conclude(number, Outcome(verb, at), None)
    ledger.intend(Action(Verb.LAUNCH, "open"), None, 0.0)
    ledger.record([a_burst(Phase.GONE)], ("an old decision",), 0.0)
    Accounts(ledger, Kvs(), DAY).fields(DAY + 86400.0)
    left = {intent.action.key for intent in ledger.intents()}
    assert left == {f"{verb} {kept - 86400.0 + 1.0}" for verb, kept in seconds.items()} | {"open"}
    assert ledger.gone("burst-0-g1") is not None
