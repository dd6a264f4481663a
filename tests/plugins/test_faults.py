"""Faults of the clouds, over real sockets: nothing is made twice, orphaned, or somebody else's touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fault_table import PROVIDERS, Cell, Column, Fault, World, site
from gke_faults import CLUSTERS
from gke_pool_faults import NODE_POOLS
from kind_faults import KIND
from kube_faults import KUBERNETES

from burstd.core.errors import NotNow
from burstd.plugins.contract import Provider

COLUMNS: tuple[Column, ...] = (CLUSTERS, NODE_POOLS, KUBERNETES, KIND)
SECONDS = 60.0

pytestmark = pytest.mark.process


def cells() -> Iterator[Any]:
    for column in COLUMNS:
        for fault, cell in column.cells.items():
            for call in cell.calls:
                name = " ".join(filter(None, (column.name, fault, call))).replace(" ", "-")
                yield pytest.param(column, cell, call, id=name)


@pytest.mark.parametrize(("column", "cell", "call"), list(cells()))
def test_a_fault(column: Column, cell: Cell, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each fault the next call mends it, one burst is there once, and in the end nothing is."""
    with column.world(monkeypatch, **cell.options) as world:
        cell.trial(world, call)
        brings_up(world)
        takes_away(world)
        assert world.foreign() == world.before


def brings_up(world: World) -> None:
    """Provision as the gate does: again and again while it may work later; another burstd finds it, once."""
    provider, deadline = world.provider(), time.monotonic() + SECONDS
    while True:
        try:
            provider.provision(world.order())
        except NotNow:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            continue
        break
    assert world.ours() == world.whole()
    world.provider().provision(world.order())
    assert world.ours() == world.whole()


def takes_away(world: World) -> None:
    """Remove all that a listing shows until it shows nothing: then nothing is left, whoever looks."""
    provider, deadline = world.provider(), time.monotonic() + SECONDS
    provider.remove(site(world.order()))
    while world.ours() or sites(provider):
        assert time.monotonic() < deadline, world.ours()
        for one in sites(provider):
            removed(provider, one)
        time.sleep(0.02)


def sites(provider: Provider) -> tuple[Any, ...]:
    try:
        return provider.observe().sites
    except NotNow:
        return ()


def removed(provider: Provider, one: Any) -> None:
    try:
        provider.remove(one)
    except NotNow:
        return


def test_the_table_is_whole() -> None:
    """Each fault on each provider is tried, or a sentence says why there is no such thing."""
    assert tuple(column.name for column in COLUMNS) == PROVIDERS
    for column in COLUMNS:
        assert set(column.cells) | set(column.reasons) == set(Fault), column.name
        assert not set(column.cells) & set(column.reasons), column.name


def test_each_trial_says_what_holds() -> None:
    """No trial is without a sentence, and no reason without words."""
    for column in COLUMNS:
        assert all(cell.trial.__doc__ for cell in column.cells.values())
        assert all(len(reason.split()) >= 6 and reason.endswith(".") for reason in column.reasons.values())
