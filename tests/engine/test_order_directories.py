"""What an order says of directories, and what hosts say of those that they could not make."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from burstd.core.model import Action, Directory, LeadView, Verb
from burstd.engine.performer import COMPLAINTS, Performer
from burstd.join.directories import MOST
from burstd.join.papers import Join, Order
from burstd.testing.builders import a_job, a_policy, a_pool

POOL = a_pool(shares_files=False, cwd_prefixes=("/home",))
JOIN = Join("lead.example.org", 8050, (), Path("/curve.cert"))
LAUNCH = Action(Verb.LAUNCH, "burst-0-g1", "burst-0", 1, size=2)


@dataclass
class Orders:
    """A provider that keeps what it is asked for."""

    given: list[Order] = field(default_factory=list)

    def launch(self, order: Order) -> None:
        self.given.append(order)

    resize = launch


@dataclass
class Jobs:
    """A lead that shows jobs, and whose hosts complain."""

    view_: LeadView | None
    said: dict[int, str] = field(default_factory=dict)
    asked: list[tuple[tuple[int, ...], tuple[Directory, ...]]] = field(default_factory=list)

    def view(self) -> LeadView | None:
        return self.view_

    def allocated(self) -> frozenset[int]:
        return frozenset()

    def make_directories(self, ranks: Iterable[int], directories: Iterable[Directory]) -> dict[int, str]:
        self.asked.append((tuple(ranks), tuple(directories)))
        return self.said


def performer(lead: Jobs, orders: Orders, pool=POOL) -> Performer:
    return Performer(lead, {"burst-0": orders}, a_policy(pool), JOIN, "tester")


def with_jobs(*cwds: str) -> Jobs:
    jobs = (a_job(number, cwd=cwd, userid=number) for number, cwd in enumerate(cwds, 1))
    return Jobs(LeadView("uuid", (), tuple(jobs)))


@pytest.mark.parametrize("verb", [Verb.LAUNCH, Verb.RESIZE])
def test_an_order_lists_the_directories_of_waiting_jobs(verb):
    """What the hosts are to have when they come up goes along with the order, in order and once each."""
    orders, lead = Orders(), with_jobs("/home/b", "/etc", "/home/a", "/home/b", "/home/../x")
    performer(lead, orders).perform(Action(verb, "burst-0-g1", "burst-0", 1, size=2))
    (order,) = orders.given
    assert order.directories == (Directory("/home", 0), Directory("/home/a", 3), Directory("/home/b", 1))


def test_an_order_of_a_pool_that_shares_files_lists_none():
    """Where the lead's files are seen, nothing is to be made; nor while the lead is not seen."""
    orders = Orders()
    performer(with_jobs("/home/a"), orders, a_pool(cwd_prefixes=("/home",))).perform(LAUNCH)
    performer(Jobs(None), orders).perform(LAUNCH)
    assert [order.directories for order in orders.given] == [(), ()]


def test_a_full_list_is_said(caplog):
    """What has no room on the list is counted in the log."""
    orders, lead = Orders(), with_jobs(*(f"/home/{number}" for number in range(MOST + 9)))
    with caplog.at_level(logging.INFO):
        performer(lead, orders).perform(LAUNCH)
    assert len(orders.given[0].directories) == MOST
    assert "10 directories of jobs have no room on the list" in caplog.text


def test_what_hosts_say_is_passed_on_in_single_lines(caplog):
    """Each line is named by its rank, what cannot be printed is escaped, and there is an end to it."""
    lead = with_jobs()
    lead.said = {4: "", 5: "no\x1b[2J room\n" * (COMPLAINTS + 3)}
    made = (Directory("/home/a", 1),)
    action = Action(Verb.PREPARE, "prepare:burst-0-g1", "burst-0", 1, ranks=(4, 5), directories=made)
    performer(lead, Orders()).perform(action)
    assert lead.asked == [((4, 5), made)]
    assert [record.getMessage() for record in caplog.records] == [r"rank 5: 'no\x1b[2J room'"] * COMPLAINTS
