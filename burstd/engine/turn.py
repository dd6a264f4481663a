"""One burstd at a time for a lead: who has the turn, and how one that lost it is kept from doing harm.

Three things together. A service name at the lead's rank 0, which its broker gives to one connection and frees
when that ends. An epoch, a text that no other burstd has, in the lead's KVS and in the ledger: one that was
paused, and whose place was taken meanwhile, finds another epoch there and makes no call. The lock on the
state directory (burstd.engine.wiring) keeps a second one on this machine from starting at all.
"""

from __future__ import annotations

import threading
from uuid import uuid4

from burstd.core.errors import LeadLost, TurnLost
from burstd.core.marks import EPOCH_KEY
from burstd.core.model import Action
from burstd.engine.ledger import EPOCH, Ledger
from burstd.lead.contract import Lead

SERVICE = "burstd"
"""The name at rank 0: two burstd for one lead would open, hold and drain against each other."""


class Unrivalled:
    """The turn of one that has no rival."""

    lost = False

    def confirm(self) -> None:
        """Nobody else could have it."""

    def check(self, action: Action) -> None:
        """Let every call leave."""


UNRIVALLED = Unrivalled()


class Turn:
    """The turn of one burstd, from `take` on until another takes it. `check` may be called by any thread."""

    def __init__(self, lead: Lead, ledger: Ledger, owner: str) -> None:
        self._lead = lead
        self._ledger = ledger
        self._key = EPOCH_KEY.format(owner=owner)
        self._lost = threading.Event()
        self.epoch = ""

    @property
    def lost(self) -> bool:
        """Whether another burstd was seen to have the turn."""
        return self._lost.is_set()

    def take(self) -> None:
        """Begin an epoch. Raises TurnLost where another burstd serves the lead, LeadLost, LeadRefused."""
        if not self._lead.register(SERVICE):
            raise TurnLost(
                f"another burstd serves this lead: it has the service name {SERVICE!r}; stop it first"
            )
        before = (self._lead.look_up(self._key), self._ledger.note(EPOCH))
        self.epoch = f"{1 + max(map(_number, before))}.{uuid4().hex}"
        self._ledger.begin_epoch(self.epoch)
        self._lead.store(self._key, self.epoch)

    def confirm(self) -> None:
        """Say again whose turn it is to a lead that has restarted and may have forgotten it.

        Raises TurnLost where it says something else, LeadLost while the service name is not given again.
        """
        if self.epoch and self._lead.look_up(self._key) is None and self._lead.registered():
            self._lead.store(self._key, self.epoch)
        self._compare()

    def check(self, _action: Action) -> None:
        """Let a call leave. Raises TurnLost, LeadLost where the lead does not say whose turn it is."""
        if not self.epoch:
            return
        if self.lost:
            raise TurnLost("another burstd serves this lead by now")
        self._compare()

    def _compare(self) -> None:
        found = self._lead.look_up(self._key)
        if found is None or not self._lead.registered():
            raise LeadLost("the lead does not confirm that this burstd serves it")
        if found != self.epoch:
            self._lost.set()
            raise TurnLost("another burstd serves this lead by now")


def _number(epoch: str | None) -> int:
    first = (epoch or "").partition(".")[0]
    return int(first) if first.isdigit() else 0
