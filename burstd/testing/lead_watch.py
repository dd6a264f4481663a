"""A lead under test: how it is made, followed and steered by hand."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from burstd.core.model import Host, Job, LeadView
from burstd.lead.connect import opener
from burstd.lead.contract import Lead
from burstd.lead.handle import Handle, Payload
from burstd.lead.jobspec import command_jobspec, submit
from burstd.lead.live import LiveLead

DEADLINE = 30.0


class LeadStage(Protocol):
    """A started lead, as burstd.stage.lead.Stage makes it."""

    cores: int

    @property
    def uri(self) -> str: ...

    def start_host(self, name: str) -> None: ...

    def kill_host(self, name: str) -> None: ...

    def kill_lead(self) -> None: ...

    def restart_lead(self) -> None: ...


class Watch:
    """A lead that is followed, and the means to wait for what it shows."""

    def __init__(self, lead: Lead, handle: Handle) -> None:
        self.lead = lead
        self.handle = handle
        self._changed = threading.Condition()
        lead.start(self._note)

    def until(self, condition: Callable[[LeadView], object], seconds: float = DEADLINE) -> LeadView:
        """Wait until a view meets the condition, and return it. Raises TimeoutError with the last view."""

        def met(view: LeadView | None) -> bool:
            return view is not None and bool(condition(view))

        view = self._wait(met, seconds)
        assert view is not None
        return view

    def until_lost(self, seconds: float) -> None:
        """Wait until there is no view. Raises TimeoutError."""
        self._wait(lambda view: view is None, seconds)

    def until_job(self, job: int, condition: Callable[[Job], object]) -> Job:
        """Wait until a job meets the condition, and return it."""

        def met(view: LeadView) -> bool:
            found = find(view, job)
            return found is not None and bool(condition(found))

        found = find(self.until(met), job)
        assert found is not None
        return found

    def until_gone(self, job: int) -> LeadView:
        """Wait until a job is no longer active."""
        return self.until(lambda view: find(view, job) is None)

    def until_host(self, rank: int, condition: Callable[[Host], object]) -> Host:
        """Wait until a rank meets the condition, and return it."""
        return self.until(lambda view: condition(view.hosts[rank])).hosts[rank]

    def submit(
        self, hosts: int, *command: str, urgency: int = 16, burstable: bool | str = True, queue: str = ""
    ) -> int:
        """Submit a command on whole hosts and return the job's id."""
        jobspec = command_jobspec(command, hosts, burstable=burstable, cwd="/tmp")
        jobspec["attributes"]["system"] |= {"queue": queue} if queue else {}
        return submit(self.handle, jobspec, urgency)

    def eventlog(self, job: int) -> list[dict[str, Any]]:
        """Return the events of a job so far, as the job manager has them."""
        told = self.rpc("job-manager.getattr", id=job, attrs=["eventlog"])
        return list(told["eventlog"])

    def cancel(self, job: int) -> None:
        """Cancel a job as `flux cancel` does."""
        self.rpc("job-manager.raise", id=job, type="cancel", severity=0)

    def rpc(self, topic: str, **payload: object) -> Payload:
        """Ask rank 0 by hand."""
        return self.handle.rpc(topic, payload, 0)

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait(self, met: Callable[[LeadView | None], bool], seconds: float) -> LeadView | None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not met(view := self.lead.view()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not seen within {seconds:g} s; the last view was {view}")
                self._changed.wait(left)
        return view


def find(view: LeadView, job: int) -> Job | None:
    """Return one job of a view, None if it is not active."""
    return next((one for one in view.jobs if one.id == job), None)


class WatchedLead:
    """Subclasses define the fixture `stage`: a started LeadStage, new for each test."""

    def make_lead(self, stage: LeadStage) -> Lead:
        """Return the lead under test, not started."""
        return LiveLead(opener(stage.uri))

    @pytest.fixture
    def watch(self, stage: LeadStage) -> Iterator[Watch]:
        """The lead under test, followed."""
        with (
            contextlib.closing(self.make_lead(stage)) as lead,
            contextlib.closing(opener(stage.uri)()) as handle,
        ):
            watch = Watch(lead, handle)
            watch.until(lambda view: view.hosts[1].online)
            yield watch
