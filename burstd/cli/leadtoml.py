"""`burstd render lead-toml`: the lead's broker.toml with the pools declared, and what that changes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from burstd.config import Config, rfile
from burstd.config.declaration import lead_side
from burstd.core.errors import ConfigError, Problem
from burstd.join.brokerconfig import merge_lead, render_lead


def read_base(base: Path | None) -> str:
    """Return the text of an existing broker.toml, "" for none. Raises ConfigError."""
    if base is None:
        return ""
    try:
        return base.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        what = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigError((Problem("--base", f"{base} cannot be read: {what}"),)) from exc


def declared(config: Config, before: str) -> str:
    """Return `before` with the pools of the configuration declared. Raises ConfigError."""
    path = rfile.path_of(before)
    base = rfile.inlined(before, path, _read_r(path)) if path else before
    side = lead_side(config, base)
    return merge_lead(base, side) if base else render_lead(side)


def _read_r(path: str) -> str:
    """Return the text of an R; a relative path counts from the working directory, as in Flux."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        what = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        hint = "the hosts of the lead stand there: render where the lead's files are"
        where = f"the R at {path}, which resource.path names, cannot be read: {what}"
        raise ConfigError((Problem("--base", where, hint),)) from exc


def advice(before: str, after: str) -> Iterator[str]:
    """Yield what is left to be said: an R that was taken in, a queue policy that refuses burstable jobs."""
    path = rfile.path_of(before)
    if path:
        yield from rfile.remarks(before, path, _read_r(path))
    policy = tomllib.loads(after).get("sched-fluxion-qmanager", {}).get("queue-policy")
    if policy == "fcfs":
        yield (
            'queue-policy stays "fcfs", as the file has it: under it Fluxion refuses a job at once whose '
            'hosts are down, and burstd cannot prevent that everywhere; set it to "easy", and they wait'
        )


def difference(before: str, after: str, name: str) -> str:
    """Return what was changed as a unified diff, "" where nothing was."""
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} (with the pools)"
    )
    return "".join(lines)
