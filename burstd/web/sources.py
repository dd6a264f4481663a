"""What the web server asks of the daemon it stands beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.errors import BurstdError

Document = Mapping[str, Any]
"""What JSON can hold."""


class NoAnswer(BurstdError):
    """The daemon gave no answer in time."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Each may be called from any thread, and takes some seconds at most.

    They raise NoAnswer where the daemon gives none, LedgerError where its ledger cannot be read.
    """

    pulse: Callable[[], Document]
    """Whether the daemon's loop moves; has `serves`, False while it stands by, and `lead_answers`."""
    overview: Callable[[], Document]
    """See burstd.core.overview."""
    jobs: Callable[[int, int], Document]
    """At most so many jobs that wait, of those after one: see burstd.core.jobpage."""
    bursts: Callable[[], Document]
    """See burstd.core.timeline."""
    events: Callable[[int, int | None], Document]
    """At most so many sentences of the ledger, of those before one."""
    trouble: Callable[[], str]
    """What keeps the ledger from being written; "": nothing."""
    metrics: Callable[[], bytes | None]
    """The text of Prometheus; None: there are no metrics now."""
