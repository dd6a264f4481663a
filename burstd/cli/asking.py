"""Where a command finds the burstd that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burstd.core.errors import BurstdError
from burstd.engine.client import question, question_at

if TYPE_CHECKING:
    from burstd.cli.options import Written
    from burstd.config import Config

NOBODY = (FileNotFoundError, ConnectionRefusedError)
"""What is raised where no burstd answers."""


def asked_at(socket: Path, kind: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask at the socket for everybody. Raises BurstdError where nobody answers there."""
    try:
        return question_at(socket, kind, about)
    except NOBODY as exc:
        raise BurstdError(f"no burstd answers at {socket}") from exc
    except OSError as exc:
        raise BurstdError(f"nothing can be asked at {socket}: {exc.strerror}") from exc


def asked(config: Config, kind: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask the burstd of a configuration: in its state directory, or else at its socket for everybody.

    Raises FileNotFoundError, ConnectionRefusedError where none answers, BurstdError where one does not
    answer this user.
    """
    from burstd.engine.statedir import state_dir

    state, socket = state_dir(config), config.guests.socket
    try:
        return question(state, kind, about)
    except (*NOBODY, PermissionError) as exc:
        if socket is not None:
            return question_at(socket, kind, about)
        if isinstance(exc, PermissionError):
            what = f"{state} is not yours: ask as the user of burstd, or as root"
            raise BurstdError(f"{what}; with guests.socket everybody may ask") from exc
        raise


def asked_by(
    written: Written, socket: Path | None, kind: str, about: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Ask at a socket that was named, else the burstd of the configuration; raises as `asked` does."""
    return asked_at(socket, kind, about) if socket else asked(written.load(here=False), kind, about)
