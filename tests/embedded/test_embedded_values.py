"""The pure parts: job ids, jobspecs, resource sets, settings, verification, framing."""

from __future__ import annotations

from pathlib import Path

import pytest

from burstd.core.jobid import f58, next_fluid
from burstd.lead.embedded.brokertopics import SERVICES
from burstd.lead.embedded.queues import Queues
from burstd.lead.embedded.resources import misfit
from burstd.lead.embedded.rset import Part, resource_set, summary
from burstd.lead.embedded.sched import Mode
from burstd.lead.embedded.settings import Argv, HostShape, SettingsError, read_argv, read_broker_file
from burstd.lead.embedded.topics import TOPICS
from burstd.lead.embedded.wire import Lines, Refusal, encode
from burstd.lead.jobspec import command_jobspec, unwrap, wrap


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (1968017768448, "ƒthPzUrK"),
        (6044780593152, "ƒ3jnbZaMM"),
        (4910624014336, "ƒ3Dze2etf"),
        (0, "ƒ1"),
        (57, "ƒz"),
        (58, "ƒ21"),
        (2**63, "ƒNQm6nKp8qFD"),
    ],
)
def test_f58_is_what_flux_shows(job: int, text: str) -> None:
    """Ids are written as Flux's own tools write them."""
    assert f58(job) == text


def test_a_negative_id_has_no_f58() -> None:
    """There is no negative job id."""
    with pytest.raises(ValueError, match="-1 is not a job id"):
        f58(-1)


def test_ids_grow_even_within_a_millisecond() -> None:
    """An id is larger than the one before, and carries the instance's age."""
    first = next_fluid(0, 117.303)
    assert (first >> 24, next_fluid(first, 117.303)) == (117303, first + 1)


SLOT = {"type": "slot", "count": 1, "with": [{"type": "core", "count": 1}], "label": "task"}


@pytest.mark.parametrize(
    ("hosts", "options", "resources"),
    [
        (4, {}, {"type": "node", "count": 4, "exclusive": True, "with": [SLOT]}),
        (4, {"tasks": 8}, {"type": "node", "count": 4, "with": [SLOT | {"count": 2}]}),
        (0, {"tasks": 4}, SLOT | {"count": 4}),
        (
            0,
            {"tasks": 1, "gpus": 1},
            SLOT | {"with": [{"type": "core", "count": 1}, {"type": "gpu", "count": 1}]},
        ),
    ],
)
def test_jobspecs_have_the_resources_of_flux_submit(
    hosts: int, options: dict[str, int], resources: dict[str, object]
) -> None:
    """-N, -N -n, -n and -g become what `flux submit --dry-run` shows."""
    assert command_jobspec(["hostname"], hosts, **options)["resources"] == [resources]


def test_jobspec_attributes_stand_where_flux_puts_them() -> None:
    """What is given becomes a system attribute, what is not given is absent."""
    made = command_jobspec(
        ["true"], 1, burstable=1, queue="burst", requires={"ranks": ["0"]}, cwd="/x", environment={"A": "b"}
    )
    assert made["attributes"]["system"] == {
        "duration": 0,
        "cwd": "/x",
        "environment": {"A": "b"},
        "queue": "burst",
        "constraints": {"ranks": ["0"]},
        "burstable": 1,
    }
    bare = command_jobspec(["true"], 1, cwd="/x", environment={}, duration=5.0)
    assert bare["attributes"]["system"] == {"duration": 5.0, "cwd": "/x", "environment": {}}


def test_wrapping_is_undone_by_unwrapping() -> None:
    """A wrapped jobspec comes out as it went in; anything else is refused."""
    made = command_jobspec(["echo", "ü"], 2)
    assert unwrap(wrap(made)) == made
    for text in ("zzz", "a.b.munge", "aaaa.!!!!.none", "aaaa.MTI=.none"):
        with pytest.raises(ValueError, match=r"."):
            unwrap(text)


def test_a_resource_set_groups_equal_ranks() -> None:
    """Ranks with the same cores share an entry, as in Flux's R_lite; so does the summary."""
    cores = frozenset({0, 1})
    parts = [Part(3, cores), Part(2, cores), Part(0, frozenset({1}), frozenset({0}))]
    names = {0: "a", 2: "b2", 3: "b3"}
    execution = resource_set(parts, names, {2: frozenset({"burst"}), 3: frozenset({"burst"})})["execution"]
    assert execution["R_lite"] == [
        {"rank": "0", "children": {"core": "1", "gpu": "0"}},
        {"rank": "2-3", "children": {"core": "0-1"}},
    ]
    assert (execution["nodelist"], execution["properties"]) == (["a,b[2-3]"], {"burst": "2-3"})
    assert summary(parts) == "rank0/core1,gpu0 rank[2-3]/core[0-1]"


TWO, FOUR = HostShape(frozenset(range(2))), HostShape(frozenset(range(4)))


@pytest.mark.parametrize(
    ("declared", "hostname", "any_hostname", "reason"),
    [
        (TWO, "burst-0-0", False, ""),
        (TWO, "vm", True, ""),
        (TWO, "vm", False, "rank 4 got hostname 'vm', expected 'burst-0-0'"),
        (FOUR, "vm", True, "rank 4 (vm) missing resources: core[2-3]"),
        (HostShape(frozenset(range(3))), "vm", True, "rank 4 (vm) missing resources: core2"),
        (HostShape(gpus=frozenset({0})), "vm", True, "rank 4 (vm) missing resources: gpu0"),
    ],
)
def test_misfits_are_told_in_flux_words(
    declared: HostShape, hostname: str, any_hostname: bool, reason: str
) -> None:
    """A broker that lacks cores, or has another name, is drained with the reason that Flux gives."""
    assert misfit((4, "burst-0-0"), declared, TWO, hostname, any_hostname) == reason


def test_argv_mirrors_flux_broker(tmp_path: Path) -> None:
    """The options are those of `flux broker`, with the scheduler's mode beside them."""
    told = read_argv([f"--config-path={tmp_path}", "-Srundir=/r", "-Shostname=a", "-Ssched=easy"])
    assert told == Argv(tmp_path, Path("/r"), "a", Mode.EASY)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-Snosuch=1"], "-Snosuch=1"),
        (["--verbose"], "--verbose"),
        (["--config-path=x", "-Shostname=a"], "-Srundir"),
        (["-Srundir=x", "-Shostname=a"], "--config-path"),
        (["--config-path=x", "-Srundir=x", "-Shostname=a", "-Ssched=lottery"], "fifo, easy and fcfs"),
        (["--config-path=x", "-Srundir=x", "-Shostname=a", "-Scores=-1"], "-Scores"),
    ],
)
def test_a_wrong_option_is_named(words: list[str], complaint: str) -> None:
    """An unknown or missing option ends in a sentence that names it."""
    with pytest.raises(SettingsError, match=complaint):
        read_argv(words)


def test_a_broker_file_is_read_as_flux_reads_it(tmp_path: Path) -> None:
    """Hosts give ranks, defaults fill in the URIs, entries about one host add up."""
    (tmp_path / "broker.toml").write_text(
        '[bootstrap]\ncurve_cert = "/c"\ndefault_port = 8050\n'
        'default_bind = "tcp://eth0:%p"\ndefault_connect = "tcp://%h.svc:%p"\n'
        'hosts = [{host="a-[0-1]"}, {host="b"}]\n'
        '[[resource.config]]\nhosts = "a-[0-1],b"\ncores = "0-3"\n'
        '[[resource.config]]\nhosts = "b"\ngpus = "0"\nproperties = ["burst"]\n'
    )
    file = read_broker_file(tmp_path)
    assert (file.hosts, file.rank("b")) == (("a-0", "a-1", "b"), 2)
    assert (file.bind, file.connect) == ("tcp://eth0:8050", "tcp://a-0.svc:8050")
    assert file.shapes["b"] == HostShape(FOUR.cores, frozenset({0}), frozenset({"burst"}))
    with pytest.raises(SettingsError, match="c not found in hosts"):
        file.rank("c")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[bootstrap", "broker.toml"),
        ("", "'bootstrap'"),
        ('[bootstrap]\ncurve_cert = "/c"\nhosts = []', "no hosts"),
        ('[bootstrap]\nhosts = [{host = "a"}]', "curve_cert"),
        ('[bootstrap]\ncurve_cert = "/c"\nhosts = [{host = "a[0-"}]', "not a hostlist"),
        ('[bootstrap]\ncurve_cert = "/c"\nhosts = [{bind = "a"}]', "'host'"),
    ],
)
def test_a_broken_broker_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """What is missing or wrong in broker.toml ends in a sentence that names the file and the place."""
    (tmp_path / "broker.toml").write_text(text)
    with pytest.raises(SettingsError, match=complaint) as caught:
        read_broker_file(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_named_queues_begin_stopped() -> None:
    """A named queue does not schedule until it is started; without any there is one, which does."""
    queues = Queues({"queues": {"burst": {"requires": ["burst"]}}})
    assert queues.status("burst") == {"enable": True, "start": False}
    queues.switch("burst", everything=False, start=False, reason="no host up")
    assert queues.status("burst")["stop_reason"] == "no host up"
    queues.switch("", everything=True, start=True, reason="")
    assert queues.status("burst") == {"enable": True, "start": True}
    assert Queues({}).status(None) == {"enable": True, "start": True}


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        (None, {"properties": ["burst"]}),
        ({"properties": ["fast"]}, {"properties": ["fast", "burst"]}),
        ({"hostlist": ["a"]}, {"and": [{"hostlist": ["a"]}, {"properties": ["burst"]}]}),
    ],
)
def test_a_queue_adds_what_it_requires(own: dict[str, object] | None, merged: dict[str, object]) -> None:
    """The default queue's constraint is joined to the job's own when it is submitted."""
    default = {"jobspec": {"defaults": {"system": {"queue": "burst"}}}}
    queues = Queues({"queues": {"burst": {"requires": ["burst"]}}, "policy": default})
    jobspec = command_jobspec(["true"], 1, requires=own)
    queues.admit(jobspec)
    system = jobspec["attributes"]["system"]
    assert (system["queue"], system["constraints"]) == ("burst", merged)


def test_an_unknown_queue_is_refused() -> None:
    """A job for a queue that is not there is refused with Flux's words."""
    with pytest.raises(Refusal, match="Invalid queue 'zzz' specified"):
        Queues({}).admit(command_jobspec(["true"], 1, queue="zzz"))


def test_lines_come_together_from_any_pieces() -> None:
    """Messages are the same however the bytes are cut."""
    data = encode({"id": 1, "text": "ü\n"}) + encode({"id": 2})
    lines = Lines()
    got = [message for at in range(len(data)) for message in lines.feed(data[at : at + 1])]
    assert got == [{"id": 1, "text": "ü\n"}, {"id": 2}]


def test_every_topic_has_one_handler_and_a_known_service() -> None:
    """The table is whole: one way to answer each topic, and its service's name is taken."""
    for name, topic in TOPICS.items():
        assert (topic.answer is None) != (topic.flow is None), name
        assert name.partition(".")[0] in SERVICES
