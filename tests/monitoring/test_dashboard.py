"""The dashboard is one that Grafana takes, and that people can read."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from monitoring.rules import dashboard, panels, queries, selectors

UNITS = {"s", "currencyUSD", "bytes", "ops", "none", "short"}


def test_it_names_no_data_source_of_its_own() -> None:
    """Whoever imports it chooses the data source, for every panel and every query at once."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    used = [one["datasource"] for panel in panels() for one in (panel, *panel["targets"])]
    assert all(one == chosen for one in used)
    first = dashboard()["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")


def test_every_panel_can_be_read() -> None:
    """Each panel has a title of its own, a sentence that says what it shows, and a unit."""
    assert len({panel["title"] for panel in panels()}) == len(panels())
    assert all(panel["description"].endswith(".") for panel in panels())
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels()} <= UNITS


def test_no_panel_lies_on_another() -> None:
    """Panels have ids of their own and stand side by side, within the 24 columns that there are."""
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places = [panel["gridPos"] for panel in everything]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if _touch(*pair)]


def test_queries_keep_to_what_was_chosen() -> None:
    """Each series is of the instances that were chosen, and of the pools where it has one."""
    for query in queries():
        for selector in selectors(query.expr):
            assert 'instance=~".*"' in selector, query


def test_it_is_for_a_current_grafana() -> None:
    """It has the schema of Grafana 12, and no number that one installation gave it."""
    made = dashboard()
    assert (made["schemaVersion"], made["id"], made["uid"]) == (41, None, "burstd")


def _touch(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
