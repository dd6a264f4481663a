"""The configuration held against what the lead declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burstd.config import Config, limits_sentences, resolve
from burstd.core.errors import ConfigError
from burstd.core.hosts import expand
from burstd.core.model import Host, Placement, Queue, Shape
from burstd.join.papers import Declared

LEAD = "flux-sample-[0-3],burst-0-[0-3]"
LOCAL, BURST = Shape(2, properties=frozenset({"local"})), Shape(4, properties=frozenset({"burst"}))


def hosts(hostlist: str, **other: Shape) -> tuple[Host, ...]:
    """The hosts of R: the lead's own of one shape, all others of another, `other` by name."""
    names = enumerate(expand(hostlist))
    shapes = [(rank, name, LOCAL if name.startswith("flux") else BURST) for rank, name in names]
    return tuple(Host(rank, name, other.get(name.replace("-", "_"), shape)) for rank, name, shape in shapes)


def resolved(config: dict[str, Any], hostlist: str = LEAD, paid: bool = False, **facts: Any) -> Any:
    made = Config.model_validate(config)
    facts = {
        "hosts": hosts(hostlist),
        "endpoint": "tcp://127.0.0.1:19000",
        "curve_cert": "/lead.cert",
    } | facts
    return resolve(made, hostlist=hostlist, paid={pool.name: paid for pool in made.pools}, **facts)


def refusals(config: dict[str, Any], hostlist: str = LEAD, **facts: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolved(config, hostlist, **facts)
    return [str(problem) for problem in caught.value.problems]


def test_the_default_pool_is_read_from_the_lead() -> None:
    """A pool without hosts, size and shape is what the lead declares under its name."""
    made = resolved({})
    (pool,) = made.policy.pools
    assert (pool.hosts, pool.ranks, pool.shape) == (expand("burst-0-[0-3]"), (4, 5, 6, 7), BURST)
    assert (pool.paid, pool.max_lifetime_seconds, made.policy.max_hosts) == (False, None, 0)


def test_the_papers_cover_every_host_in_rank_order() -> None:
    """What a broker must know of the lead is taken from the lead where nothing else is written."""
    join = resolved({}).join
    assert (join.lead_uri, join.curve_cert) == ("tcp://127.0.0.1:19000", Path("/lead.cert"))
    assert join.declared == (Declared("flux-sample-[0-3]", LOCAL), Declared("burst-0-[0-3]", BURST))


def test_what_is_written_counts_more_than_the_lead() -> None:
    """Address, port and certificate of the configuration win over the lead's own."""
    join = resolved({"lead": {"host": "out.example.org", "port": 30093, "curve_cert": "/mine.cert"}}).join
    assert (join.lead_uri, join.curve_cert) == ("tcp://out.example.org:30093", Path("/mine.cert"))


def test_size_cuts_from_the_first_host() -> None:
    """A size below what is declared uses the first hosts."""
    assert resolved({"pools": [{"size": 2}]}).policy.pools[0].ranks == (4, 5)


@pytest.mark.parametrize(
    ("written", "shares"),
    [
        ({}, True),
        ({"provider": "far"}, False),
        ({"shares_files": False}, False),
        ({"provider": "far", "shares_files": True}, True),
    ],
)
def test_only_this_machine_s_hosts_share_files_unless_told(written: dict[str, Any], shares: bool) -> None:
    """Hosts of any provider but `local` are taken to see other files than the lead."""
    (pool,) = resolved({"pools": [written | {"cwd_prefixes": ["/home"]}]}).policy.pools
    assert (pool.shares_files, pool.cwd_prefixes) == (shares, ("/home",))


def test_a_paid_pool_has_limits_without_a_word() -> None:
    """Hard limits stand for a paid provider from the start, and are said."""
    policy = resolved({"placement": "mixed"}, paid=True).policy
    assert (policy.max_bursts, policy.max_hosts, policy.placement) == (1, 4, Placement.MIXED)
    assert policy.pools[0].max_lifetime_seconds == 14400
    assert limits_sentences(policy) == (
        "Paid pools: at most 1 at once, 4 hosts in all.",
        "Pool burst-0 (local) costs money: at most 4 hosts, each released after 300 idle seconds, "
        "and all of them 14400 seconds after the burst began, whatever runs there.",
    )
    assert limits_sentences(resolved({}).policy) == ()


def test_limits_that_are_written_stay() -> None:
    """A written limit counts more than the default."""
    pool = {"max_lifetime_seconds": 60.0}
    policy = resolved({"limits": {"max_bursts": 2, "max_hosts": 3}, "pools": [pool]}, paid=True).policy
    assert (policy.max_bursts, policy.max_hosts, policy.pools[0].max_lifetime_seconds) == (2, 3, 60)


ADD = (
    'add { host = "HOSTS" } to `hosts` of [bootstrap] and a [[resource.config]] with hosts = "HOSTS", '
    "cores = CORES to the lead's broker.toml; `burstd render lead-toml --base broker.toml` writes it; "
    "the lead must then restart"
)


def addition(hosts: str, cores: str = "<the ids of one host's cores>") -> str:
    return f"({ADD.replace('HOSTS', hosts).replace('CORES', cores)})"


BAD = [
    (
        {"pools": [{"name": "burst-1"}]},
        "pools[0].name: the lead does not declare any host burst-1-<number>; its hostlist is "
        f"flux-sample-[0-3],burst-0-[0-3] {addition('burst-1-[0-3]')}",
    ),
    (
        {"pools": [{"name": "burst-1", "size": 2, "cores": 8, "gpus": 1, "properties": ["burst"]}]},
        "pools[0].name: the lead does not declare any host burst-1-<number>; its hostlist is "
        "flux-sample-[0-3],burst-0-[0-3] "
        + addition("burst-1-[0-1]", '"0-7", gpus = "0", properties = ["burst"]'),
    ),
    (
        {"pools": [{"hosts": "burst-0-[2-5]"}]},
        "pools[0].hosts: the lead does not declare burst-0-[4-5]; its hostlist is "
        f"flux-sample-[0-3],burst-0-[0-3] {addition('burst-0-[4-5]')}",
    ),
    (
        {"pools": [{"size": 6}]},
        "pools[0].size: 6, but the lead declares only 4 of its hosts: burst-0-[0-3] "
        + addition("burst-0-[4-5]"),
    ),
    (
        {"pools": [{"hosts": "burst-0-[1,0]"}]},
        "pools[0].hosts: burst-0-[1,0] do not stand one after another in the lead's hostlist, "
        "flux-sample-[0-3],burst-0-[0-3] (list them together and in the lead's order: position is rank)",
    ),
    (
        {"pools": [{"cores": 8, "properties": ["burst", "big"]}]},
        "pools[0].cores: 8, but the lead's R says 4 "
        "(the lead's R counts; correct this, or [[resource.config]] and restart the lead)",
    ),
    (
        {"pools": [{"cores": 8, "properties": ["burst", "big"]}]},
        "pools[0].properties: big, burst, but the lead's R says burst "
        "(the lead's R counts; correct this, or [[resource.config]] and restart the lead)",
    ),
    (
        {"pools": [{}, {"name": "b", "hosts": "burst-0-[2-3]"}]},
        "pools[1].hosts: burst-0-[2-3] is in pools[0] too (a host belongs to one pool)",
    ),
    (
        {"lead": {"size": 5}},
        "lead.size: the first 5 hosts are the lead's own, but burst-0-0 is in pool burst-0 "
        "(the lead's hostlist is flux-sample-[0-3],burst-0-[0-3])",
    ),
    (
        {"lead": {"size": 2}},
        "lead.size: 2, but before its pools the lead declares 4 hosts: flux-sample-[0-3] "
        "(count declared hosts, not those that are up)",
    ),
    ({"lead": {"size": 9}}, "lead.size: 9, but the lead declares 8 hosts: flux-sample-[0-3],burst-0-[0-3]"),
    (
        {"pools": [{"name": "flux-sample"}]},
        "lead.size: rank 0 is the lead's own, but flux-sample-0 is in pool flux-sample "
        "(the lead's hostlist is flux-sample-[0-3],burst-0-[0-3])",
    ),
]


@pytest.mark.parametrize(("config", "sentence"), BAD)
def test_what_does_not_agree_with_the_lead(config: dict[str, Any], sentence: str) -> None:
    """Each disagreement is named with what to do about it."""
    assert sentence in refusals(config)


QUEUES = (
    Queue("batch", True, requires=frozenset({"local"})),
    Queue("burst-0", False, requires=frozenset({"burst"})),
    Queue("mixed", True),
)
RENDERED = "`burstd render lead-toml --base broker.toml` writes it; the lead must then restart"
ITS = "its queues are batch, burst-0, mixed"
ELSE = f"correct it, leave it out, or: {RENDERED}"
QUEUED = [
    ({"queue": "burst"}, {}, f"pools[0].queue: the lead has no queue 'burst'; {ITS} ({ELSE})"),
    ({}, {"start_queues": ["b"]}, f"lead.start_queues[0]: the lead has no queue 'b'; {ITS} ({ELSE})"),
    (
        {},
        {"start_queues": ["batch", "burst-0"]},
        "lead.start_queues[1]: burst-0 is a pool's queue, which burstd starts and stops as the pool's "
        "hosts come and go (leave it out)",
    ),
    (
        {"queue": "batch"},
        {},
        f"pools[0].queue: queue batch requires local, so it does not allow burst-0-[0-3] ({RENDERED})",
    ),
    (
        {"queue": "mixed"},
        {},
        "pools[0].queue: queue mixed requires nothing, so it allows flux-sample-[0-3] too; burstd would "
        f"stop it while no host of the pool is up (name a queue for the pool alone; {RENDERED})",
    ),
]


@pytest.mark.parametrize(("pool", "lead", "sentence"), QUEUED)
def test_queues_that_do_not_agree(pool: dict[str, Any], lead: dict[str, Any], sentence: str) -> None:
    """A queue that is not there, or is for other hosts than the pool's, is named with what to do."""
    assert refusals({"lead": lead, "pools": [pool]}, queues=QUEUES) == [sentence]


@pytest.mark.parametrize("queues", [QUEUES, (), None])
def test_no_queue_needs_to_be_named(queues: tuple[Queue, ...] | None) -> None:
    """A pool without a queue, and a pool whose queue bears its name, are fine on any lead."""
    assert resolved({}, queues=queues).policy.pools[0].queue == ""


def test_a_lead_without_queues_has_none_to_name() -> None:
    """A queue that is named needs a lead with queues; where they are not known nothing is said."""
    config = {"pools": [{"queue": "burst"}]}
    assert refusals(config, queues=()) == [
        f"pools[0].queue: the lead has no queue 'burst'; it has no named queues ({ELSE})"
    ]
    assert resolved(config).policy.pools[0].queue == "burst"


def test_a_queue_that_excludes_by_a_property() -> None:
    """A property with ^ is one that a queue's hosts must not have."""
    queue = Queue("burst-0", False, requires=frozenset({"^local"}))
    assert resolved({}, queues=(queue,)).policy.pools
    assert refusals({}, hosts=hosts(LEAD, flux_sample_3=Shape(2)), queues=(queue,))


def test_what_starts_and_how_a_pool_shrinks() -> None:
    """The queues to start are the configuration's; how a pool shrinks its provider's, the top if unsaid."""
    made = resolved({"lead": {"start_queues": ["batch"]}}, queues=QUEUES, shrinks={"burst-0": "no"})
    assert (made.policy.start_queues, made.policy.pools[0].shrinks) == (("batch",), "no")
    assert resolved({}).policy.pools[0].shrinks == "top"


def test_a_pools_name_among_its_properties() -> None:
    """The property that rendering adds need not be written, and may be; one that R lacks may not."""
    named = {f"burst_0_{number}": Shape(4, properties=frozenset({"burst", "burst-0"})) for number in range(4)}
    for properties in (["burst"], ["burst", "burst-0"]):
        assert resolved({"pools": [{"properties": properties}]}, hosts=hosts(LEAD, **named))
    assert refusals({"pools": [{"properties": ["burst", "burst-0"]}]})


def test_hosts_of_a_pool_are_of_one_shape() -> None:
    """A pool of unlike hosts is refused, and told which are how."""
    odd = hosts(LEAD, burst_0_3=Shape(8))
    assert refusals({}, hosts=odd) == [
        "pools[0]: its hosts are not of one shape in the lead's R: burst-0-[0-2] have 4 cores, 0 gpus, "
        "properties burst; burst-0-3 have 8 cores, 0 gpus "
        "(make a pool of each shape, or correct [[resource.config]] and restart the lead)"
    ]


def test_a_paid_pool_cannot_live_for_ever() -> None:
    """An explicit null for the lifetime is refused where it would cost money, and taken elsewhere."""
    config = {"pools": [{"max_lifetime_seconds": None}]}
    assert refusals(config, paid=True) == [
        "pools[0].max_lifetime_seconds: null, but provider local costs money "
        "(give a number of seconds, or leave it out for 14400)"
    ]
    assert resolved(config).policy.pools[0].max_lifetime_seconds is None


@pytest.mark.parametrize("endpoint", ["", "tcp://%h:%p", "tcp://*:8050", "ipc:///tmp/x"])
def test_a_lead_that_does_not_tell_where_it_is(endpoint: str) -> None:
    """Where neither the configuration nor the lead says how to reach it, both settings are asked for."""
    found = refusals({}, endpoint=endpoint, curve_cert="")
    assert [text.split(":")[0] for text in found] == ["lead.host", "lead.port", "lead.curve_cert"]


def test_hosts_without_resources() -> None:
    """Hosts that R leaves out are named."""
    (problem,) = refusals({}, hosts=hosts(LEAD)[:6])
    assert problem.startswith("the lead's hostlist has burst-0-[2-3], but its R gives them no resources")


def test_all_disagreements_come_at_once() -> None:
    """Pools, lead and papers are checked together."""
    config = {"lead": {"size": 9}, "pools": [{"size": 9}, {"name": "none"}]}
    paths = [text.split(":")[0] for text in refusals(config, curve_cert="")]
    assert paths == ["pools[0].size", "pools[1].name", "lead.size", "lead.curve_cert"]
