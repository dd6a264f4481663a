"""`burstd orphans` and `burstd gc`: what a burstd that is gone left behind, and its removal."""

from __future__ import annotations

import time
from collections.abc import Callable

from burstd.config import Config
from burstd.engine.collector import collect
from burstd.engine.orphans import Seen, Survey, owners, survey, views

Say = Callable[[str], None]

_HEAD = ("SITE", "POOL", "OWNER", "AGE", "LAST SIGN OF LIFE", "WHAT IT IS")
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def orphans(config: Config, owner: str, *, every: bool, say: Say, warn: Say) -> bool:
    """Print a table of the orphans; return whether everything could be seen."""
    named, gaps = _owners(config, owner, every)
    now = time.time()
    with views(config, named) as found:
        seen = survey(found, now)
    for line in _table(seen, now) if seen.orphans else (_nothing(named),):
        say(line)
    return _told(gaps + seen.gaps, warn)


def gc(config: Config, owner: str, *, every: bool, dry_run: bool, say: Say, warn: Say) -> bool:
    """Remove the orphans, or only say which they are; return whether nothing of them is left or unseen."""
    named, gaps = _owners(config, owner, every)
    now = time.time()
    with views(config, named) as found:
        seen = survey(found, now)
        if dry_run:
            for one in seen.orphans:
                say(f"{one.site.name} would be removed: {_sign(one, now)}, {_what(one)}.")
        gone = dry_run or collect(config, seen, say)
    return _told(gaps + seen.gaps, warn) and gone


def _owners(config: Config, owner: str, every: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return owners(config) if every else ((owner or config.owner,), ())


def _told(gaps: tuple[str, ...], warn: Say) -> bool:
    for gap in dict.fromkeys(gaps):
        warn(f"burstd: {gap}")
    return not gaps


def _nothing(named: tuple[str, ...]) -> str:
    return f"There is no orphan of {', '.join(named)}."


def _table(seen: Survey, now: float) -> list[str]:
    rows = [_HEAD, *(_row(one, now) for one in seen.orphans)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _row(one: Seen, now: float) -> tuple[str, ...]:
    age = _span(now - one.site.created) if one.site.created else "?"
    return (one.site.name, one.site.pool, one.view.owner, age, _sign(one, now), _what(one))


def _sign(one: Seen, now: float) -> str:
    return f"{one.sign.what} {_span(now - (one.sign.at or 0.0))} ago"


def _what(one: Seen) -> str:
    hosts = len(one.site.hosts)
    runs = "kept, nothing runs" if one.site.kept_until is not None else f"{hosts or 'no'} hosts run"
    price = f", about {one.dollars_per_hour:.2f} dollars an hour" if one.dollars_per_hour else ""
    return f"{one.view.pool.provider}, {'1 host runs' if hosts == 1 else runs}{price}"


def _span(seconds: float) -> str:
    """Return a span in its two largest units."""
    parts: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(max(seconds, 0.0), size)
        parts += [f"{count:.0f} {unit}"] if count or (unit == "s" and not parts) else []
    return " ".join(parts[:2])
