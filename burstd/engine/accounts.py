"""The money of the day, and which jobs were on which burst: in the ledger, and found again without it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from burstd.core.budget import NOTHING, read_checkpoint
from burstd.core.marks import CHECKPOINT_KEY
from burstd.core.model import Burst, Carried, Job, LeadView, Policy, Site
from burstd.core.money import day_of
from burstd.core.report import Use
from burstd.engine.ledger import Ledger
from burstd.lead.contract import Lead

log = logging.getLogger("burstd")

CARRIED = "carried"
"""The key under which stands what an earlier ledger had spent, "" if the lead had no note of it."""


class Accounts:
    """Used by the main loop alone."""

    def __init__(self, ledger: Ledger, lead: Lead, now: float) -> None:
        self._ledger = ledger
        self._lead = lead
        self._day = day_of(now)
        self._past = ledger.past(self._day)
        self._text = ledger.note(CARRIED)
        self._carried = _carried(self._text)
        self._uses = {(use.burst, use.job): use for use in ledger.uses(open_only=True)}

    def recover(self, owner: str) -> None:
        """Read the lead's note of what was spent, where the ledger is new. Raises LeadLost, LeadRefused."""
        if self._text is not None:
            return
        found = None if self._ledger.generations() else self._lead.look_up(CHECKPOINT_KEY.format(owner=owner))
        self._text = found or ""
        self._ledger.put(CARRIED, self._text)
        self._carried = _carried(self._text)
        if self._carried.day == self._day:
            log.warning(
                "the ledger is new; what was spent today before it was begun is taken from the lead's note"
            )

    def is_unknown(self, sites: Iterable[Site], policy: Policy) -> bool:
        """Say whether of paid sites neither the lead's note nor themselves tell what they have cost."""
        paid = {pool.name for pool in policy.pools if pool.paid}
        return not self._text and any(site.pool in paid and not site.created for site in sites)

    def fields(self, now: float) -> Mapping[str, Any]:
        """Return the fields of a Snapshot that are told from here."""
        if day_of(now) != self._day:
            self._day = day_of(now)
            self._past = self._ledger.past(self._day)
            self._ledger.prune(now)
        return {"past": self._past, "carried": self._carried}

    def note_back(self, burst: Burst) -> None:
        """A burst that was gone goes on in the same account: its record alone counts."""
        self._past = tuple(one for one in self._past if one.name != burst.name)

    def note_gone(self, burst: Burst) -> None:
        """A burst is gone: it counts for the day on which it ended."""
        self._past = (*self._past, burst)

    def note_uses(self, bursts: Iterable[Burst], view: LeadView, policy: Policy, now: float) -> None:
        """Write down which jobs came to hosts of bursts, or left them, since the last time."""
        seen = dict(_uses(bursts, view, policy, now))
        came = [use for key, use in seen.items() if not _same(use, self._uses.get(key))]
        left = [replace(use, ended=now) for key, use in self._uses.items() if not _same(use, seen.get(key))]
        if came or left:
            self._ledger.use([*left, *came])
            kept = {key: use for key, use in self._uses.items() if _same(use, seen.get(key))}
            self._uses = {**seen, **kept}


def _carried(text: str | None) -> Carried:
    return (read_checkpoint(text) if text else None) or NOTHING


def _uses(
    bursts: Iterable[Burst], view: LeadView, policy: Policy, now: float
) -> Iterator[tuple[tuple[str, int], Use]]:
    hosts = {host.rank: host for host in view.hosts}
    there = {job for host in view.hosts for job in host.jobs}
    owners = {job.id: job for job in view.jobs if job.id in there} if there else {}
    for burst in bursts:
        pool = policy.pool(burst.pool)
        mine = [hosts[rank] for rank in pool.ranks[: burst.size] if rank in hosts] if pool else []
        for job in sorted({job for host in mine for job in host.jobs}):
            count = sum(job in host.jobs for host in mine)
            yield (burst.name, job), Use(burst.name, job, _user(owners.get(job)), count, now)


def _user(job: Job | None) -> int:
    return job.userid if job is not None else 0


def _same(use: Use, other: Use | None) -> bool:
    return other is not None and (use.burst, use.job, use.hosts) == (other.burst, other.job, other.hosts)
