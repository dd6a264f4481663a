"""`burstd up`, `down`, `pause`, `resume`, `reopen`: orders to the daemon, or to the next one that starts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import typer

from burstd.config import Config
from burstd.core.errors import BurstdError
from burstd.core.status import Status
from burstd.engine import control
from burstd.engine.ledger import Ledger
from burstd.engine.orders import Order, Orders
from burstd.engine.statedir import alone, state_dir

_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def obeyed(config: Config, order: Order) -> Iterator[str]:
    """Yield what becomes of an order. Without a daemon it is written into the ledger for the next one.

    Raises BurstdError where it cannot be given.
    """
    state = state_dir(config)
    try:
        yield from control.ask(state, order)
    except (FileNotFoundError, ConnectionRefusedError):
        yield from _written_down(config, state, order)


def seconds(text: str) -> float:
    """Return a span such as 90, 90s, 15m, 2h or 1d in seconds. Raises typer.BadParameter."""
    found = _SPAN.fullmatch(text.strip())
    span = float(found[1]) * _SPANS[found[2] or "s"] if found else 0.0
    if span <= 0:
        raise typer.BadParameter(f"{text!r} is no span of time such as 15m, 2h or 1d", param_hint="--for")
    return span


def progress(config: Config, pool: str) -> str:
    """Say in which phase the pool's burst is ("": every pool's), as far as a daemon tells; "": none does."""
    try:
        found = Status.read(control.question(state_dir(config), "status"))
    except (OSError, BurstdError, KeyError, TypeError):
        return ""
    mine = (burst for burst in found.bursts if pool in ("", burst.pool))
    return ", ".join(f"{burst.name} is {burst.phase}" for burst in mine)


def _written_down(config: Config, state: Path, order: Order) -> Iterator[str]:
    known = [pool.name for pool in config.pools]
    with alone(state), closing(Ledger(state / "ledger.db")) as ledger:
        yield from Orders(ledger).obey(order, known, time.time())
    yield "burstd does not run here now: the next start does this."
