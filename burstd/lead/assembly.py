"""The two folds put together into a LeadView, redrawing only what changed. Pure."""

from __future__ import annotations

from burstd.core.model import Host, LeadView
from burstd.lead.eventlog import JobLog
from burstd.lead.inventory import Inventory


class Assembly:
    """Draws the view of one pair of folds.

    `quiet_from` is a moment before which no host counts as quiet: a journal read anew does not tell
    of jobs that ended meanwhile, so idleness is counted from that reading. Seconds since the epoch.
    """

    def __init__(self, generation: str, jobs: JobLog, inventory: Inventory, quiet_from: float = 0.0) -> None:
        self._generation = generation
        self._jobs = jobs
        self._inventory = inventory
        self._quiet_from = quiet_from
        self._hosts: dict[int, Host] = {}
        self._view: LeadView | None = None
        inventory.touched |= inventory.declared.keys()

    def note_change(self) -> None:
        """Say that a fold took something in, so that the next view is drawn anew."""
        self._view = None

    def view(self) -> LeadView:
        """Return the view as the folds have it; the same value again as long as nothing changed."""
        if self._view is None:
            self._redraw()
            hosts = tuple(map(self._hosts.__getitem__, self._inventory.declared))
            jobs, refused = tuple(self._jobs.jobs.values()), tuple(self._jobs.refused)
            self._view = LeadView(self._generation, hosts, jobs, refused)
        return self._view

    def _redraw(self) -> None:
        for rank in self._jobs.touched | self._inventory.touched:
            if rank in self._inventory.declared:
                self._hosts[rank] = self._host(rank)
        self._jobs.touched.clear()
        self._inventory.touched.clear()

    def _host(self, rank: int) -> Host:
        name, shape = self._inventory.declared[rank]
        condition = self._inventory.conditions[rank]
        held = self._jobs.on_rank.get(rank, {})
        return Host(
            rank,
            name,
            shape,
            condition.online,
            condition.torpid,
            self._inventory.reason(rank),
            shape.cores - sum(share.cores for share in held.values()),
            shape.gpus - sum(share.gpus for share in held.values()),
            tuple(sorted(held)),
            max(condition.quiet_since, self._jobs.freed.get(rank, 0.0), self._quiet_from),
        )
