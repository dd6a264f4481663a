"""What a person may write, and what is said of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from burstd.config import Config, Flags, load
from burstd.core.errors import ConfigError
from burstd.core.model import Placement


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "burstd.yaml"
    path.write_text(text)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, Flags(), ("local",))
    return [str(problem) for problem in caught.value.problems]


PREFIX = "pools[0].cwd_prefixes[0]: must be an absolute path in normal form, such as /home"
BAD = [
    ("limitz: {}", "limitz: is not a setting here (did you mean limits?)"),
    ("lead: {hosst: a}", "lead.hosst: is not a setting here (did you mean host?)"),
    ("cluster-name: a", "cluster-name: is not a setting here (did you mean cluster_name?)"),
    (
        "limits: {colour: 1}",
        "limits.colour: is not a setting here (known: max_bursts, max_hosts, dollars_per_hour, "
        "dollars_per_day, dollars_per_user_day, close_after)",
    ),
    ("pools: [{idle_secs: 3}]", "pools[0].idle_secs: is not a setting here (did you mean idle_seconds?)"),
    ("lead: {port: 70000}", "lead.port: must be at most 65535, not 70000"),
    ("lead: {port: true}", "lead.port: must be a whole number, not true"),
    (
        "lead: {host: 'tcp://a'}",
        "lead.host: must be a host name or an address alone, such as lead.example.org, not a URI",
    ),
    ("lead: 3", "lead: must be a mapping of settings, not 3"),
    ("limits: {max_bursts: 0}", "limits.max_bursts: must be at least 1, not 0"),
    ("placement: mixd", "placement: must be 'pool' or 'mixed', not the text 'mixd'"),
    (
        "owner: Burst_D",
        "owner: 'Burst_D' must be lower-case letters, digits and dashes, beginning with a letter "
        "('burst-d' would do)",
    ),
    ("pools: []", "pools: is empty (leave it out for the default, or name at least one)"),
    ("pools: {}", "pools: must be a list, not a mapping"),
    ("pools: [{name: 3}]", "pools[0].name: must be a text, not 3 (put it in quotes)"),
    (
        "pools: [{size: '4'}]",
        "pools[0].size: must be a whole number, not the text '4' (write it without quotes)",
    ),
    ("pools: [{size: 0}]", "pools[0].size: must be at least 1, not 0"),
    ("pools: [{join_seconds: 0}]", "pools[0].join_seconds: must be greater than 0, not 0"),
    ("pools: [{idle_seconds: .inf}]", "pools[0].idle_seconds: must be a finite number, not inf"),
    ("pools: [{properties: burst}]", "pools[0].properties: must be a list, not the text 'burst'"),
    ("pools: [{cwd_prefixes: /home}]", "pools[0].cwd_prefixes: must be a list, not the text '/home'"),
    (
        "pools: [{cwd_prefixes: [/home, home]}]",
        "pools[0].cwd_prefixes[1]: must be an absolute path in normal form, such as /home; "
        "home is not absolute",
    ),
    ("pools: [{cwd_prefixes: [/a/../b]}]", f"{PREFIX}; /a/../b is not normalised"),
    ("pools: [{cwd_prefixes: ['/a/']}]", f"{PREFIX}; /a/ is not normalised"),
    ('pools: [{cwd_prefixes: ["/a\\nb"]}]', rf"{PREFIX}; '/a\nb' has control characters"),
    (
        "pools: [{cwd_prefixes: [/]}]",
        "pools[0].cwd_prefixes[0]: must not be the root: every directory of the hosts would be under it",
    ),
    ("pools: [{options: 3}]", "pools[0].options: must be a mapping of settings, not 3"),
    (
        "pools: [{hosts: 'burst-0-[0-3'}]",
        "pools[0].hosts: 'burst-0-[0-3' is not a hostlist (RFC 29): a range reads like burst-0-[0-3]",
    ),
    ("pools: [{hosts: 'a0,a0'}]", "pools[0].hosts: names a host twice"),
    (
        "pools: [{hosts: 'a[0-999999999]'}]",
        "pools[0].hosts: has 1000000000 hosts, more than the 100000 of the largest pool",
    ),
    ("pools: [{hosts: 'a[0-3]', size: 5}]", "pools[0].size: 5, but pools[0].hosts names only 4: a[0-3]"),
    (
        "pools: [{name: a}, {name: a}]",
        "pools[1].name: 'a' is the name of pools[0] already (each pool needs a name of its own)",
    ),
    (
        "pools: [{name: a, hosts: 'h[0-3]'}, {name: b, hosts: 'h[3-4]'}]",
        "pools[1].hosts: shares hosts with pools[0] (a host belongs to one pool)",
    ),
    (
        "pools: [{name: a}, {name: b, queue: a}]",
        "pools[1].queue: 'a' is the queue of pools[0] already "
        "(each pool needs a queue of its own: it is stopped while the pool has no host up)",
    ),
    ("lead: {start_queues: batch}", "lead.start_queues: must be a list, not the text 'batch'"),
    (
        "lead: {start_queues: ['']}",
        "lead.start_queues[0]: must be at least 1 character long, not the text ''",
    ),
    (
        "{cluster_name: a-very-long-prefix-of-names, pools: [{name: burst-0}]}",
        "pools[0].name: its sites' names can have 45 characters "
        "(a-very-long-prefix-of-names-burst-0-g99999999); the most is 40 (shorten cluster_name or name by 5)",
    ),
    (
        "pools: [{provider: locl}]",
        "pools[0].provider: no provider 'locl' is installed (installed: local; did you mean local?)",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_each_mistake_has_its_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """A mistake is named by its path, with what is wrong and what helps."""
    assert sentence in problems(written(tmp_path, text))


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Mistakes of the file, between settings and on disk are named together."""
    text = """
lead: {port: 0, curve_cert: none.cert}
pools: [{name: a, size: -1}, {name: b, provider: gke}, {name: b}]
"""
    paths = [problem.split(":")[0] for problem in problems(written(tmp_path, text))]
    assert paths == [
        "lead.port",
        "pools[0].size",
        "pools[2].name",
        "lead.host",
        "pools[1].provider",
        "lead.curve_cert",
    ]


BROKEN = [
    ("pools: [\n  - a\n", "line 2, column 3: this is not YAML:"),
    ("pools:\n - name: a\n   name: b\n", "line 3, column 4: this is not YAML: 'name' stands here twice"),
    ("a: 2023-44-44", ": this is not YAML: month must be in 1..12"),
    ("- a", ": holds a list, not a mapping of settings"),
    ("hello", ": holds the text 'hello', not a mapping of settings"),
    ("a: !!python/object:os.system {}", "line 1, column 4: this is not YAML:"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_broken_yaml_is_placed(tmp_path: Path, text: str, words: str) -> None:
    """What is not YAML is told with the file's name, line and column."""
    path = written(tmp_path, text)
    (problem,) = problems(path)
    assert problem.startswith(str(path))
    assert words in problem


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that does not exist, is a directory or is not text is one plain problem."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert problems(tmp_path / "none") == [f"{tmp_path}/none: there is no such file (--config names it)"]
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory (--config names it)"]
    assert problems(binary) == [f"{binary}: is not UTF-8 text (save it as UTF-8)"]


@pytest.mark.parametrize("text", ["", "lead:\nlimits:\n", "{}"])
def test_an_empty_file_is_the_defaults(tmp_path: Path, text: str) -> None:
    """What is left out has its default, a section without content included."""
    assert load(written(tmp_path, text), Flags()) == load(None, Flags())


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file and flags there is one local pool, and the surroundings say where things are."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("FLUX_URI", "local:///socket")
    config = load(None, Flags())
    assert config.state_dir == Path("/state/burstd")
    assert config.lead.uri == "local:///socket"
    assert (config.prefix, config.placement, config.limits.max_bursts) == ("burstd", Placement.POOL, 1)
    assert [(pool.name, pool.provider, pool.idle_seconds) for pool in config.pools] == [
        ("burst-0", "local", 300)
    ]


def test_paths_of_the_file_count_from_its_directory(tmp_path: Path) -> None:
    """A relative path in the file does not depend on where burstd was started."""
    cert = tmp_path / "curve.cert"
    cert.touch(mode=0o600)
    config = load(written(tmp_path, "{state_dir: st, lead: {curve_cert: curve.cert}}"), Flags())
    assert (config.state_dir, config.lead.curve_cert) == (tmp_path / "st", cert)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A certificate or key must be there, and its owner's alone; another machine's is not looked at."""
    loose = tmp_path / "loose"
    loose.touch(mode=0o644)
    path = written(tmp_path, "lead: {curve_cert: loose, munge_key: none}")
    assert problems(path) == [
        f"lead.curve_cert: {loose} can be read by others than its owner (chmod 600 {loose})",
        f"lead.munge_key: {tmp_path}/none cannot be read: No such file or directory",
    ]
    assert load(path, Flags(), here=False).lead.curve_cert == loose


def test_a_configuration_cannot_change() -> None:
    """What was checked stays as it was."""
    config: Config = load(None, Flags())
    with pytest.raises(ValueError, match="frozen"):
        config.owner = "other"
