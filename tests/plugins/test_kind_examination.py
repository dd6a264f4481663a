"""What `burstd doctor` finds of kind: Docker, the operator's manifest, Secrets, and what brokers wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kind_venue import Town, town

from burstd.core.errors import NotNow
from burstd.core.findings import Check, Finding, State
from burstd.core.model import Site


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with town(monkeypatch) as made:
        yield made


def examined(place: Town, **options: object) -> dict[str, Finding]:
    return {one.check: one for one in place.provider(**options).diagnose(place.pool, place.join)}


@pytest.mark.process
def test_a_machine_that_is_well(place: Town) -> None:
    """Where Docker and kind answer nothing is wrong, and no cluster is made to see that."""
    found = examined(place)
    assert {check: one.state for check, one in found.items()} == {
        Check.CREDENTIALS: State.OK,
        Check.CLOCK: State.OK,
        Check.OPERATOR: State.OK,
        Check.SECRETS: State.OK,
    }
    assert found[Check.CREDENTIALS].sentence.endswith(": 0")


def test_a_machine_without_kind(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where kind is not there, that is told, and the papers are looked at all the same."""
    monkeypatch.setenv("PATH", str(place.directory))
    found = examined(place, pull_secret="registry")
    assert (found[Check.CREDENTIALS].state, found[Check.SECRETS].state) == (State.FAILED, State.FAILED)


@pytest.mark.process
def test_a_cluster_that_is_not_there(place: Town) -> None:
    """The logs of a burst whose cluster is gone cannot be read, which is said."""
    with pytest.raises(NotNow, match="does not answer, or is not there any more"):
        list(place.provider().logs(Site("contract-burst-0-g1", "burst-0", 1, ())))
