"""`burstd doctor` of pools whose provider cannot be reached, or is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kube_venue import IMAGE, Town, town

from burstd.config import Config
from burstd.config.model import LeadConfig, PoolConfig
from burstd.core.findings import Check, Finding, State
from burstd.doctor.looks import examine
from burstd.doctor.scene import Scene


@pytest.fixture
def place() -> Iterator[Town]:
    with town() as made:
        yield made


def configured(place: Town, **options: object) -> Config:
    """Return a configuration whose lead is not there, with a pool on the cluster."""
    given = place.options | {"image": IMAGE, "patience_seconds": 0.2} | options
    lead = LeadConfig(
        uri=f"embedded://{place.directory}/none",
        host="127.0.0.1",
        port=place.join.lead_port,
        curve_cert=place.join.curve_cert,
    )
    pool = PoolConfig(name="burst-0", provider="kubernetes", size=2, cores=2, options=given)
    return Config(owner="tester", state_dir=place.directory / "s", lead=lead, pools=(pool,))


def found(config: Config) -> dict[str, Finding]:
    """Return the findings of the pool by their check, the last of each."""
    with Scene(config) as scene:
        return {one.check: one for one in examine(scene, burst=True)}


def test_a_cluster_is_examined_without_a_lead(place: Town) -> None:
    """What a provider needs is looked at by the configuration alone where the lead is not there."""
    told = found(configured(place))
    assert told[Check.LEAD].state is State.FAILED
    assert told[Check.CREDENTIALS].about == "burst-0"
    assert [told[check].state for check in (Check.CREDENTIALS, Check.PERMISSIONS, Check.SECRETS)] == [
        State.OK
    ] * 3
    assert told[Check.CERTIFICATE].state is State.OK
    assert told[Check.HANDSHAKE].state is State.FAILED
    assert told[Check.JOIN].state is State.NOT_CHECKED
    assert [one for one in place.api.requests if one.method not in ("GET", "POST")] == []


def test_a_cluster_that_cannot_be_reached(place: Town) -> None:
    """Where the cluster does not answer, what is on it was not looked at, and that is said."""
    place.api.stop()
    told = found(configured(place))
    assert told[Check.CREDENTIALS].state is State.FAILED
    assert told[Check.BURST].sentence == "it builds on credentials, which is not well"


def test_a_kubeconfig_that_is_not_there(place: Town, tmp_path: Path) -> None:
    """A kubeconfig that cannot be read is one line, with what it names."""
    told = found(configured(place, kubeconfig=str(tmp_path / "none")))
    assert told[Check.CREDENTIALS].state is State.FAILED
    assert str(tmp_path / "none") in told[Check.CREDENTIALS].sentence
