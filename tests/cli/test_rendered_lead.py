"""A lead that starts with what `render lead-toml` writes has the queues that it should."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import pytest

from burstd.cli.leadtoml import declared
from burstd.config import Config, resolve
from burstd.core.model import Job, JobState, LeadView, Queue
from burstd.lead.connect import opener
from burstd.lead.jobspec import command_jobspec, submit
from burstd.lead.live import LiveLead
from burstd.stage.lead import Sched, Stage
from burstd.stage.machine import has_fluxion


class Followed:
    """A rendered lead that is followed."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lead = LiveLead(opener(stage.uri))
        self._changed = threading.Event()

    def __enter__(self) -> Self:
        self.lead.start(self._changed.set)
        return self

    def __exit__(self, *_: object) -> None:
        self.lead.close()

    def queues(self) -> dict[str, Queue]:
        return {queue.name: queue for queue in self.lead.queues()}

    def until(self, met: Callable[[LeadView], bool]) -> LeadView:
        deadline = time.monotonic() + 20
        while True:
            self._changed.clear()
            view = self.lead.view()
            if view is not None and met(view):
                return view
            assert self._changed.wait(deadline - time.monotonic()), f"not in time: {view}"

    def until_job(self, job: int, met: Callable[[Job], bool]) -> Job:
        view = self.until(lambda view: any(one.id == job and met(one) for one in view.jobs))
        return next(one for one in view.jobs if one.id == job)

    def submit(self, hosts: int) -> int:
        with closing(self.stage.handle()) as handle:
            return submit(handle, command_jobspec(["true"], hosts, cwd="/tmp"))

    def agrees(self, config: dict[str, Any]) -> None:
        facts, view = self.lead.facts(), self.until(lambda view: bool(view.hosts))
        resolve(
            Config.model_validate(config),
            hostlist=facts.hostlist,
            hosts=view.hosts,
            endpoint=facts.lead_endpoint,
            curve_cert=facts.curve_cert,
            paid={},
            queues=self.lead.queues(),
        )


class Rendered(Stage):
    """A stage whose lead has the file that is merged from the stage's own and a configuration."""

    config: Config

    def lead_toml(self) -> str:
        """Return the lead's broker.toml."""
        return declared(self.config, super().lead_toml())


def lead_of(config: dict[str, Any], flavor: Any, sched: Sched, folder: str) -> Rendered:
    stage = Rendered(Path(folder), flavor, sched=sched)
    stage.config = Config.model_validate(config)
    return stage


KINDS = [
    pytest.param(("embedded", "fifo"), id="embedded"),
    pytest.param(("real", "fifo"), id="sched-simple", marks=pytest.mark.real_flux),
    pytest.param(
        ("real", "easy"),
        id="fluxion",
        marks=[pytest.mark.real_flux, pytest.mark.skipif(not has_fluxion(), reason="needs Fluxion")],
    ),
]

pytestmark = pytest.mark.process


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="burstd-") as name:
        yield name


@pytest.fixture
def lead(request: pytest.FixtureRequest, folder: str) -> Iterator[Followed]:
    """A lead of a kind, rendered from a configuration."""
    kind, config = request.param
    with lead_of(config, *kind, folder) as stage, Followed(stage) as followed:
        yield followed


def kinds(config: dict[str, Any]) -> pytest.MarkDecorator:
    params = [pytest.param((*kind.values, config), id=kind.id, marks=kind.marks) for kind in KINDS]
    return pytest.mark.parametrize("lead", params, indirect=True)


@kinds({})
def test_the_queues_of_a_rendered_lead(lead: Followed) -> None:
    """The queues are there, stopped without a reason, and hosts have the properties that these require."""
    assert lead.queues() == {
        "batch": Queue("batch", False, requires=frozenset({"local"})),
        "burst-0": Queue("burst-0", False, requires=frozenset({"burst-0"})),
        "mixed": Queue("mixed", False),
    }
    hosts = lead.until(lambda view: len(view.hosts) == 8).hosts
    assert [host.shape.properties for host in hosts] == [{"local"}] * 4 + [{"burst", "burst-0"}] * 4
    lead.agrees({"lead": {"start_queues": ["batch", "mixed"]}, "pools": [{"queue": "burst-0"}]})


@kinds({})
def test_batch_runs_jobs_once_it_is_started(lead: Followed) -> None:
    """A job without a queue goes to batch, waits while that is stopped, and runs when it is started."""
    job = lead.submit(hosts=1)
    waiting = lead.until_job(job, lambda job: job.state is JobState.SCHED)
    assert (waiting.queue, waiting.constraint.allows(0, "flux-sample-0", frozenset({"local"}))) == (
        "batch",
        True,
    )
    lead.lead.start_queue("batch")
    lead.until(lambda view: all(one.id != job for one in view.jobs))


@kinds({"placement": "mixed"})
def test_an_open_batch(lead: Followed) -> None:
    """With mixed placement batch requires nothing, and the lead takes the file with its comment."""
    assert lead.queues()["batch"] == Queue("batch", False)
