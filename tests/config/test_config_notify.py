"""What may be written of who is told, and what is said of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from burstd.config import Flags, load
from burstd.core.errors import ConfigError
from burstd.core.notices import Event

KEY = "abcd1234efgh5678ijkl9012"
BAD = [
    (
        "{command: /bin/true}",
        "notify[0].command: must be a list of words, such as [/usr/local/bin/tell, --now], not one text: "
        "no shell reads it",
    ),
    ("{command: []}", "notify[0].command: names no program"),
    ("{command: ['']}", "notify[0].command: names no program"),
    (
        "{command: [tell]}",
        "notify[0].command: must begin with the absolute path of a program: it is run in / and found by no "
        "PATH",
    ),
    ("{command: [/no/such/tell]}", "notify[0].command: there is no program /no/such/tell"),
    ("{}", "notify[0]: has no target: name one of command, url and url_file"),
    (
        "{command: [/bin/sh], url: 'https://a.example'}",
        "notify[0]: has command and url: name one of command, url and url_file",
    ),
    (
        "{command: [/bin/sh], body: text}",
        "notify[0]: token_file and body are for a URL, and it has a command",
    ),
    ("{comand: [/bin/sh]}", "notify[0].comand: is not a setting here (did you mean command?)"),
    (
        "{command: [/bin/sh], events: []}",
        "notify[0].events: is empty (leave it out for the default, or name at least one)",
    ),
    ("{command: [/bin/sh], events: burst-up}", "notify[0].events: must be a list, not the text 'burst-up'"),
    (
        "{url: 'http://a.example'}",
        "notify[0].url: must begin with https://; http:// is for this machine alone (localhost)",
    ),
    ("{url: 'https://'}", "notify[0].url: must be a URL such as https://hooks.example.org/burstd"),
    (
        "{url: 'https://u:p@a.example'}",
        "notify[0].url: must not hold a user or a password: a token goes into the file of token_file",
    ),
    (
        "{command: [/bin/sh], timeout_seconds: 0}",
        "notify[0].timeout_seconds: must be greater than 0, not 0",
    ),
]
SECRETS = [
    f"https://hooks.slack.com/services/T00000000/B00000000/{KEY}",
    f"https://a.example/hook?key={KEY}",
    f"https://a.example/hook#{KEY}",
]


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "burstd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, Flags(), ("local",))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("hook", "expected"), BAD)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, hook: str, expected: str) -> None:
    """Each mistake in a target is one sentence that says where it stands and what helps."""
    assert problems(tmp_path, f"notify: [{hook}]") == [expected]


def test_an_event_that_there_is_not(tmp_path: Path) -> None:
    """Who names an unknown event is told all that there are."""
    (problem,) = problems(tmp_path, "notify: [{command: [/bin/sh], events: [burst-up, up]}]")
    assert problem.startswith("notify[0].events[1]: must be 'burst-up', 'burst-failed'")
    assert all(f"'{event}'" in problem for event in Event)


@pytest.mark.parametrize("url", SECRETS)
def test_a_url_that_is_a_secret_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """What looks like a key belongs into a file of its own; the message does not hold it either."""
    (problem,) = problems(tmp_path, f"notify: [{{url: '{url}'}}]")
    assert "name that with url_file" in problem
    assert KEY not in problem


@pytest.mark.parametrize(
    ("mode", "content", "expected"),
    [
        (0o644, "https://a.example", "can be read by others than its owner"),
        (0o600, f"https:/{KEY}", "must be a URL such as"),
        (0o600, "\xff", "is no text of a URL"),
    ],
)
def test_the_file_with_a_url_is_looked_at(tmp_path: Path, mode: int, content: str, expected: str) -> None:
    """It must be its owner's alone, and hold a URL; what it holds is not repeated."""
    file = tmp_path / "hook.url"
    file.write_text(content)
    file.chmod(mode)
    (problem,) = problems(tmp_path, "notify: [{url_file: hook.url}]")
    assert problem.startswith("notify[0].url_file: ")
    assert expected in problem
    assert KEY not in problem


def test_a_program_must_be_one(tmp_path: Path) -> None:
    """A file that cannot be run is named before anything starts."""
    file = tmp_path / "tell"
    file.touch(mode=0o644)
    expected = f"notify[0].command: {file} cannot be run by this user (chmod +x {file})"
    assert problems(tmp_path, f"notify: [{{command: [{file}]}}]") == [expected]


def test_another_machines_files_are_not_looked_at(tmp_path: Path) -> None:
    """Where the configuration is of another machine, its programs and files need not be here."""
    path = tmp_path / "burstd.yaml"
    path.write_text("notify: [{command: [/no/such]}, {url_file: a.url}]")
    first, second = load(path, Flags(), here=False).notify
    assert (first.events, second.url_file) == (tuple(Event), tmp_path / "a.url")


def test_nobody_is_told_by_default(tmp_path: Path) -> None:
    """An empty section is as none."""
    path = tmp_path / "burstd.yaml"
    path.write_text("notify:\n")
    assert load(path, Flags()).notify == ()
