"""The broker beside burstd: whether it is the lead's rank 0, and whether this user may steer it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from burstd.core.errors import LeadLost, OtherRank, OtherUser
from burstd.lead.connect import opener
from burstd.lead.handle import Handle

_SCHEMES = ("local://", "embedded://")
_DEFAULT_SOCKET = "/run/flux/local"
"""Where Flux looks when no URI is given (flux-environment(7))."""


def look(uri: str | None, uid: int | None = None) -> None:
    """Ask the broker at `uri` (None: FLUX_URI, or the system instance) whether burstd can serve from here.

    `uid` is who asks: by default, who runs this process. Raises OtherRank, OtherUser; LeadLost where no
    broker answers, LeadRefused.
    """
    mine = os.geteuid() if uid is None else uid
    try:
        handle = opener(uri)()
    except LeadLost:
        _check_socket(uri, mine)
        raise
    with closing(handle):
        _check_owner(handle, mine)
        rank = int(handle.rpc("attr.get", {"name": "rank"})["value"])
    if rank != 0:
        raise OtherRank(rank)


def check_readable(path: Path) -> None:
    """Raise OtherUser where a file of another user cannot be read; its other faults are told elsewhere."""
    theirs = _owner(path)
    if theirs is not None and theirs != os.geteuid() and not os.access(path, os.R_OK):
        raise OtherUser(str(path), theirs, os.geteuid())


def _check_owner(handle: Handle, mine: int) -> None:
    """Compare with the instance owner: guests may connect, where they are admitted, but steer nothing."""
    theirs = int(handle.rpc("attr.get", {"name": "security.owner"})["value"])
    if theirs != mine and not (mine == 0 and _serves_root(handle)):
        raise OtherUser("the lead", theirs, mine)


def _serves_root(handle: Handle) -> bool:
    """Tell whether root counts as the instance owner (flux-config-access(5))."""
    access = handle.rpc("config.get").get("access") or {}
    return access.get("allow-root-owner") is True


def _check_socket(uri: str | None, mine: int) -> None:
    """Raise OtherUser where the broker's socket, or the folder that hides it, is another user's."""
    path = _socket(uri)
    theirs = _owner(path) if path else None
    if theirs is not None and theirs != mine:
        raise OtherUser(f"the broker's socket {path}", theirs, mine)


def _socket(uri: str | None) -> Path | None:
    """Return the path of the Unix socket that a URI names, None where it names none."""
    target = uri or os.environ.get("FLUX_URI") or f"local://{_DEFAULT_SOCKET}"
    scheme = next((scheme for scheme in _SCHEMES if target.startswith(scheme)), None)
    return Path(target.removeprefix(scheme)) if scheme else None


def _owner(path: Path) -> int | None:
    """Return whose a file is, or the folder above that does not let this user see it; None: no such file."""
    for place in (path, *path.parents):
        try:
            return place.stat().st_uid
        except PermissionError:
            continue
        except OSError:
            return None
    return None
