"""`burstd doctor POOL` beside a daemon whose bursts cannot join, and after they are gone."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from burstd.join import curve

pytestmark = pytest.mark.process

BURST_ONLY = {"properties": ["burst"]}


def examined(town) -> dict[str, dict[str, str]]:
    """Return the last finding of each check."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        town.command("doctor", "burst-0", "--json")
    assert caught.value.returncode == 1, caught.value.stderr
    return {one["check"]: one for one in json.loads(caught.value.stdout)["findings"]}


def until(town, seen) -> dict[str, dict[str, str]]:
    deadline = time.monotonic() + 60
    while not seen(found := examined(town)):
        assert time.monotonic() < deadline, found
    return found


def test_a_burst_that_never_joins(town):
    """While its brokers knock in vain the cause is told; afterwards, that the pool's last burst failed."""
    other = town.directory / "other.cert"
    curve.write(other, "other")
    daemon = town.burstd("--curve-cert", str(other), join_seconds=10, cooldown_seconds=600)
    daemon.start()
    daemon.said("serving the lead", 20)
    town.watch.submit(["true"], 3, requires=BURST_ONLY)

    knocks = "burst-0-[0-2]: the broker knocks at the lead"  # once each has begun to write its log
    found = until(town, lambda found: found["join"]["sentence"].startswith(knocks))
    assert found["join"]["state"] == "failed"
    assert found["daemon"]["state"] == "ok"
    assert found["handshake"]["state"] == "failed"
    assert "refuses the certificate" in found["join"]["sentence"]

    found = until(town, lambda found: "the last one failed" in found["burst"]["sentence"])
    assert found["join"]["state"] == "not checked"
