"""The state directory is its owner's alone: what lies in it lets brokers into the lead."""

from __future__ import annotations

import os

import pytest

from burstd.core.errors import ConfigError
from burstd.engine.statedir import alone


def mode(path) -> int:
    return path.stat().st_mode & 0o7777


def test_it_is_made_for_its_owner_alone(tmp_path):
    """Whatever the umask, the directory and the one above it have mode 0700, and the lock 0600."""
    before = os.umask(0)
    try:
        with alone(tmp_path / "state" / "me"):
            pass
    finally:
        os.umask(before)

    assert mode(tmp_path / "state") == 0o700
    assert mode(tmp_path / "state" / "me") == 0o700
    assert mode(tmp_path / "state" / "me" / "lock") == 0o600


@pytest.mark.parametrize("loose", [0o755, 0o750, 0o707, 0o2770])
def test_one_that_others_may_enter_is_closed_and_said(tmp_path, caplog, loose):
    """A directory that was there with rights for others loses them, in one sentence."""
    state = tmp_path / "me"
    state.mkdir()
    state.chmod(loose)
    with alone(state):
        assert mode(state) & 0o777 == 0o700

    assert f"{state} could be entered by others" in caplog.text


def test_one_that_is_closed_is_left_without_a_word(tmp_path, caplog):
    """A directory of mode 0700 is as it should be."""
    (tmp_path / "me").mkdir(mode=0o700)
    with alone(tmp_path / "me"):
        pass

    assert not caplog.records


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_one_of_another_user_is_refused(tmp_path):
    """Whoever owns the directory could change what burstd goes by: it must be burstd's own user."""
    state = tmp_path / "me"
    state.mkdir(mode=0o700)
    os.chown(state, 12345, -1)

    with pytest.raises(ConfigError, match="belongs to uid 12345"), alone(state):
        pass


def test_a_second_one_is_refused_while_the_first_runs(tmp_path):
    """The lock names the directory that is taken, and is free again with its holder gone."""
    with alone(tmp_path / "me"), pytest.raises(ConfigError, match="another burstd"), alone(tmp_path / "me"):
        pass
    with alone(tmp_path / "me"):
        pass
