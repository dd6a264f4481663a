"""HTTP of a daemon that runs beside a lead."""

from __future__ import annotations

import json
import pwd
import re
import time
from http.client import HTTPConnection

import pytest

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("make_town", ["embedded"], indirect=True),
]

TOKEN = "a-token-of-tests-alone"
BURST_ONLY = {"properties": ["burst"]}


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


def port_of(daemon) -> int:
    line = daemon.said("the page is at", 20)
    return int(re.search(r":(\d+)/", line)[1])


def get(port, path, token="", **headers):
    """Return status, headers and body."""
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    peer = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        peer.request("GET", path, headers=sent | headers)
        answer = peer.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        peer.close()


def until(port, path, seen, token=TOKEN):
    """Ask until the answer is as expected; return it."""
    deadline = time.monotonic() + 30
    while not seen(found := json.loads(get(port, path, token)[2])):
        assert time.monotonic() < deadline, found
    return found


def test_what_stands_is_told_and_names_need_the_token(town, token_file):
    """Health, status, jobs, bursts and events of a daemon; without the token no job and no user is named."""
    http = {"port": 0, "token_file": str(token_file)}
    daemon = town.burstd(idle=600, settings={"http": http}, cost_per_hour=3.6, probe=False)
    daemon.start()
    port = port_of(daemon)
    town.watch.submit(["sleep", "60"], 3, requires=BURST_ONLY)
    found = until(port, "/api/v1/status", lambda found: any(burst["jobs"] for burst in found["bursts"]))
    assert found["spend"]["dollars_per_hour"] == pytest.approx(3 * 3.6)
    town.command("pause")
    town.watch.submit(["true"], 4, requires=BURST_ONLY)
    found = until(port, "/api/v1/jobs", lambda found: found["jobs"])
    (job,) = found["jobs"]
    assert (job["name"], job["code"], job["hosts"], found["total"]) == ("true", "paused", 4, 1)
    assert job["user"] == pwd.getpwuid(job["userid"]).pw_name
    discreet = until(port, "/api/v1/status", lambda found: found["waiting"], token="")
    assert (discreet["waiting"][0]["code"], discreet["waiting"][0]["examples"]) == ("paused", [])
    assert [get(port, path)[0] for path in ("/api/v1/jobs", "/api/v1/events")] == [401, 401]
    (burst,) = json.loads(get(port, "/api/v1/bursts")[2])["bursts"]
    assert [stretch["phase"] for stretch in burst["stretches"]][-1] == "serving"
    events = json.loads(get(port, "/api/v1/events", TOKEN)[2])["events"]
    assert any("planned with 3 hosts" in event["sentence"] for event in events)
    assert [get(port, path)[0] for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]
    town.stage.kill_lead()
    until(port, "/api/v1/status", lambda found: not found["lead_answers"])
    until(port, "/readyz", lambda found: found == {"detail": "the lead does not answer"})
    assert get(port, "/livez")[0] == 200
    daemon.stop()


def test_a_port_that_is_taken_keeps_nobody_from_bursting(town):
    """A second server at the same port is told in one sentence, and burstd serves the lead without it."""
    daemon = town.burstd(settings={"http": {"port": town.stage.port}})
    daemon.start()
    daemon.said("goes on without it", 20)
    daemon.said("serving the lead", 20)
    daemon.stop()


def test_who_stands_by_is_alive_and_not_ready(town):
    """Without a lead burstd answers that it stands by; once there is one, it serves at the same port."""
    town.stage.kill_lead()
    daemon = town.burstd("--stand-by", settings={"http": {"port": 0}})
    daemon.start()
    port = port_of(daemon)
    assert [get(port, path)[0] for path in ("/livez", "/readyz", "/api/v1/status")] == [200, 503, 503]
    assert b"stands by" in get(port, "/readyz")[2]
    town.stage.restart_lead()
    until(port, "/readyz", lambda found: "the lead answers" in found["detail"], token="")
    until(port, "/api/v1/status", lambda found: found.get("lead_answers"), token="")
    daemon.stop()
    assert sum("the page is at" in line for line in daemon.lines) == 1
