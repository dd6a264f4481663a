"""A burst from a waiting job to nothing left: burstd as a process, a kind cluster, brokers in its pods."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from kind_venue import OPTIONS, Town, town

from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch

pytestmark = pytest.mark.process


def configuration(place: Town, stage: Stage) -> dict:
    return {
        "owner": "town",
        "state_dir": str(place.directory / "state"),
        "lead": {"host": "127.0.0.1", "port": stage.port, "curve_cert": str(stage.curve_cert)},
        "pools": [{"name": "burst-0", "provider": "kind", "idle_seconds": 0.5, "options": OPTIONS}],
    }


def test_a_waiting_job_gets_a_kind_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burstable job waits, a cluster is made, it runs on brokers there, and the cluster is deleted."""
    with ExitStack() as stack:
        place = stack.enter_context(town(monkeypatch))
        stage = stack.enter_context(Stage(place.directory / "stage", "embedded"))
        environment = stage.environment() | dict(place.kind.environment())
        daemon = stack.enter_context(
            DaemonProcess(configuration(place, stage), place.directory / "burstd.yaml", environment)
        )
        watch = stack.enter_context(Watch(stage.uri, daemon.check))
        daemon.start()
        daemon.said("serving the lead", 30)
        job = watch.submit(["hostname"], 2, requires={"properties": ["burst"]})
        assert watch.until_ended(job) == (4, 5)
        daemon.said("burst-0-g1: is gone, verified", 60)
        daemon.stop()
        assert place.kind.clusters() == []
        assert list((place.directory / "state" / "town" / "kind").iterdir()) == []
