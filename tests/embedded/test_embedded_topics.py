"""What a client asks of the embedded instance, over its real socket."""

from __future__ import annotations

import os

import pytest
from embedded_site import Site, events, output, until

from burstd.core.errors import LeadLost, LeadRefused
from burstd.lead.embedded.client import connect
from burstd.lead.handle import Handle
from burstd.lead.jobspec import command_jobspec, submit

pytestmark = pytest.mark.process

HERE = {"PATH": os.environ["PATH"]}
FOR_EVER = command_jobspec(["sleep", "300"], tasks=1, cwd="/tmp", environment=HERE)


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("nosuch.topic", "No service matching nosuch.topic is registered"),
        ("job-manager.nosuch", "Unknown service method 'job-manager.nosuch'"),
        ("overlay.health", "No service matching overlay.health is registered"),
    ],
)
def test_any_other_topic_is_enosys(lead: Handle, topic: str, text: str) -> None:
    """What is not in the table is answered as Flux answers what it has not."""
    with pytest.raises(LeadRefused) as caught:
        lead.rpc(topic, {})
    assert (caught.value.topic, caught.value.errno, caught.value.text) == (topic, 38, text)


def test_a_rank_that_is_down_is_no_route(lead: Handle) -> None:
    """A request to a rank that is offline is EHOSTUNREACH."""
    with pytest.raises(LeadRefused, match="No route to host"):
        lead.rpc("attr.get", {"name": "rank"}, 5)


def test_a_payload_without_its_key_is_eproto(lead: Handle) -> None:
    """A missing key is named, as Flux does."""
    with pytest.raises(LeadRefused, match="Object item not found: max_entries") as caught:
        lead.stream("job-list.list", {"attrs": []}).next(5.0)
    assert caught.value.errno == 71


def test_a_job_that_is_cancelled_is_killed(lead: Handle) -> None:
    """Cancel ends a running job: exception, finish with the shell's status, result canceled."""
    job = submit(lead, FOR_EVER)
    journal = lead.stream("job-manager.events-journal", {"full": True}, 0)
    until(journal, lambda got: got["id"] == job and "start" in [event["name"] for event in got["events"]])
    lead.rpc("job-manager.raise", {"id": job, "type": "cancel", "severity": 0, "note": "why"})
    seen = {event["name"]: event.get("context", {}) for event in events(lead, job)}
    assert (seen["exception"]["note"], seen["finish"]["status"]) == ("why", (128 + 15) << 8)
    assert lead.rpc("job-list.list-id", {"id": job, "attrs": ["result"]})["job"]["result"] == 4


def test_a_job_that_runs_too_long_times_out(lead: Handle) -> None:
    """A job with a duration ends by an exception of type timeout."""
    spec = command_jobspec(["sleep", "300"], tasks=1, cwd="/tmp", environment=HERE, duration=0.1)
    job = submit(lead, spec)
    exception = next(event["context"] for event in events(lead, job) if event["name"] == "exception")
    assert (exception["type"], exception["severity"]) == ("timeout", 0)


def test_the_journal_tells_the_past_the_sentinel_and_the_present(lead: Handle) -> None:
    """History is one response a job, then id -1, then an event at a time, R with alloc."""
    held = submit(lead, FOR_EVER, urgency=0)
    journal = lead.stream("job-manager.events-journal", {"full": False}, 0)
    past = until(journal, lambda got: got["id"] == held)
    assert [event["name"] for event in past["events"]] == ["submit", "validate", "depend", "priority"]
    assert "environment" not in past["jobspec"]["attributes"]["system"]
    until(journal, lambda got: got == {"id": -1, "events": []})
    assert lead.rpc("job-manager.urgency", {"id": held, "urgency": 16}) == {"old_urgency": 0}
    names = []
    while "alloc" not in names:
        live = until(journal, lambda got: got["id"] == held)
        names.append(live["events"][0]["name"])
    assert names == ["urgency", "priority", "annotations", "alloc"]
    assert live["R"]["execution"]["nodelist"] == ["flux-sample-0"]
    lead.rpc("job-manager.raise", {"id": held, "type": "cancel", "severity": 0})
    events(lead, held)


def test_memos_are_merged_and_volatile_ones_leave_no_trace(lead: Handle) -> None:
    """A memo shows in the job's annotations; null takes a note out; a volatile one is in no eventlog."""
    job = submit(lead, FOR_EVER, urgency=0)
    lead.rpc("job-manager.memo", {"id": job, "memo": {"burst": "waits", "n": 1}})
    lead.rpc("job-manager.memo", {"id": job, "memo": {"n": None, "v": 2}, "volatile": True})
    row = lead.rpc("job-list.list-id", {"id": job, "attrs": ["annotations"]})["job"]
    assert row["annotations"]["user"] == {"burst": "waits", "v": 2}
    lead.rpc("job-manager.raise", {"id": job, "type": "cancel", "severity": 0})
    memos = [event["context"] for event in events(lead, job) if event["name"] == "memo"]
    assert memos == [{"burst": "waits", "n": 1}]


def test_output_is_kept_line_by_line(lead: Handle) -> None:
    """What a task writes is there afterwards, bytes that are not UTF-8 escaped, a missing end kept."""
    script = r"printf 'one\n\377\ntwo'; echo err >&2"
    job = submit(lead, command_jobspec(["sh", "-c", script], tasks=1, cwd="/tmp", environment=HERE))
    assert output(lead, job) == {"0": "one\n\\xff\ntwo"}
    assert output(lead, job, "stderr") == {"0": "err\n"}


def test_a_long_output_is_whole(lead: Handle) -> None:
    """More output than any pipe holds arrives complete."""
    job = submit(lead, command_jobspec(["seq", "40000"], tasks=1, cwd="/tmp", environment=HERE))
    assert output(lead, job)["0"].splitlines() == [str(n) for n in range(1, 40001)]


def test_a_service_name_is_let_go_with_its_client(lead: Handle) -> None:
    """One client has a name at a time, and loses it with its connection."""
    uri = lead.rpc("attr.get", {"name": "local-uri"})["value"]
    first, second = connect(uri), connect(uri)
    first.rpc("service.add", {"service": "burstd-x"})
    with pytest.raises(LeadRefused, match="File exists"):
        second.rpc("service.add", {"service": "burstd-x"})
    with pytest.raises(LeadRefused, match="No such file"):
        second.rpc("service.remove", {"service": "burstd-x"})
    first.close()
    until(lead.stream("state-machine.monitor", {"final": 5}), lambda got: got["state"] == 5)
    second.rpc("service.add", {"service": "burstd-x"})
    second.close()


def test_job_list_chooses_by_constraint(lead: Handle) -> None:
    """States and names choose jobs; an operator that job-list has not is refused."""
    job = submit(lead, FOR_EVER, urgency=0)
    pending = {"and": [{"states": ["pending"]}, {"name": ["sleep"]}, {"not": [{"states": ["inactive"]}]}]}
    asked = {"max_entries": 0, "attrs": ["state"], "constraint": pending}
    assert until(lead.stream("job-list.list", asked), lambda got: got["jobs"][0]["id"] == job)
    with pytest.raises(LeadRefused, match="unknown constraint operator: properties"):
        lead.stream("job-list.list", asked | {"constraint": {"properties": ["x"]}}).next(5.0)
    lead.rpc("job-manager.raise", {"id": job, "type": "cancel", "severity": 0})


def test_nobody_there_is_lead_lost(site: Site) -> None:
    """Connecting where nobody listens, or to another kind of URI, is LeadLost with a sentence."""
    with pytest.raises(LeadLost, match="no embedded instance answers"):
        connect(f"embedded://{site.folder}/local")
    with pytest.raises(LeadLost, match="begins with embedded://"):
        connect("local:///run/flux/local")
