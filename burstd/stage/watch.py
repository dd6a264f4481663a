"""Watches a lead until something is so: for the demo, the tests and the bench."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from burstd.core.errors import BurstdError
from burstd.core.model import LeadView
from burstd.lead.connect import opener
from burstd.lead.jobspec import command_jobspec, submit
from burstd.lead.live import LiveLead
from burstd.lead.rlite import shares
from burstd.stage.output import follow, read_output

PATIENCE_SECONDS = 30.0
"""How long anything watched for may take."""


class NotSo(BurstdError):
    """What was watched for did not come about in time."""


class Watch:
    """A lead, followed by its journals, and a handle to steer it as its user would."""

    def __init__(self, uri: str, check: Callable[[], None] = lambda: None) -> None:
        """Follow the lead at `uri`; `check` is called while waiting and may raise to end it."""
        connect = opener(uri)
        self.lead = LiveLead(connect)
        self.handle = connect()
        self.check = check
        self._changed = threading.Event()
        self.lead.start(self._changed.set)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.handle.close()
        self.lead.close()

    def until(
        self, condition: Callable[[LeadView], bool], what: str, seconds: float = PATIENCE_SECONDS
    ) -> LeadView:
        """Wait until the condition holds of the lead; return the view in which it does.

        Raises NotSo, naming `what`, when it does not hold in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._changed.clear()
            view = self.lead.view()
            if view is not None and condition(view):
                return view
            self.check()
            self._changed.wait(0.5)
        raise NotSo(f"after {seconds:g} s it is still not so that {what}")

    def until_online(self, hosts: Iterable[str], seconds: float = PATIENCE_SECONDS) -> LeadView:
        """Wait until all of the hosts are online."""
        wanted = set(hosts)
        return self.until(
            lambda view: wanted <= {host.name for host in view.hosts if host.online},
            f"{', '.join(sorted(wanted))} are online",
            seconds,
        )

    def until_released(self, hosts: Iterable[str], seconds: float = PATIENCE_SECONDS) -> LeadView:
        """Wait until none of the hosts is online or drained."""
        names = set(hosts)

        def released(view: LeadView) -> bool:
            mine = [host for host in view.hosts if host.name in names]
            return not any(host.online or host.drain_reason is not None for host in mine)

        return self.until(released, f"{', '.join(sorted(names))} are released", seconds)

    def until_ended(self, job: int, seconds: float = PATIENCE_SECONDS) -> tuple[int, ...]:
        """Wait until a job is over; return the ranks it ran on, in task order."""
        for _ in follow(self.handle, job, "eventlog", seconds):
            self.check()
        answer = self.handle.rpc("job-info.lookup", {"id": job, "keys": ["R"], "flags": 1})
        return tuple(shares(answer["R"]))

    def submit(self, command: Sequence[str], hosts: int, **options: Any) -> int:
        """Submit a burstable job for whole hosts; return its id."""
        options = {"burstable": 1, "cwd": "/tmp", **options}
        return submit(self.handle, command_jobspec(command, hosts, **options))

    def output(self, job: int) -> list[tuple[int, str]]:
        """Return what a job wrote, line by line, each with its task."""
        return read_output(self.handle, job, PATIENCE_SECONDS)
