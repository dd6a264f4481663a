"""How `burstd status` finds what stands, and shows it: tables for people, JSON for programs."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from burstd.cli.asking import NOBODY, asked, asked_at
from burstd.cli.moments import age
from burstd.config import Config
from burstd.core.errors import BurstdError
from burstd.core.model import ByHand
from burstd.core.money import day_of
from burstd.core.status import BurstStatus, PoolStatus, Status, WaitStatus, from_ledger
from burstd.core.text import printable
from burstd.engine.ledger import Ledger
from burstd.engine.orders import Orders
from burstd.engine.standnote import waited_for
from burstd.engine.statedir import state_dir

WIDTH = 120
AGAIN_SECONDS = 2.0

NO_DAEMON = "No burstd answers here: this is what its ledger says, so hosts and jobs are not known."
NOT_YET = "burstd looks at the lead for the first time: hosts and jobs are not known yet."
NEVER_SEEN = "The lead does not answer, and was not seen yet: hosts and jobs are not known."
FOR_OTHERS = "What others may see: codes and counts, and words only about your own jobs."
OLD = "The lead does not answer; hosts and jobs are as they were last seen."


def found(config: Config) -> Status:
    """Return what the daemon says, or what the ledger does where none answers.

    Raises BurstdError where a daemon runs and does not answer, LedgerError for a ledger that cannot be read.
    """
    try:
        return _read(asked(config, "status"))
    except NOBODY:
        return _by_ledger(config)


def found_at(socket: Path) -> Status:
    """Return what the daemon says at its socket for everybody. Raises BurstdError."""
    return _read(asked_at(socket, "status"))


def _read(document: Mapping[str, Any]) -> Status:
    try:
        return Status.read(document)
    except (KeyError, TypeError) as exc:
        raise BurstdError("the burstd that runs is of another version: ask with the command of that") from exc


def as_text(status: Status) -> str:
    """Return it as one JSON document, in ASCII: what clouds wrote steers no terminal."""
    return json.dumps(status.document(), indent=2)


def as_table(status: Status) -> str:
    """Return it as text for people."""
    lines = [*_head(status)]
    lines += _table(("pool", "provider", "state", "hosts", "jobs", "last error"), map(_pool, status.pools))
    if status.bursts:
        rows = (_burst(burst, status.whole) for burst in status.bursts)
        lines += _table(("burst", "phase", "age", "hosts", "jobs", "dollars", "note"), rows)
    else:
        lines.append("No burst is up.")
    if status.waiting:
        lines += _table(("jobs wait", "for", "for example", "in words"), map(_wait, status.waiting))
    return "\n".join(lines)


def watched(found: Callable[[], Status]) -> None:
    """Print what is found again and again until interrupted."""
    from rich.console import Console

    with suppress(KeyboardInterrupt):
        while True:
            text = as_table(found())
            Console().clear()
            typer.echo(text)
            time.sleep(AGAIN_SECONDS)


def _by_ledger(config: Config) -> Status:
    return replace(_of_ledger(config), stands_by=waited_for(state_dir(config)))


def _of_ledger(config: Config) -> Status:
    path, now = state_dir(config) / "ledger.db", time.time()
    providers = {pool.name: pool.provider for pool in config.pools}
    if not path.is_file():
        return from_ledger((), (), ByHand(), now, providers=providers)
    with closing(Ledger(path, read_only=True)) as ledger:
        return from_ledger(
            ledger.bursts(),
            ledger.cooldowns(now, config.limits.close_after),
            Orders(ledger).standing,
            now,
            past=ledger.past(day_of(now)),
            providers=providers,
        )


def _head(status: Status) -> Iterator[str]:
    if not status.whole:
        yield FOR_OTHERS
    if status.stands_by:
        yield printable(status.stands_by)
    unknown = _unknown(status)
    if unknown:
        yield unknown
    if status.paused:
        yield "burstd is paused and makes nothing: `burstd resume` ends that."
    if status.spend_unknown:
        yield "What was spent today is not known, so nothing is bought: see `burstd resume`."
    if status.dollars_today is not None:
        yield f"Spent today, by burstd's estimate: {status.dollars_today:.2f} dollars."


def _unknown(status: Status) -> str:
    """Say what of the tables is not known, or not as it is now; "" is nothing."""
    if status.source == "ledger":
        return NO_DAEMON
    if any(pool.hosts_online is None for pool in status.pools):
        return NOT_YET if status.lead_answers else NEVER_SEEN
    return "" if status.lead_answers else OLD


def _pool(pool: PoolStatus) -> tuple[str, ...]:
    state = pool.state.replace("-", " ")
    until = f" until {_clock(pool.until)}" if pool.until is not None else ""
    hosts = _hosts(pool.hosts_online, pool.hosts_total)
    return pool.name, pool.provider, f"{state}{until}", hosts, _count(pool.jobs), pool.last_error


def _burst(burst: BurstStatus, whole: bool) -> tuple[str, ...]:
    return (
        burst.name,
        burst.phase,
        age(burst.age_seconds),
        _hosts(burst.hosts_online, burst.hosts_total),
        _count(burst.jobs),
        f"{burst.dollars:.2f}" if burst.dollars is not None else "no price" if whole else "?",
        "; ".join(_notes(burst)),
    )


def _notes(burst: BurstStatus) -> Iterator[str]:
    if burst.why:
        yield burst.why
    if burst.last_error and burst.last_error != burst.why:
        yield f"failed: {burst.last_error}"
    if burst.pending:
        yield f"waits: {burst.pending}"


def _wait(wait: WaitStatus) -> tuple[str, ...]:
    return str(wait.jobs), wait.code, ", ".join(wait.examples), wait.sentence


def _hosts(online: int | None, total: int | None) -> str:
    return "?" if online is None and total is None else f"{_count(online)}/{_count(total)}"


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M} UTC"


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]] | map[tuple[str, ...]]) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(text)) for text in row))
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
