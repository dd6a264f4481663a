"""Brokers that join, lie, die, come back; the lead that ends; and what a broker says when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from embedded_site import LEAD, SECONDS, Site, events, online, output, until

from burstd.core.errors import LeadLost
from burstd.join import curve
from burstd.lead.jobspec import command_jobspec, submit

pytestmark = pytest.mark.process

HERE = {"PATH": os.environ["PATH"]}


def test_a_job_waits_for_leaves_and_runs_on_them(site: Site) -> None:
    """A job over three hosts waits while two are down, and runs a task on each when they have joined."""
    site.start(LEAD)
    handle = site.connect()
    command = ["sh", "-c", "echo task $FLUX_TASK_RANK of $FLUX_JOB_SIZE in $BURSTD_RUNDIR"]
    job = submit(handle, command_jobspec(command, 3, cwd="/tmp", environment=HERE, burstable=True))
    site.start("flux-sample-1")
    site.start("burst-0-2")
    ran_in = (LEAD, "flux-sample-1", "burst-0-2")
    expected = {str(n): f"task {n} of 3 in {site.folder / host}\n" for n, host in enumerate(ran_in)}
    assert output(handle, job) == expected
    row = handle.rpc("job-list.list-id", {"id": job, "attrs": ["all"]})["job"]
    assert (row["nodelist"], row["ranks"], row["result"]) == ("flux-sample-[0-1],burst-0-2", "0-1,4", 1)


def test_a_leaf_with_too_few_cores_is_drained_before_it_is_online(site: Site) -> None:
    """A leaf whose own file claims cores that the machine lacks joins, drained for what is missing."""
    site.start(LEAD)
    journal = site.connect().stream("resource.journal", {}, 0)
    site.start("burst-0-0", toml=site.toml(cores="0-3"))
    drain = until(journal, lambda got: _names(got) == ["drain"])["events"][0]["context"]
    reason = f"rank 2 ({socket.gethostname()}) missing resources: core[2-3]"
    assert drain == {"idset": "2", "nodelist": "burst-0-0", "reason": reason, "overwrite": 0}
    assert until(journal, lambda got: _names(got) == ["online"])["events"][0]["context"] == {"idset": "2"}


def test_a_leaf_under_another_name_is_drained(site: Site) -> None:
    """A machine that calls itself otherwise than its place is drained, unless told to ignore that."""
    site.start(LEAD)
    handle = site.connect()
    site.start("burst-0-3", toml=site.toml(verify=True))
    online(handle, "0,5")
    reason = f"rank 5 got hostname '{socket.gethostname()}', expected 'burst-0-3'"
    assert handle.rpc("resource.status", {}, 0)["drain"]["5"]["reason"] == reason


def test_a_killed_leaf_is_noticed_and_its_job_fails(site: Site) -> None:
    """SIGKILL of a leaf ends its job with a node failure within two seconds, and takes the host offline."""
    site.start(LEAD)
    leaf = site.start("burst-0-1")
    handle = site.connect()
    online(handle, "0,3")
    burst = {"properties": ["burst"]}
    job = submit(handle, command_jobspec(["sleep", "300"], 1, environment=HERE, requires=burst))
    journal = handle.stream("job-manager.events-journal", {"full": True}, 0)
    until(journal, lambda got: got["id"] == job and "start" in _names(got))
    began = time.monotonic()
    leaf.kill()
    failed = events(handle, job)
    assert time.monotonic() - began < 2
    context = next(event["context"] for event in failed if event["name"] == "exception")
    note = "node failure on burst-0-1 (rank 3)"
    assert context == {"type": "exec", "severity": 0, "note": note, "userid": os.getuid()}
    assert [event["name"] for event in failed][-5:] == ["exception", "finish", "release", "free", "clean"]
    online(handle, "0")


def test_a_rejoined_leaf_is_still_drained(site: Site) -> None:
    """A leaf that was drained and left in order joins again by itself, and its drain is still there."""
    site.start(LEAD)
    leaf = site.start("burst-0-0")
    handle = site.connect()
    online(handle, "0,2")
    handle.rpc("resource.drain", {"targets": "burst-0-0", "reason": "burstd: x: idle"}, 0)
    leaf.send_signal(signal.SIGTERM)
    assert leaf.wait(SECONDS) == 0
    online(handle, "0")
    site.start("burst-0-0")
    online(handle, "0,2")
    assert handle.rpc("resource.status", {}, 0)["drain"]["2"]["reason"] == "burstd: x: idle"


def test_a_leaf_outlives_its_lead_and_is_sent_away_by_the_next(site: Site) -> None:
    """A leaf stays when the lead is killed, and exits when a lead of another generation answers."""
    lead, leaf = site.start(LEAD), site.start("burst-0-0")
    handle = site.connect()
    online(handle, "0,2")
    first = handle.rpc("attr.get", {"name": "broker.uuid"})["value"]
    lead.kill()
    lead.wait()
    assert leaf.poll() is None
    site.start(LEAD)
    assert leaf.wait(SECONDS) == 0
    assert "sent disconnect control message" in site.log("burst-0-0")
    assert site.connect().rpc("attr.get", {"name": "broker.uuid"})["value"] != first


def test_a_lead_that_ends_takes_its_leaves_along(site: Site) -> None:
    """SIGTERM of the lead ends it and its leaves; a client's open stream hears of it at once."""
    lead, leaf = site.start(LEAD), site.start("burst-0-0")
    handle = site.connect()
    online(handle, "0,2")
    stream = handle.stream("resource.journal", {}, 0)
    until(stream, lambda got: got["events"] == [])
    lead.send_signal(signal.SIGTERM)
    assert (lead.wait(SECONDS), leaf.wait(SECONDS)) == (0, 0)
    with pytest.raises(LeadLost, match="closed the connection"):
        stream.next(SECONDS)


def test_a_leaf_with_another_certificate_stays_out(site: Site, tmp_path: Path) -> None:
    """A leaf with a wrong certificate neither joins nor ends, while one with the right one joins."""
    site.start(LEAD)
    handle = site.connect()
    other = tmp_path / "other.cert"
    curve.write(other, "other")
    stranger = site.start("burst-0-0", toml=site.toml().replace(str(site.certificate), str(other)))
    site.start("burst-0-1")
    online(handle, "0,3")
    assert stranger.poll() is None


def test_a_leaf_with_another_order_of_hosts_is_rejected(site: Site) -> None:
    """A leaf whose file gives it another host's rank is told so and exits; the lead logs both names."""
    site.start(LEAD)
    site.connect()
    leaf = site.start("burst-0-3", toml=site.toml(hosts="burst-0-[3,0-2]"))
    assert leaf.wait(SECONDS) == 0
    text = (
        "rejecting connection from burst-0-3 (rank 2): burst-0-0 is configured as rank 2: mismatched config?"
    )
    assert text in site.log(LEAD)


def test_the_log_begins_with_what_it_is(site: Site) -> None:
    """The first line of the log, and an attribute, say that this is not a Flux."""
    site.start(LEAD)
    handle = site.connect()
    assert "burstd's embedded instance, not a Flux" in site.log(LEAD).splitlines()[0]
    assert "not a Flux" in handle.rpc("attr.get", {"name": "burstd.embedded"})["value"]


@pytest.mark.parametrize(
    ("host", "change", "line"),
    [
        (
            "burst-9-9",
            "nothing",
            "broker.err: bootstrap: config: initialize: Config file error [bootstrap]: ",
        ),
        ("burst-0-0", "open", "readable by group/other"),
        ("burst-0-0", "gone", "Error loading certificate: "),
        (LEAD, "port", "cannot listen at tcp://127.0.0.1:"),
        (LEAD, "toml", "broker.toml: "),
    ],
)
def test_a_broker_that_cannot_start_says_why(site: Site, host: str, change: str, line: str) -> None:
    """A host that is not in hosts, a bad certificate, a taken port: one line in the log, exit status 1."""
    toml = "[bootstrap" if change == "toml" else site.toml()
    if change == "open":
        site.certificate.chmod(0o644)
    if change == "gone":
        site.certificate.unlink()
    with socket.socket() as taken:
        if change == "port":
            taken.bind(("127.0.0.1", site.port))
            taken.listen()
        assert site.start(host, toml=toml).wait(SECONDS) == 1
    assert line in site.log(host)
    assert "Traceback" not in site.log(host)


def _names(payload: object) -> list[str]:
    return [event["name"] for event in payload["events"]]  # type: ignore[index]
