"""The section `http`: who may be told what is decided before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from burstd.config import Flags, load
from burstd.core.errors import ConfigError


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "burstd.yaml"
    path.write_text(text)
    try:
        load(path, Flags())
    except ConfigError as exc:
        return [str(problem) for problem in exc.problems]
    return []


def written(tmp_path: Path, content: str, mode: int = 0o600) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)


def test_by_default_only_this_machine_can_ask(tmp_path: Path) -> None:
    """Without a word about it HTTP is served on loopback; an empty section is none."""
    path = tmp_path / "burstd.yaml"
    path.write_text("http:\n")
    http = load(path, Flags()).http
    assert (http.off, http.bind, http.is_loopback, http.token_file) == (False, "127.0.0.1", True, None)


@pytest.mark.parametrize("bind", ["0.0.0.0", "'::'", "10.1.2.3"])
def test_beyond_loopback_a_token_is_needed(tmp_path: Path, bind: str) -> None:
    """Whoever lets others ask must name a file with a token, unless HTTP is off."""
    (mistake,) = mistakes(tmp_path, f"http: {{bind: {bind}}}")
    assert mistake.startswith("http.token_file: missing: at ")
    assert mistakes(tmp_path, f"http: {{bind: {bind}, off: true}}") == []
    written(tmp_path, "0123456789abcdef\n")
    assert mistakes(tmp_path, f"http: {{bind: {bind}, token_file: token}}") == []


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.9.9.9", "'::1'", "localhost"])
def test_loopback_needs_none(tmp_path: Path, bind: str) -> None:
    """Every address of loopback is this machine's alone."""
    assert mistakes(tmp_path, f"http: {{bind: {bind}}}") == []


@pytest.mark.parametrize("content", ["", "short", "0123456789 abcdef", "0123456789abcdé€f"])
def test_a_token_cannot_be_guessed(tmp_path: Path, content: str) -> None:
    """What is too short, or could not stand in a header, is refused with the command that makes one."""
    written(tmp_path, content)
    (mistake,) = mistakes(tmp_path, "http: {token_file: token}")
    assert "http.token_file" in mistake
    assert "openssl rand -hex 32" in mistake
    assert not content or content not in mistake


def test_a_token_is_its_owners_alone(tmp_path: Path) -> None:
    """A file that others can read, or that is not there, is refused."""
    written(tmp_path, "0123456789abcdef", 0o640)
    assert "chmod 600" in mistakes(tmp_path, "http: {token_file: token}")[0]
    assert "cannot be read" in mistakes(tmp_path, "http: {token_file: nowhere}")[0]


@pytest.mark.parametrize(
    "text", ["bind: example.org", "port: 65536", "port: '80'", "names: ['a b']", "tls: true"]
)
def test_what_is_no_setting_is_named(tmp_path: Path, text: str) -> None:
    """Each mistake is told with its place."""
    (mistake,) = mistakes(tmp_path, f"http: {{{text}}}")
    assert mistake.startswith(f"http.{text.split(':')[0]}")


@pytest.mark.parametrize("section", ["http", "lease"])
def test_off_is_a_word_as_a_key(tmp_path: Path, section: str) -> None:
    """`off: true` can be written as it is read, though YAML 1.1 takes a bare `off` for false."""
    path = tmp_path / "burstd.yaml"
    path.write_text(f"{section}:\n  off: true\n")
    assert getattr(load(path, Flags()), section).off is True
