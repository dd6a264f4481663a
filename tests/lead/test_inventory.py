"""The resource journal of a real Flux, replayed."""

from __future__ import annotations

from typing import Any

import pytest
from replay import responses, until_complete

from burstd.core.errors import LeadLost
from burstd.core.model import Shape
from burstd.lead.assembly import Assembly
from burstd.lead.eventlog import JobLog
from burstd.lead.inventory import EXCLUDED, Inventory

(STATUS,) = responses("life-status")
(RESTARTED_STATUS,) = responses("restarted-status")


def told(name: str, at: float = 7.0, **context: Any) -> dict[str, Any]:
    return {"events": [{"timestamp": at, "name": name, "context": context}]}


def drains(inventory: Inventory) -> dict[int, str | None]:
    return {rank: inventory.reason(rank) for rank in inventory.declared if inventory.reason(rank) is not None}


def test_the_declared_hosts_have_names_and_shapes() -> None:
    """Names, cores and properties come from the lead's own resource set."""
    inventory = Inventory(STATUS)
    assert inventory.declared[0] == ("flux-sample-0", Shape(2))
    assert inventory.declared[7] == ("burst-0-3", Shape(2, properties=frozenset({"burst"})))
    assert list(inventory.declared) == list(range(8))


def test_the_history_and_the_live_events_are_followed() -> None:
    """Joins, drains and losses end where the lead ended."""
    inventory = Inventory(STATUS)
    live = until_complete(inventory, responses("life-resources"))
    assert drains(inventory) == {5: "broken fan", 6: "burstd: recorder: idle"}
    for response in live:
        inventory.apply(response)
    assert drains(inventory) == {5: "broken fan"}
    assert [rank for rank, one in inventory.conditions.items() if one.online] == [0, 1, 4]
    undrain = live[-2]["events"][0]
    assert inventory.conditions[6].quiet_since == undrain["timestamp"]


def test_after_a_restart_old_drains_stand_and_old_hosts_are_down() -> None:
    """The drains of the run before are told before the restart, which takes every host down."""
    inventory = Inventory(RESTARTED_STATUS)
    until_complete(inventory, responses("restarted-resources"))
    assert drains(inventory) == {5: "broken fan"}
    assert [rank for rank, one in inventory.conditions.items() if one.online] == [0, 1]


def test_what_the_journal_dropped_comes_from_the_status() -> None:
    """A journal that lost its oldest events still leaves the condition as it is."""
    inventory = Inventory(STATUS)
    inventory.apply(told("truncate"))
    inventory.apply({"events": []})
    assert inventory.complete
    assert inventory.conditions[1].online
    assert drains(inventory) == {5: "broken fan", 6: "burstd: recorder: idle"}


def test_an_excluded_rank_takes_no_jobs() -> None:
    """A rank that the configuration excludes counts as drained by somebody else."""
    inventory = Inventory({**STATUS, "exclude": "0"})
    assert inventory.reason(0) == EXCLUDED


@pytest.mark.parametrize(("overwrite", "reason"), [(0, "first"), (1, "second"), (2, "second")])
def test_a_second_drain_keeps_the_reason_unless_it_overwrites(overwrite: int, reason: str) -> None:
    """As in Flux, a drain that only updates keeps the reason that is there."""
    inventory = Inventory(STATUS)
    inventory.apply(told("drain", idset="2", reason="first", overwrite=0))
    inventory.apply(told("drain", idset="2", reason="second", overwrite=overwrite))
    assert inventory.reason(2) == reason


def test_a_drain_with_no_reason_is_a_drain() -> None:
    """Its reason is empty, not absent."""
    inventory = Inventory(STATUS)
    inventory.apply(told("drain", idset="2"))
    assert inventory.reason(2) == ""


def test_a_torpid_host_is_lively_again_or_gone() -> None:
    """Torpid is over when the host speaks again, and when it is lost."""
    inventory = Inventory(STATUS)
    inventory.apply(told("torpid", idset="0-1"))
    assert inventory.conditions[0].torpid
    inventory.apply(told("lively", idset="0"))
    inventory.apply(told("offline", idset="1"))
    assert not inventory.conditions[0].torpid
    assert not inventory.conditions[1].torpid


@pytest.mark.parametrize("response", [{}, {"events": [{"name": "online", "timestamp": 1.0, "context": {}}]}])
def test_a_response_that_is_not_understood_is_a_loss(response: dict[str, Any]) -> None:
    """Nonsense from the journal means reading it anew, not a crash."""
    with pytest.raises(LeadLost, match="not understood"):
        Inventory(STATUS).apply(response)


def recorded_view() -> tuple[Assembly, JobLog, Inventory]:
    log, inventory = JobLog(0), Inventory(STATUS)
    until_complete(log, responses("life-jobs"))
    until_complete(inventory, responses("life-resources"))
    return Assembly("g", log, inventory), log, inventory


def test_hosts_show_the_jobs_on_them() -> None:
    """Both journals together say what is free, and since when."""
    assembly, log, inventory = recorded_view()
    first, *_ = assembly.view().hosts
    assert (first.free_cores, len(first.jobs), first.usable) == (0, 1, True)
    for response in responses("life-jobs")[4:]:
        log.apply(response)
    for response in responses("life-resources")[4:]:
        inventory.apply(response)
    assembly.note_change()
    view = assembly.view()
    assert [host.free_cores for host in view.hosts] == 8 * [2]
    assert view.hosts[0].quiet_since == log.freed[0]
    assert [host.rank for host in view.hosts if host.online] == [0, 1, 4]


def test_a_view_is_the_same_value_until_something_changes() -> None:
    """Looking again costs nothing; a change redraws only the hosts it touched."""
    assembly, _, inventory = recorded_view()
    before = assembly.view()
    assert assembly.view() is before
    inventory.apply(told("online", idset="4"))
    assembly.note_change()
    after = assembly.view()
    assert [host.rank for host, old in zip(after.hosts, before.hosts, strict=True) if host is not old] == [4]


def test_a_new_reading_makes_no_host_look_idle_for_long() -> None:
    """Jobs that ended while nobody looked are not told, so idleness is counted from the reading."""
    _, log, inventory = recorded_view()
    late = 9e9
    assert {host.quiet_since for host in Assembly("g", log, inventory, late).view().hosts} == {late}
