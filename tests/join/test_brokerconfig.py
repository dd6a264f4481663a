"""broker.toml, as it is rendered for the lead and for a burst."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from burstd.core.errors import ConfigError
from burstd.core.hosts import expand
from burstd.core.model import Shape
from burstd.join.brokerconfig import LeadSide, merge_lead, render_burst, render_lead
from burstd.join.papers import Declared, Join

GOLDEN = Path(__file__).parent / "golden"

NOTE = (
    "# The default queue requires nothing: any job, burstable or not, may then run on burst hosts, "
    "paid ones too.\n"
)
DECLARED = (
    Declared("flux-sample-[0-3]", Shape(2)),
    Declared("burst-0-[0-3]", Shape(8, 2, frozenset({"burst", "a100"}))),
    Declared("big-[0-1]", Shape(64, properties=frozenset({"burst"}))),
)
LEAD = LeadSide(
    curve_cert="/mnt/curve/curve.cert",
    host="flux-sample-0",
    bind="tcp://eth0:8050",
    connect="tcp://flux-sample-0.flux:8050",
    declared=DECLARED,
    queues={"batch": ("local",), "burst": ("burst",), "mixed": ()},
    default_queue="batch",
    queue_policy="easy",
)
OPEN = replace(LEAD, queues=LEAD.queues | {"batch": ()})
ALONE = replace(LEAD, declared=DECLARED[:1], queues={}, default_queue="", queue_policy="")
JOIN = Join("34.1.2.3", 30093, DECLARED, Path("/somewhere/curve.cert"))

RENDERED = {
    "lead": lambda: render_lead(LEAD),
    "lead-alone": lambda: render_lead(ALONE),
    "lead-open": lambda: render_lead(OPEN),
    "merged": lambda: merge_lead((GOLDEN / "base.toml").read_text(), LEAD),
    "burst": lambda: render_burst(JOIN, "/burst/curve.cert", ignore_hostname=False),
    "burst-other-names": lambda: render_burst(JOIN, "/burst/curve.cert", ignore_hostname=True),
}


def hosts_of(text: str) -> list[str]:
    """Return the hosts of [bootstrap] in rank order."""
    return [host for entry in tomllib.loads(text)["bootstrap"]["hosts"] for host in expand(entry["host"])]


@pytest.mark.parametrize("name", RENDERED)
def test_it_reads_as_it_should(name: str) -> None:
    """The rendered file is, letter for letter, the one in the golden folder."""
    assert (GOLDEN / f"{name}.toml").read_text() == RENDERED[name]()


@pytest.mark.parametrize("name", RENDERED)
def test_verification_is_never_off(name: str) -> None:
    """No rendered file turns off the check that notices a host of the wrong shape."""
    assert "noverify" not in RENDERED[name]()


def test_both_sides_have_the_same_hosts() -> None:
    """A rank is a position in the list of hosts, so lead and burst must list the same ones in one order."""
    expected = [host for one in DECLARED for host in expand(one.hosts)]
    assert hosts_of(render_lead(LEAD)) == expected
    assert hosts_of(RENDERED["burst"]()) == expected


def test_a_burst_knows_only_where_the_lead_is() -> None:
    """Only rank 0 of a burst's file has an endpoint, to be dialled: a burst's brokers listen nowhere."""
    first, *rest = tomllib.loads(RENDERED["burst"]())["bootstrap"]["hosts"]
    assert first == {"host": "flux-sample-0", "connect": "tcp://34.1.2.3:30093"}
    assert all(set(entry) == {"host"} for entry in rest)


def test_merging_twice_is_merging_once() -> None:
    """What was merged already does not change when it is merged again."""
    once = RENDERED["merged"]()
    assert merge_lead(once, LEAD) == once


@pytest.mark.parametrize("base", ["", (GOLDEN / "base.toml").read_text(), "[queues]\nbatch = {}\n"])
def test_an_open_default_queue_is_noted_once(base: str) -> None:
    """The comment on a default queue that requires nothing comes once, and goes when it requires one."""
    opened = merge_lead(base, OPEN)
    assert opened.count(NOTE) == 1
    assert merge_lead(opened, OPEN) == opened
    assert NOTE not in merge_lead(opened, LEAD)
    assert tomllib.loads(merge_lead(opened, LEAD)) == tomllib.loads(merge_lead(base, LEAD))


def test_the_note_stands_above_its_queue() -> None:
    """The comment belongs to the queue that it is about."""
    assert f"{NOTE}[queues.batch]\n" in render_lead(OPEN)


def test_a_queue_policy_that_is_there_stays() -> None:
    """The policy is written where there is none, whatever else the scheduler's table has."""
    table = '[sched-fluxion-qmanager]\nqueue-params = "queue-depth=8"\n'
    assert 'queue-params = "queue-depth=8"\nqueue-policy = "easy"' in merge_lead(table, LEAD)
    merged = tomllib.loads(merge_lead(f'{table}queue-policy = "fcfs"\n', LEAD))
    assert merged["sched-fluxion-qmanager"]["queue-policy"] == "fcfs"


def test_merging_keeps_what_is_not_ours() -> None:
    """Comments, other tables and other queues stay; a default queue that is there already stays too."""
    base = (GOLDEN / "base.toml").read_text() + '\n[policy.jobspec.defaults.system]\nqueue = "debug"\n'
    merged = merge_lead(base, LEAD)
    tables = tomllib.loads(merged)
    assert "# The lead of the lab. Ask before you change it.\n" in merged
    assert "allow-guest-user = true  # everybody here\n" in merged
    assert "\n# Queues\n[queues.debug]\n" in merged
    assert "default_port = 8050 # keep\n" in merged
    assert tables["resource"]["exclude"] == "flux-sample-3"
    assert tables["queues"]["debug"] == {"requires": ["debug"]}
    assert tables["queues"]["burst"]["policy"] == {"limits": {"duration": "1h"}}
    assert tables["policy"]["jobspec"]["defaults"]["system"]["queue"] == "debug"


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("a = 1\nb = [\n", r"is not TOML.*line"),
        ("a = 1\na = 2\n", r"is not TOML.*line 2"),
        ("[bootstrap]\nhosts = []\n\n[resource\n", r"is not TOML.*line 4"),
        ("resource = 3\n", "resource: is not a table"),
        ("[queues]\nburst = 2\n", r"queues\.burst: is not a table"),
        ("policy = 'x'\n", "policy: is not a table"),
        ('resource = {exclude = "0"}\n', "cannot be merged as it is laid out"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused(base: str, words: str) -> None:
    """A base that is not TOML, or whose layout allows no change, is refused with where and why."""
    with pytest.raises(ConfigError, match=words):
        merge_lead(base, LEAD)


@pytest.mark.parametrize(
    "base",
    [
        '[resource]\nnorestrict = true\nconfig = [{hosts = "a"}]\n',
        '[[resource.config]]\nhosts = "a"\n\n[access]\nx = 1\n\n[resource]\nexclude = "a"\n',
        'bootstrap.default_port = 1\nresource.exclude = "a"\n',
        "[policy]\nlimits.duration = '1h'\n",
    ],
)
def test_other_layouts_can_be_merged(base: str) -> None:
    """However the base spells its tables, the result means the base with what is ours replaced."""
    before, after = tomllib.loads(base), tomllib.loads(merge_lead(base, LEAD))
    assert len(after["resource"]["config"]) == len(DECLARED)
    before.get("resource", {}).pop("config", None)
    for table, entries in before.items():
        assert entries.items() <= after[table].items()


def test_rank_zero_comes_first() -> None:
    """A lead that is not the first declared host would not be rank 0, so it is refused."""
    with pytest.raises(ConfigError, match="rank 0 is burst-0-0"):
        render_lead(replace(LEAD, host="burst-0-0"))
