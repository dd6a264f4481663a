"""What the daemon says in its log: each thing once, and again only when it changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from burstd.core.jobid import f58
from burstd.core.model import Burst, LeadView, Plan, Policy, Queue
from burstd.core.reasons import Reason
from burstd.engine.effects import Ended
from burstd.engine.sentences import old_address, refused

log = logging.getLogger("burstd")


class Teller:
    """Used by the main loop alone."""

    def __init__(self) -> None:
        self._reasons: Mapping[int, Reason] = {}
        self._orders: Mapping[str, Reason] = {}
        self._errors: dict[str, str] = {}
        self._refusals: set[int] = set()

    @property
    def waiting(self) -> frozenset[int]:
        """The jobs that wait, as last planned."""
        return frozenset(self._reasons)

    def order(self, pool: str) -> Reason | None:
        """Return why hosts of a pool that were ordered by hand are not up, as last planned."""
        return self._orders.get(pool)

    def tell_plan(self, plan: Plan) -> None:
        """Say why jobs wait, and why hosts that were ordered by hand are not there."""
        for job, reason in plan.reasons:
            if self._reasons.get(job) != reason:
                log.info("job %s waits: %s", f58(job), reason)
        for pool, reason in plan.orders:
            if self._orders.get(pool) != reason:
                log.warning("pool %s was ordered up and is not: %s", pool, reason)
        self._reasons, self._orders = dict(plan.reasons), dict(plan.orders)

    def tell_outcome(self, one: Ended) -> None:
        """Say that an effect failed."""
        what, failure = f"{one.action.verb} of {one.action.key}", one.outcome.failure
        if failure is not None and not one.sent:
            log.info("%s is left for later: %s", what, failure.text)
        elif failure is None:
            self.settle(what)
            log.debug("%s: done", what)
        else:
            later = ", and may work later" if failure.retry_after is not None else ""
            self.tell_error(what, f"{what} failed{later}: {failure.text}")

    def tell_refusals(self, view: LeadView, policy: Policy, queues: tuple[Queue, ...]) -> None:
        """Name each job that Flux refused before anything could be done for it, and what submits it again."""
        for refusal in view.refused:
            if refusal.job not in self._refusals:
                self._refusals.add(refusal.job)
                log.warning("%s", refused(refusal, policy, queues))

    def tell_old_address(self, burst: Burst, now: str) -> None:
        """Say that a burst's brokers were told another address of the lead than `now`."""
        given = burst.site.lead if burst.site else ""
        if given and now and given != now:
            self.tell_error(f"address:{burst.name}", old_address(burst, given, now))

    def tell_error(self, what: str, sentence: str) -> None:
        """Say an error once, and again only when it changed."""
        if self._errors.get(what) != sentence:
            log.warning("%s", sentence)
        self._errors[what] = sentence

    def settle(self, what: str) -> None:
        """An error is over: the next of its kind is said again."""
        self._errors.pop(what, None)
