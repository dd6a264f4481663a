"""The facts of a broker, from recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from errno import EIO, ENOENT
from pathlib import Path
from typing import Any

import pytest

from burstd.core.errors import LeadRefused
from burstd.core.model import Scheduling
from burstd.lead.facts import endpoint, read_facts

RECORDED = json.loads((Path(__file__).parent / "transcripts" / "facts.json").read_text())


def answering(changes: Mapping[str, Any]) -> Any:
    """Return what answers each request as recorded, but for the changes; None is refused as not there."""
    answers = RECORDED | changes

    def call(topic: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = answers.get(f"{topic} {payload['name']}" if "name" in payload else topic)
        if answer is None:
            raise LeadRefused(topic, ENOENT, "No such file or directory")
        found: Mapping[str, Any] = answer
        return found

    return call


def test_the_recorded_facts() -> None:
    """Everything that a plan needs of the lead's configuration is found."""
    facts = read_facts(answering({}))
    assert facts.generation == RECORDED["attr.get broker.uuid"]["value"]
    assert facts.hostlist == "flux-sample-[0-3],burst-0-[0-3]"
    assert facts.curve_cert == "/stage/curve.cert"
    assert facts.lead_endpoint == RECORDED["config.get"]["bootstrap"]["hosts"][0]["connect"]
    assert (facts.scheduler, facts.queue_policy) == ("sched-simple", "")
    assert facts.scheduling is Scheduling.FIFO
    assert facts.version == "0.88.0"
    assert facts.durable


@pytest.mark.parametrize(
    ("cleanup", "statedir", "durable"),
    [
        ("0", "/var/lib/flux", True),
        ("1", "/var/tmp/flux-x", False),
        (None, "/var/lib/flux", True),
        (None, None, False),
    ],
)
def test_a_statedir_that_stays_is_durable(cleanup: str | None, statedir: str | None, durable: bool) -> None:
    """A temporary statedir is cleaned up; a broker that does not say so has one only if it was given."""
    changes = {
        "attr.get statedir-cleanup": cleanup and {"value": cleanup},
        "attr.get statedir": statedir and {"value": statedir},
    }
    assert read_facts(answering(changes)).durable is durable


PARAMS = {"queue-params": "", "policy-params": ""}


def fluxion(policy: str, **queues: str) -> Mapping[str, Any]:
    """Return what Fluxion answers of its policies, its own and those of queues."""
    tables = {name: PARAMS | {"queue-policy": own} for name, own in queues.items()}
    params = PARAMS | {"queue-policy": policy} | tables
    modules = [{"name": "sched-fluxion-qmanager", "services": ["sched-fluxion-qmanager", "sched"]}]
    return {"module.list": {"mods": modules}, "sched-fluxion-qmanager.params": {"params": params}}


@pytest.mark.parametrize(
    ("answers", "policy", "scheduling"),
    [
        (fluxion("fcfs"), "fcfs", Scheduling.FCFS),
        (fluxion("fcfs", default="easy"), "easy", Scheduling.BACKFILL),
        (fluxion("fcfs", batch="easy", burst="conservative"), "conservative easy", Scheduling.BACKFILL),
        (fluxion("easy", batch="hybrid", burst="fcfs"), "fcfs hybrid", Scheduling.FCFS),
        (fluxion("lottery"), "lottery", Scheduling.UNKNOWN),
        (fluxion("easy", batch="easy", burst="lottery"), "easy lottery", Scheduling.UNKNOWN),
        ({"module.list": {"mods": [{"name": "own", "services": ["sched"]}]}}, "", Scheduling.UNKNOWN),
        ({"module.list": {"mods": [{"name": "sched-fifo", "services": ["sched"]}]}}, "", Scheduling.FIFO),
        ({"module.list": {"mods": []}}, "", Scheduling.UNKNOWN),
    ],
)
def test_the_policy_in_force_says_what_becomes_of_waiting_jobs(
    answers: Mapping[str, Any], policy: str, scheduling: Scheduling
) -> None:
    """Fluxion tells the policy of each queue, whatever set it; one queue that refuses is enough."""
    facts = read_facts(answering(answers))
    assert (facts.queue_policy, facts.scheduling) == (policy, scheduling)


def test_a_bare_instance_has_no_endpoint_and_no_certificate() -> None:
    """An instance with no `[bootstrap]` lets no other broker in."""
    facts = read_facts(answering({"config.get": {}, "module.list": {"mods": []}}))
    assert (facts.curve_cert, facts.lead_endpoint, facts.scheduler) == ("", "", "")


@pytest.mark.parametrize(
    ("bootstrap", "uri"),
    [
        (
            {"hosts": [{"host": "a0", "connect": "tcp://10.0.0.1:8050", "bind": "tcp://*:8050"}]},
            "tcp://10.0.0.1:8050",
        ),
        (
            {"hosts": [{"host": "a[0-3]"}], "default_port": 8050, "default_connect": "tcp://%h:%p"},
            "tcp://a0:8050",
        ),
        ({"hosts": [{"host": "a0", "bind": "tcp://10.0.0.1:8050"}]}, "tcp://10.0.0.1:8050"),
        ({"hosts": [{}]}, ""),
        ({"hosts": []}, ""),
    ],
)
def test_the_endpoint_is_rank_0_s(bootstrap: Mapping[str, Any], uri: str) -> None:
    """`connect` first, then the default with the name and port filled in, then where it binds."""
    assert endpoint(bootstrap) == uri


def test_another_refusal_is_not_taken_for_absence() -> None:
    """Only ENOENT says that an attribute is not there."""

    def refuse(topic: str, _payload: Mapping[str, Any]) -> Mapping[str, Any]:
        raise LeadRefused(topic, EIO, "disk")

    with pytest.raises(LeadRefused, match="disk"):
        read_facts(refuse)


@pytest.mark.parametrize(
    ("answers", "owner", "guests"),
    [
        ({}, None, False),
        ({"attr.get security.owner": {"value": "1000"}}, 1000, False),
        ({"attr.get security.owner": {"value": "0"}, "config.get": {"access": {}}}, 0, False),
        ({"config.get": {"access": {"allow-guest-user": True}}}, None, True),
    ],
)
def test_whose_the_instance_is(answers: Mapping[str, Any], owner: int | None, guests: bool) -> None:
    """The broker tells its owner's user id, its configuration whether others are admitted."""
    facts = read_facts(answering(answers))
    assert (facts.owner, facts.guests) == (owner, guests)
