"""The lead met at start: followed, and waited for until it is fully read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from burstd.config import Config
from burstd.core.errors import LeadLost
from burstd.core.model import LeadView, Queue
from burstd.lead.connect import opener
from burstd.lead.contract import Lead, LeadFacts
from burstd.lead.live import LiveLead

log = logging.getLogger("burstd")

LEAD_SECONDS = 30.0
"""How long the lead may take to answer at start, before burstd gives up and says so."""

DRY_SECONDS = 5.0
"""The same for a dry run: a person waits for it."""


DEFAULT = "Flux's default socket"


class Bell:
    """What the lead rings when its view changed: first whoever waits for it, later the daemon."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self.ring: Callable[[], None] = self.changed.set

    def __call__(self) -> None:
        self.ring()


@dataclass(frozen=True, slots=True)
class Met:
    """The lead as it was met at start."""

    lead: Lead
    bell: Bell
    facts: LeadFacts
    queues: tuple[Queue, ...]
    view: LeadView


@contextmanager
def meet(config: Config, patience: float) -> Iterator[Met]:
    """Follow the lead and wait until it is fully read. Raises LeadLost when it does not answer."""
    where = config.lead.uri or DEFAULT
    lead = LiveLead(opener(config.lead.uri or None))
    bell = Bell()
    lead.start(bell)
    try:
        view = _first_view(lead, bell.changed, where, patience)
        yield Met(lead, bell, lead.facts(), lead.queues(), view)
    finally:
        lead.close()


def _first_view(lead: Lead, changed: threading.Event, where: str, patience: float) -> LeadView:
    deadline = time.monotonic() + patience
    said = False
    while True:
        view = lead.view()
        if view is not None:
            return view
        left = deadline - time.monotonic()
        if left <= 0:
            cause = f" ({lead.trouble()})" if lead.trouble() else ""
            raise LeadLost(
                f"the lead at {where} does not answer since {patience:g} s{cause}, so burstd did not "
                "start; is it running, and does $FLUX_URI or lead.uri name its rank 0 broker?"
            )
        if not changed.wait(min(left, 2.0)) and not said:
            log.info("waiting for the lead at %s, %g s at most", where, patience)
            said = True
        changed.clear()
