"""`burstd render lead-toml`: the lead's broker.toml with the pools declared, and what that changes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from burstd.config import Config
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
    side = lead_side(config, before)
    return merge_lead(before, side) if before else render_lead(side)


def advice(text: str) -> Iterator[str]:
    """Yield what the file leaves to be said: a queue policy, kept as it was, that refuses burstable jobs."""
    policy = tomllib.loads(text).get("sched-fluxion-qmanager", {}).get("queue-policy")
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
